# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses to F-curves, a whole channel at a time: one keyframe_insert would cost more than a thousand keys do here."""

from __future__ import annotations

from collections.abc import Generator

import bpy
import numpy as np

from .. import compat
from ..retarget.keys.spline_fit import Channel, Curve
from ..retarget.pose.fk import strip_scale
from ..retarget.pose.rotation_modes import rotation_channels
from ..retarget.pose.solve import Solution
from ..shared import quat


def solution_curves(
    frames: np.ndarray, solution: Solution, rotation_modes: dict[str, str]
) -> Generator[None, None, list[Curve]]:
    """``solution`` as curves with a key at each of the scene ``frames`` (K,), bone by bone; a generator that hands the
    thread back.

    ``rotation_modes``: bone -> Blender's rotation mode, which is kept; that of the object under "".
    """
    found = []
    if solution.object_matrices is not None:
        rotations = quat.make_continuous(quat.from_matrix(strip_scale(solution.object_matrices)[:, :3, :3]))
        found.append(Curve.dense("", "location", frames, solution.object_matrices[:, :3, 3]))
        prop, values = rotation_channels(rotations, rotation_modes[""])
        found.append(Curve.dense("", prop, frames, values))
    for bone, rotations in solution.rotations.items():
        if bone == solution.location_bone:
            found.append(Curve.dense(bone, "location", frames, solution.location))
        prop, values = rotation_channels(rotations, rotation_modes[bone])
        found.append(Curve.dense(bone, prop, frames, values))
        yield
    if solution.location_bone not in solution.rotations:
        found.append(Curve.dense(solution.location_bone, "location", frames, solution.location))
    for bone, locations in solution.locations.items():
        found.append(Curve.dense(bone, "location", frames, locations))
    for (bone, prop), value in solution.properties.items():
        # One key holds for the whole Action.
        path = f'["{bpy.utils.escape_identifier(prop)}"]'
        found.append(Curve.dense(bone, path, frames[:1], np.array([[value]])))
    return found


def write_curve(action: bpy.types.Action, curve: Curve) -> None:
    """Key ``curve`` into the first slot of ``action``. Keys are typed as generated."""
    bag = compat.ensure_bag(action, next(iter(compat.slots(action)), None))
    start = f'pose.bones["{bpy.utils.escape_identifier(curve.bone)}"]'
    path = start + curve.prop if curve.prop.startswith("[") else f"{start}.{curve.prop}"
    if not curve.bone:
        path = curve.prop
    for index, channel in enumerate(curve.channels):
        fcurve = compat.new_fcurve(bag, path, index, curve.bone or "Object Transforms")
        _write_channel(fcurve.keyframe_points, channel)
        fcurve.update()


def _write_channel(points: bpy.types.FCurveKeyframePoints, channel: Channel) -> None:
    count = len(channel.frames)
    points.add(count)
    points.foreach_set("co", _pairs(channel.frames, channel.values))
    _set_all(points, "interpolation", "BEZIER")
    _set_all(points, "type", "GENERATED")
    # Automatic handles make a curve of even acceleration, which keeps what lies between two scene frames and stays good
    # to edit; where keys are few their slopes are part of the motion.
    handles = "AUTO" if channel.slopes is None else "ALIGNED"
    for side in ("handle_left_type", "handle_right_type"):
        _set_all(points, side, handles)
    if channel.slopes is not None:
        _set_handles(points, channel, channel.slopes)
    elif count > 1:
        _lean(points[0], channel.values[1] - channel.values[0])
        _lean(points[-1], channel.values[-1] - channel.values[-2])


def _set_handles(points: bpy.types.FCurveKeyframePoints, channel: Channel, slopes: np.ndarray) -> None:
    """Handles a third of the way to the next key: there Blender's curve is a cubic of time."""
    thirds = np.diff(channel.frames) / 3
    before, after = np.append(thirds[:1], thirds), np.append(thirds, thirds[-1:])
    points.foreach_set("handle_left", _pairs(channel.frames - before, channel.values - before * slopes))
    points.foreach_set("handle_right", _pairs(channel.frames + after, channel.values + after * slopes))


def _pairs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([x, y], -1).astype(np.float32).ravel()


def _set_all(points: bpy.types.FCurveKeyframePoints, prop: str, item: str) -> None:
    points.foreach_set(prop, np.full(len(points), _enum_value(prop, item), dtype=np.int32))


def _lean(key: bpy.types.Keyframe, slope: float) -> None:
    """Give an end key handles along ``slope`` (per frame); automatic ones would lie flat and let the motion start
    and stop softly."""
    key.handle_left_type = key.handle_right_type = "FREE"
    key.handle_left = key.co[0] - 1 / 3, key.co[1] - slope / 3
    key.handle_right = key.co[0] + 1 / 3, key.co[1] + slope / 3


def is_all_generated(action: bpy.types.Action) -> bool:
    """Whether every key of ``action`` is typed as generated, so that nothing made by hand would be lost with it."""
    generated = _enum_value("type", "GENERATED")
    for bag in compat.bags(action):
        for fcurve in bag.fcurves:
            types = np.zeros(len(fcurve.keyframe_points), dtype=np.int32)
            fcurve.keyframe_points.foreach_get("type", types)
            if (types != generated).any():
                return False
    return True


def _enum_value(prop: str, item: str) -> int:
    return bpy.types.Keyframe.bl_rna.properties[prop].enum_items[item].value
