# SPDX-License-Identifier: GPL-3.0-or-later
"""At which scene frames a control applies. K frames."""

from __future__ import annotations

import math
from collections.abc import Iterator

import bpy
import numpy as np

from .. import compat
from ..shared import space
from ..shared.errors import BadControl
from . import paths
from .kinds import Control, control_label

TRANSFORM_CHANNELS = (
    "location",
    "rotation_euler",
    "rotation_quaternion",
    "rotation_axis_angle",
    "scale",
    "delta_location",
)


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second of the scene, 59.94 included."""
    return scene.render.fps / scene.render.fps_base


def span(control: Control) -> tuple[int, int]:
    """First and last scene frame of a control. Raises BadControl when it ends before it starts."""
    start, end = control.frame_start, control.frame_end
    if end <= start:
        raise BadControl(
            f"{control_label(control)} ends at frame {end}, but starts at {start}.", "Set the end later than the start."
        )
    return start, end


def continuous(first: float, last: float, control: Control, scene: bpy.types.Scene) -> np.ndarray:
    """The frames (K,) of a control that applies from ``first`` to ``last``: the model's own, or those of them and of
    the span that are listed when it applies at some frames only.
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
    """The scene frames (K,), rarely whole, of the model's own frames from ``first`` to ``last``, so that nothing is
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
            f"{control_label(control)} has no effect: none of the frames {control.frames} is in its range.",
            "Choose frames in its range, or disable Only at Frames.",
        )
    return frames


def keyed_frames(target: bpy.types.Object, bone: str = "") -> np.ndarray:
    """The frames (K,), ascending, at which the Action of the object or bone has keys of location, rotation or scale."""
    prefix = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].' if bone else ""
    wanted = {prefix + channel for channel in TRANSFORM_CHANNELS}
    frames: set[float] = set()
    for curve in assigned_curves(target):
        if curve.data_path in wanted and not curve.mute:
            frames.update(round(key.co.x, 4) for key in curve.keyframe_points)
    return np.array(sorted(frames))


def assigned_curves(owner: bpy.types.ID) -> Iterator[bpy.types.FCurve]:
    """The F-curves of the Action that ``owner`` plays."""
    bag = compat.played_bag(owner)
    if bag is not None:
        yield from bag.fcurves
