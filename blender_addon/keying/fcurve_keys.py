# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of an F-curve as arrays, so that they can be cut, joined and copied with everything that belongs to them."""

from __future__ import annotations

import bpy
import numpy as np

from .. import compat

KEY_FIELDS = {
    "co": (2, np.float32),
    "handle_left": (2, np.float32),
    "handle_right": (2, np.float32),
    "handle_left_type": (1, np.int32),
    "handle_right_type": (1, np.int32),
    "interpolation": (1, np.int32),
    "easing": (1, np.int32),
    "type": (1, np.int32),
    "back": (1, np.float32),
    "amplitude": (1, np.float32),
    "period": (1, np.float32),
}
CURVE_FIELDS = ("extrapolation", "mute", "lock", "hide", "color_mode", "color", "auto_smoothing")

ChannelPath = tuple[str, int]
"""Data path and array index of a curve, by which another tick finds it again."""

Keys = dict[str, np.ndarray]
"""Field of a key -> its values (K, width), in the order of time."""


def read_keys(curve: bpy.types.FCurve) -> Keys:
    """All keys of ``curve``."""
    points = curve.keyframe_points
    keys = {}
    for name, (width, dtype) in KEY_FIELDS.items():
        values = np.empty(len(points) * width, dtype)
        points.foreach_get(name, values)
        keys[name] = values.reshape(-1, width)
    return keys


def key_types(curve: bpy.types.FCurve) -> np.ndarray:
    """The types (K,) of its keys, which are read sooner than all of them."""
    found = np.empty(len(curve.keyframe_points), np.int32)
    curve.keyframe_points.foreach_get("type", found)
    return found


def channel_paths(bag: compat.Bag) -> list[ChannelPath]:
    """The channels of its curves."""
    return [(curve.data_path, curve.array_index) for curve in bag.fcurves]


def find_channel(bag: compat.Bag, channel: ChannelPath) -> bpy.types.FCurve | None:
    """The curve of the channel, None when there is none."""
    return bag.fcurves.find(channel[0], index=channel[1])


def write_keys(curve: bpy.types.FCurve, keys: Keys) -> None:
    """Replace all keys of ``curve`` by ``keys``."""
    points = curve.keyframe_points
    points.clear()
    points.add(len(keys["co"]))
    for name, values in keys.items():
        points.foreach_set(name, np.ascontiguousarray(values).ravel())
    curve.update()


def select_keys(keys: Keys, which: np.ndarray) -> Keys:
    """The keys at the indices, or where the mask is true."""
    return {name: values[which] for name, values in keys.items()}


def concatenate_keys(*parts: Keys) -> Keys:
    """All keys of ``parts``, sorted by time."""
    together = {name: np.concatenate([part[name] for part in parts]) for name in KEY_FIELDS}
    return select_keys(together, np.argsort(together["co"][:, 0], kind="stable"))


def find_matching(bag: compat.Bag, curve: bpy.types.FCurve) -> bpy.types.FCurve | None:
    """The curve of the same channel in another bag."""
    return bag.fcurves.find(curve.data_path, index=curve.array_index)


def copy_fcurve(curve: bpy.types.FCurve, bag: compat.Bag) -> bpy.types.FCurve:
    """A curve like ``curve`` in another bag: keys, display settings and modifiers."""
    group = curve.group.name if curve.group is not None else ""
    twin = compat.new_fcurve(bag, curve.data_path, curve.array_index, group)
    for name in CURVE_FIELDS:
        setattr(twin, name, getattr(curve, name))
    write_keys(twin, read_keys(curve))
    for modifier in curve.modifiers:
        _copy_values(modifier, twin.modifiers.new(modifier.type))
    return twin


def _copy_values(source: bpy.types.FModifier, target: bpy.types.FModifier) -> None:
    for prop in source.bl_rna.properties:
        if not prop.is_readonly:
            setattr(target, prop.identifier, getattr(source, prop.identifier))


def generated_type() -> int:
    """What the type of a generated key is among Blender's numbers."""
    return int(bpy.types.Keyframe.bl_rna.properties["type"].enum_items["GENERATED"].value)
