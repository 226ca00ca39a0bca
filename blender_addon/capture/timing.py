# SPDX-License-Identifier: GPL-3.0-or-later
"""At which scene frames a control counts, and what it is called where they are wrong. K frames."""

from __future__ import annotations

import math
from types import SimpleNamespace

import bpy
import numpy as np

from ..shared import space
from ..shared.errors import BadControl
from . import paths

Control = bpy.types.PropertyGroup | SimpleNamespace
"""A control of the list, or what it said when reading began."""


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second of the scene, 59.94 included."""
    return scene.render.fps / scene.render.fps_base


def control_label(control: Control) -> str:
    """What the control is called in lists and messages."""
    if control.target is None:
        return "An empty control"
    return f"'{control.target.name}: {control.bone}'" if control.bone else f"'{control.target.name}'"


def is_relative(control: Control) -> bool:
    """Whether the control keeps its joint at an offset from another joint, rather than in the world."""
    return control.relative_to != "WORLD"


def span(control: Control) -> tuple[int, int]:
    """The first and the last scene frame between which a control leads. Raises BadControl when it ends too early."""
    start, end = control.frame_start, control.frame_end
    if end <= start:
        raise BadControl(
            f"{control_label(control)} ends at frame {end}, but starts at {start}.", "Let it end later than it starts."
        )
    return start, end


def continuous(first: float, last: float, control: Control, scene: bpy.types.Scene) -> np.ndarray:
    """The frames (K,) of a control that leads from ``first`` to ``last``: the model's own, or what is left of them
    and of the span when it counts at some frames only.
    """
    if not control.use_frames:
        return _model_frames(first, last, scene)
    chosen = [
        _model_frames(max(low, first), min(high, last), scene)
        for low, high in paths.frame_ranges(control.frames)
        if max(low, first) <= min(high, last)
    ]
    return some_of(np.unique(np.concatenate([*chosen, np.empty(0)])), control)


def _model_frames(first: float, last: float, scene: bpy.types.Scene) -> np.ndarray:
    """The scene frames (K,), seldom whole, of the model's own frames from ``first`` to ``last``, so that nothing is
    lost between the two clocks; the two ends themselves when there are fewer than two.
    """
    start, fps = scene.gaitway.start_frame, scene_fps(scene)
    low, high = (space.scene_to_model_frame(frame, start, fps) for frame in (first, last))
    inside = np.arange(math.ceil(low - 1e-6), math.floor(high + 1e-6) + 1, dtype=float)
    frames = np.asarray(space.model_to_scene_frame(inside, start, fps))
    return frames if len(frames) > 1 else np.unique([float(first), float(last)])


def some_of(frames: np.ndarray, control: Control) -> np.ndarray:
    """``frames`` (K,) again. Raises BadControl when there are none."""
    if len(frames) == 0:
        raise BadControl(
            f"{control_label(control)} leads at none of the frames '{control.frames}'.",
            "Choose frames of its own, or switch Only at Frames off.",
        )
    return frames
