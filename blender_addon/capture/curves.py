# SPDX-License-Identifier: GPL-3.0-or-later
"""A control that is a curve -> the points of a joint that moves along it.

Shapes: K frames, P points of a line.
"""

from __future__ import annotations

from collections.abc import Generator

import bpy
import numpy as np

from .. import offscreen
from ..shared.errors import BadControl
from . import pace, paths, stroke
from .kinds import Control, control_label
from .standing import standing_ends
from .timing import continuous, scene_fps, span

MANY_LINES = 64
"""More than these are a head of hair or a drawing, and nobody means to walk along all of them."""


def read_curve(control: Control, scene: bpy.types.Scene) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
    """Scene frames (K,) and world points (K, 3) of a joint that moves along a curve."""
    start, end = span(control)
    frames = continuous(start, end, control, scene)
    line = _line(control, start)
    yield
    if control.pace == "ANIMATED":
        if control.target.type != "CURVE":
            raise BadControl(
                f"{control_label(control)} has no Evaluation Time, since it is no curve.", "Set Speed to Even."
            )
        return frames, (yield from offscreen.followed_path(control.target, frames, control.spline, control.reverse))
    try:
        points = paths.points_along(line, _fractions(control, line, frames, scene))
    except BadControl as error:
        raise BadControl(f"{control_label(control)} has fewer than two different points.", error.hint) from None
    if not offscreen.may_move(control.target):
        return frames, points
    # The line was read where the curve was at the start; a curve that is moved by something moves its points along.
    matrices = yield from offscreen.world_matrices(control.target, [start, *frames])
    return frames, paths.carried(points, matrices[0], matrices[1:])


def _line(control: Control, frame: float) -> np.ndarray:
    """The world points (P, 3) of the curve as it is at ``frame``, in the order in which they are followed."""
    line = chosen_line(control_label(control), offscreen.path_lines(control.target, frame), control.spline)
    return line[::-1] if control.reverse else line


def chosen_line(label: str, lines: list[np.ndarray], number: int) -> np.ndarray:
    """The points (P, 3) of the line with this ``number`` from 1, or with 0 of all in order. Raises BadControl, with the
    ``label`` of what they belong to, where there is none, no such one, or more than anybody means to follow.
    """
    if not lines:
        raise BadControl(f"{label} has fewer than two points.", "Draw at least two points at different positions.")
    if number == 0 and len(lines) > MANY_LINES:
        raise BadControl(
            f"{label} has {len(lines)} separate lines; a path is one.",
            "Choose one under Spline, or copy it into an object of its own.",
        )
    if number > len(lines):
        raise BadControl(
            f"{label} has no spline {number}: it has {len(lines)}.", "Choose one of them, or 0 for all in order."
        )
    return np.concatenate(lines) if number == 0 else lines[number - 1]


def _fractions(control: Control, line: np.ndarray, frames: np.ndarray, scene: bpy.types.Scene) -> np.ndarray:
    """Fraction (K,) of the length of ``line`` (P, 3) that is covered at each frame."""
    fps = scene_fps(scene)
    seconds = (control.frame_end - control.frame_start) / fps
    length = stroke.length(line) * scene.unit_settings.scale_length
    eased_in, eased_out = control.pace in ("EASE", "EASE_IN"), control.pace in ("EASE", "EASE_OUT")
    from_standing, to_standing = standing_ends(control, scene)
    stands = from_standing and not eased_in, to_standing and not eased_out
    rise, fall, rest = pace.standing_times(length, seconds, stands)
    return pace.progress(
        (frames - control.frame_start) / fps,
        seconds - rest,
        ease_in=control.ease if eased_in else rise,
        ease_out=control.ease if eased_out else fall,
    )
