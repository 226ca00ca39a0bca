# SPDX-License-Identifier: GPL-3.0-or-later
"""What a character was before a motion was put on it: what it played, and every channel of its pose, to the bit.

Undo does the same while the session lasts; this also survives a save, and serves where there is nothing to undo yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import bpy
import numpy as np

from .. import compat
from ..lookup import action_by_uid

BONE_CHANNELS = {"location": 3, "rotation_quaternion": 4, "rotation_euler": 3, "rotation_axis_angle": 4, "scale": 3}
OBJECT_CHANNELS = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")


@dataclass(frozen=True)
class PoseSnapshot:
    """``action_uid`` is valid while the session lasts; who keeps this in a file keeps the Action beside it.

    ``channels``: bone channel -> values (B, C) in the order of ``bones``; ``place``: the object's own channels;
    ``properties``: data path of a bone's custom property -> its number.

    The names of the fields are the file format of .blend files with takes.
    """

    has_animation: bool
    action_uid: int
    slot: str
    fake_user: bool
    bones: tuple[str, ...]
    channels: dict[str, np.ndarray]
    place: dict[str, np.ndarray]
    properties: dict[str, float] = field(default_factory=dict)


def snapshot_pose(armature: bpy.types.Object) -> PoseSnapshot:
    """What ``armature`` plays, and its pose now."""
    animation = armature.animation_data
    action = animation.action if animation is not None else None
    slot = compat.played_slot(armature)
    bones = armature.pose.bones
    channels = {}
    for name, width in BONE_CHANNELS.items():
        values = np.empty(len(bones) * width, np.float32)
        bones.foreach_get(name, values)
        channels[name] = values.reshape(-1, width)
    return PoseSnapshot(
        has_animation=animation is not None,
        action_uid=action.session_uid if action is not None else 0,
        slot=slot.identifier if action is not None and slot is not None else "",
        fake_user=action is not None and action.use_fake_user,
        bones=tuple(bone.name for bone in bones),
        channels=channels,
        place={name: np.array(getattr(armature, name), np.float64) for name in OBJECT_CHANNELS},
        properties=dict(_custom_properties(bones)),
    )


def _custom_properties(bones: Iterable[bpy.types.PoseBone]) -> Iterable[tuple[str, float]]:
    for bone in bones:
        for name in bone.keys():  # noqa: SIM118  (a pose bone is no dict; iterating over it is an error)
            value = bone[name]
            if isinstance(value, int | float):
                yield _property_path(bone.name, name), float(value)


def _property_path(bone: str, name: str) -> str:
    return f'pose.bones["{bpy.utils.escape_identifier(bone)}"]["{bpy.utils.escape_identifier(name)}"]'


def action_before(before: PoseSnapshot) -> bpy.types.Action | None:
    """The Action that was played, if it is still there."""
    return action_by_uid(before.action_uid)


def bag_before(before: PoseSnapshot) -> compat.Bag | None:
    """The F-curves that were played, if they are still there."""
    action = action_before(before)
    if action is None:
        return None
    slot = next((slot for slot in compat.slots(action) if slot.identifier == before.slot), None)
    return compat.bag_of(action, slot)


def restore_pose(
    armature: bpy.types.Object, before: PoseSnapshot, action: bpy.types.Action | None, only: set[str] | None = None
) -> None:
    """Let ``armature`` play ``action`` as it did, and restore its pose; ``only``: data paths of the channels
    that may be changed, all when None.
    """
    play(armature, action, before.slot)
    if action is not None:
        action.use_fake_user = before.fake_user
    elif not before.has_animation and armature.animation_data is not None and _is_empty(armature.animation_data):
        armature.animation_data_clear()
    _restore_pose(armature, before, only)
    armature.update_tag()


def _restore_pose(armature: bpy.types.Object, before: PoseSnapshot, only: set[str] | None) -> None:
    for row, bone in _bones_of(armature, before):
        name = bone.name
        path = f'pose.bones["{bpy.utils.escape_identifier(name)}"].'
        for channel, values in before.channels.items():
            if only is None or path + channel in only:
                setattr(bone, channel, values[row])
        for key in bone.keys():  # noqa: SIM118
            if _property_path(name, key) in before.properties and (only is None or _property_path(name, key) in only):
                bone[key] = type(bone[key])(before.properties[_property_path(name, key)])
    for channel, value in before.place.items():
        if only is None or channel in only:
            setattr(armature, channel, value)


def _bones_of(armature: bpy.types.Object, before: PoseSnapshot) -> Iterable[tuple[int, bpy.types.PoseBone]]:
    """The rows of ``before`` and their bones. One that was renamed since is known by its place among the others, as
    long as none has come or gone.
    """
    bones, known = armature.pose.bones, set(before.bones)
    for row, name in enumerate(before.bones):
        if name in bones:
            yield row, bones[name]
        elif len(bones) == len(before.bones) and bones[row].name not in known:
            yield row, bones[row]


def _is_empty(animation: bpy.types.AnimData) -> bool:
    """Whether nothing was made here by hand meanwhile."""
    return animation.action is None and not animation.nla_tracks and not animation.drivers


def play(armature: bpy.types.Object, action: bpy.types.Action | None, slot: str = "") -> None:
    """Let ``armature`` play ``action`` with the slot of that identifier, else with the first that suits it."""
    if action is None:
        if armature.animation_data is not None:
            armature.animation_data.action = None
        return
    compat.assign_action(armature, action, slot_of(action, slot))


def slot_of(action: bpy.types.Action, identifier: str = "") -> compat.Slot:
    """The slot of ``action`` of that identifier, else the first that suits an object, if it has any."""
    slots = compat.slots(action)
    return next((slot for slot in slots if slot.identifier == identifier), slots[0] if slots else None)
