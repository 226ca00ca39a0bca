# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses to F-curves, a whole channel at a time: one keyframe_insert would cost more than a thousand keys do here."""

from __future__ import annotations

import bpy
import numpy as np

from .. import compat
from ..shared import quat
from .fk import strip_scale
from .rotation_modes import channels
from .solve import Solution


def write(
    action: bpy.types.Action,
    slot: bpy.types.ActionSlot,
    frames: np.ndarray,
    solution: Solution,
    rotation_modes: dict[str, str],
) -> tuple[str, ...]:
    """Key ``solution`` at scene ``frames`` (K,) into ``slot``; returns the bones that were keyed. Keys are typed as
    generated.

    ``rotation_modes``: bone -> Blender's rotation mode, which is kept; that of the object under "".
    """
    bag = compat.ensure_channelbag(action, slot)
    if solution.place is not None:
        turns = quat.make_continuous(quat.from_matrix(strip_scale(solution.place)[:, :3, :3]))
        _write_channels(bag, "", "location", frames, solution.place[:, :3, 3])
        prop, values = channels(turns, rotation_modes[""])
        _write_channels(bag, "", prop, frames, values)
    for bone, rotations in solution.rotations.items():
        prop, values = channels(rotations, rotation_modes[bone])
        if bone == solution.carrier:
            _write_channels(bag, bone, "location", frames, solution.location)
        _write_channels(bag, bone, prop, frames, values)
    if solution.carrier not in solution.rotations:
        _write_channels(bag, solution.carrier, "location", frames, solution.location)
    for bone, locations in solution.locations.items():
        _write_channels(bag, bone, "location", frames, locations)
    for (bone, prop), value in solution.properties.items():
        # One key holds for the whole Action.
        _write_channels(bag, bone, f'["{bpy.utils.escape_identifier(prop)}"]', frames[:1], np.array([[value]]))
    bones = (*solution.rotations, solution.carrier, *solution.locations, *(bone for bone, _ in solution.properties))
    return tuple(dict.fromkeys(bones))


def _write_channels(
    bag: bpy.types.ActionChannelbag, bone: str, prop: str, frames: np.ndarray, values: np.ndarray
) -> None:
    """One F-curve for each column of ``values`` (K, C); of the object itself where ``bone`` is empty."""
    start = f'pose.bones["{bpy.utils.escape_identifier(bone)}"]'
    path = prop if not bone else start + prop if prop.startswith("[") else f"{start}.{prop}"
    group = bone or "Object Transforms"
    for index, column in enumerate(values.T):
        points = compat.new_fcurve(bag, path, index, group).keyframe_points
        points.add(len(frames))
        points.foreach_set("co", np.stack([frames, column], -1).astype(np.float32).ravel())
        points.foreach_set(
            "interpolation", np.full(len(frames), _enum_value("interpolation", "BEZIER"), dtype=np.int32)
        )
        # Automatic handles make a curve of even acceleration, which keeps what lies between two scene frames and
        # stays good to edit.
        for side in ("handle_left_type", "handle_right_type"):
            points.foreach_set(side, np.full(len(frames), _enum_value(side, "AUTO"), dtype=np.int32))
        points.foreach_set("type", np.full(len(frames), _enum_value("type", "GENERATED"), dtype=np.int32))
        if len(frames) > 1:
            _lean(points[0], column[1] - column[0])
            _lean(points[-1], column[-1] - column[-2])
    for fcurve in bag.fcurves[-values.shape[1] :]:
        fcurve.update()


def _lean(key: bpy.types.Keyframe, slope: float) -> None:
    """Give an end key handles along ``slope`` (per frame); automatic ones would lie flat and let the motion start
    and stop softly."""
    key.handle_left_type = key.handle_right_type = "FREE"
    key.handle_left = key.co[0] - 1 / 3, key.co[1] - slope / 3
    key.handle_right = key.co[0] + 1 / 3, key.co[1] + slope / 3


def is_all_generated(action: bpy.types.Action) -> bool:
    """Whether every key of ``action`` is typed as generated, so that nothing made by hand would be lost with it."""
    generated = _enum_value("type", "GENERATED")
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                for fcurve in bag.fcurves:
                    types = np.zeros(len(fcurve.keyframe_points), dtype=np.int32)
                    fcurve.keyframe_points.foreach_get("type", types)
                    if (types != generated).any():
                        return False
    return True


def _enum_value(prop: str, item: str) -> int:
    return bpy.types.Keyframe.bl_rna.properties[prop].enum_items[item].value
