# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that differs between Blender 4.3, 4.5, 5.0 and 5.2 stands here and nowhere else.

Since 4.4 an Action has slots, and a bag of F-curves for each. Before, it is itself the one bag for whoever plays it:
slots are None there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import bpy

HAS_SLOTS = "slots" in bpy.types.Action.bl_rna.properties
Bag: TypeAlias = "bpy.types.ActionChannelbag | bpy.types.Action"
Slot: TypeAlias = "bpy.types.ActionSlot | None"


def new_action(owner: bpy.types.Object, name: str) -> tuple[bpy.types.Action, Slot]:
    """A new Action with one slot for ``owner``; not assigned yet."""
    action = bpy.data.actions.new(name)
    return action, action.slots.new(id_type="OBJECT", name=owner.name) if HAS_SLOTS else None


def slots(action: bpy.types.Action) -> list[bpy.types.ActionSlot]:
    """The slots of ``action`` that an object can play."""
    if not HAS_SLOTS:
        return []
    return [slot for slot in action.slots if slot.target_id_type in ("OBJECT", "UNSPECIFIED")]


def played_slot(owner: bpy.types.ID) -> Slot:
    """The slot that ``owner`` plays."""
    animation = owner.animation_data
    return animation.action_slot if HAS_SLOTS and animation is not None else None


def assign_action(owner: bpy.types.Object, action: bpy.types.Action | None, slot: Slot) -> None:
    """Let ``owner`` play ``slot`` of ``action``, or with None the one that Blender chooses. The slot is bound by hand:
    Blender binds none to an Action that is still empty."""
    animation = owner.animation_data or owner.animation_data_create()
    animation.action = action
    if slot is not None:
        animation.action_slot = slot


def assign_slot(strip: bpy.types.NlaStrip, slot: Slot) -> None:
    """Let ``strip`` play ``slot`` of its Action."""
    if slot is not None:
        strip.action_slot = slot


def bags(action: bpy.types.Action) -> Iterator[Bag]:
    """The F-curves of ``action``, a bag for each slot and strip."""
    if not HAS_SLOTS:
        yield action
        return
    for layer in action.layers:
        for strip in layer.strips:
            yield from strip.channelbags


def bag_of(action: bpy.types.Action, slot: Slot) -> Bag | None:
    """The F-curves of ``slot``, None when it has none."""
    if not HAS_SLOTS:
        return action
    return next((bag for bag in bags(action) if slot is not None and bag.slot_handle == slot.handle), None)


def played_bag(owner: bpy.types.ID) -> Bag | None:
    """The F-curves that ``owner`` plays, None when there are none."""
    animation = owner.animation_data
    if animation is None or animation.action is None:
        return None
    return bag_of(animation.action, played_slot(owner))


def ensure_played_bag(owner: bpy.types.ID) -> Bag | None:
    """The same, made when missing; None when ``owner`` plays no Action, or no slot of it."""
    slot = played_slot(owner)
    if owner.animation_data is None or owner.animation_data.action is None or (HAS_SLOTS and slot is None):
        return None
    return ensure_bag(owner.animation_data.action, slot)


def ensure_bag(action: bpy.types.Action, slot: Slot) -> Bag:
    """Where the F-curves of ``slot`` are, made when missing."""
    if not HAS_SLOTS:
        return action
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def new_fcurve(bag: Bag, data_path: str, index: int, group: str) -> bpy.types.FCurve:
    """An F-curve in the group ``group``, which is made when missing."""
    if bpy.app.version >= (5, 0, 0):
        return bag.fcurves.new(data_path, index=index, group_name=group)
    if not HAS_SLOTS:
        return bag.fcurves.new(data_path, index=index, action_group=group)
    fcurve = bag.fcurves.new(data_path, index=index)
    fcurve.group = bag.groups.get(group) or bag.groups.new(group)
    return fcurve


def is_bone_selected(bone: bpy.types.PoseBone) -> bool:
    """Whether a pose bone is selected; since 5.0 it is the pose bone itself that knows."""
    return bone.select if bpy.app.version >= (5, 0, 0) else bone.bone.select


def select_bone(bone: bpy.types.PoseBone, selected: bool) -> None:
    """Select or deselect a pose bone."""
    if bpy.app.version >= (5, 0, 0):
        bone.select = selected
    else:
        bone.bone.select = selected


def draw_textbox(layout: bpy.types.UILayout, data: bpy.types.bpy_struct, name: str) -> None:
    """The string property ``name`` as a box of several lines, which Blender has since 5.2, else as a field across
    the layout."""
    if "textbox" in bpy.types.UILayout.bl_rna.functions:
        layout.textbox(data, name)
    else:
        layout.prop(data, name, text="")
