# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that differs between Blender 4.5, 5.0 and 5.2 stands here and nowhere else."""

from __future__ import annotations

import bpy


def new_action(owner: bpy.types.Object, name: str) -> tuple[bpy.types.Action, bpy.types.ActionSlot]:
    """A new Action with one slot for ``owner``; not assigned yet."""
    action = bpy.data.actions.new(name)
    return action, action.slots.new(id_type="OBJECT", name=owner.name)


def assign_action(owner: bpy.types.Object, action: bpy.types.Action, slot: bpy.types.ActionSlot) -> None:
    """Let ``owner`` play ``slot`` of ``action``. The slot is bound by hand: Blender binds none to an Action that
    is still empty."""
    animation = owner.animation_data or owner.animation_data_create()
    animation.action = action
    animation.action_slot = slot


def ensure_channelbag(action: bpy.types.Action, slot: bpy.types.ActionSlot) -> bpy.types.ActionChannelbag:
    """Where the F-curves of ``slot`` are, made when missing."""
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def new_fcurve(bag: bpy.types.ActionChannelbag, data_path: str, index: int, group: str) -> bpy.types.FCurve:
    """An F-curve in the group ``group``, which is made when missing."""
    if bpy.app.version >= (5, 0, 0):
        return bag.fcurves.new(data_path, index=index, group_name=group)
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
