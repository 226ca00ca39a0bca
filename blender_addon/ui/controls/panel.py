# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of controls, and the active one's settings."""

from __future__ import annotations

import bpy

from ... import offscreen
from ...capture.kinds import ControlKind, control_label, kind_of
from ...capture.line_facts import length_text, num_lines, rest_length
from ...capture.standing import standing_ends
from ...capture.timing import scene_fps
from ...shared.skeleton import FPS, joint_label
from ..sidebar import RowList, Tab, paragraph
from .operators import CONTROL_LIST


class GAITWAY_UL_controls(RowList, bpy.types.UIList):
    """One row a control: used or not, its object, the joint that follows."""

    @staticmethod
    def draw_row(layout: bpy.types.UILayout, item: bpy.types.PropertyGroup, index: int) -> None:
        row = layout.row(align=True)
        row.prop(item, "enabled", text="")
        joint = joint_label(item.joint)
        if kind_of(item) is ControlKind.RELATIVE:
            row.label(text=joint, icon="LINKED")
            row.label(text=f"with {joint_label(item.relative_to)}")
            return
        icon = "ERROR" if item.target is None else "BONE_DATA" if item.bone else f"OUTLINER_OB_{item.target.type}"
        row.label(text=control_label(item).strip("'"), icon=icon)
        row.label(text=joint)


class GAITWAY_PT_controls(Tab, bpy.types.Panel):
    bl_label = "Controls"

    def draw(self, context: bpy.types.Context) -> None:
        row = self.layout.row(align=True)
        row.operator("gaitway.path_draw", icon="GREASEPENCIL")
        row.operator("gaitway.walk_along", icon="CURVE_PATH")
        self.layout.operator_menu_enum("gaitway.pin_add", "joint", icon="PINNED")
        settings = context.scene.gaitway
        CONTROL_LIST.draw(self.layout, settings, "GAITWAY_UL_controls", "gaitway.control_add", "gaitway.control_remove")
        control = CONTROL_LIST.active(context)
        if control is None:
            paragraph(self.layout, context, "Draw a path, add a pin, or select an object or curve and click +", "INFO")
            return
        column = self.column(self.layout)
        column.prop(control, "target")
        if control.target is not None and control.target.type == "ARMATURE":
            column.prop_search(control, "bone", control.target.data, "bones")
        column.prop(control, "joint")
        if control.target is not None and control.target.type != "CURVE" and offscreen.has_lines(control.target):
            column.prop(control, "along_lines")
        column.prop(control, "relative_to")
        SETTINGS[kind_of(control)](column, context, control)


def draw_curve(column: bpy.types.UILayout, context: bpy.types.Context, control: bpy.types.PropertyGroup) -> None:
    """When and at which speed a joint moves along a curve, and how closely."""
    draw_span(column, control)
    column.prop(control, "pace")
    if control.pace.startswith("EASE"):
        column.prop(control, "ease")
    if control.joint == "pelvis" and control.pace != "ANIMATED":
        draw_standing(column, context, control)
    if control.pace != "ANIMATED" and control.frame_end > control.frame_start:
        column.label(text=path_summary(context.scene, control))
    column.prop(control, "reverse")
    if num_lines(control.target) > 1:
        column.prop(control, "spline")
    draw_closeness(column, context, control)


def draw_standing(column: bpy.types.UILayout, context: bpy.types.Context, control: bpy.types.PropertyGroup) -> None:
    """Whether the path starts from a stand and ends in one; greyed out where it cannot, or is eased anyway."""
    stands = standing_ends(control, context.scene)
    ends = column.column(align=True)
    for name, eased, stands_there in (
        ("from_standing", "EASE_IN", stands[0]),
        ("to_standing", "EASE_OUT", stands[1]),
    ):
        row = ends.row()
        row.active = control.pace not in ("EASE", eased) and (stands_there or not getattr(control, name))
        row.prop(control, name)


def draw_object(column: bpy.types.UILayout, context: bpy.types.Context, control: bpy.types.PropertyGroup) -> None:
    """When and how closely a joint follows an object or a bone."""
    column.prop(control, "times")
    if control.times == "RANGE":
        draw_span(column, control)
    draw_closeness(column, context, control)


def draw_relative(column: bpy.types.UILayout, context: bpy.types.Context, control: bpy.types.PropertyGroup) -> None:
    """When a joint follows another joint, and at which offset."""
    draw_span(column, control)
    column.prop(control, "offset")
    column.operator("gaitway.control_offset", icon="EMPTY_AXIS")


SETTINGS = {ControlKind.CURVE: draw_curve, ControlKind.OBJECT: draw_object, ControlKind.RELATIVE: draw_relative}
"""What is drawn of a control, by its kind."""


def draw_span(column: bpy.types.UILayout, control: bpy.types.PropertyGroup) -> None:
    frames = column.column(align=True)
    frames.prop(control, "frame_start")
    frames.prop(control, "frame_end")


def draw_closeness(column: bpy.types.UILayout, context: bpy.types.Context, control: bpy.types.PropertyGroup) -> None:
    """Height, facing, and how closely and at which frames a joint follows."""
    column.prop(control, "height")
    if control.joint == "pelvis":
        column.prop(control, "ground")
        column.prop(control, "facing")
    column.prop(control, "follow")
    if control.follow == "TOLERANCE":
        column.prop(control, "tolerance")
    column.prop(control, "slack")
    step = scene_fps(context.scene) / FPS
    if 0 < control.slack < step:
        paragraph(column, context, f"No effect: the model works in steps of {step:.1f} frames", "INFO")
    column.prop(control, "use_frames")
    if control.use_frames:
        row = column.row(align=True)
        row.prop(control, "frames")
        row.operator("gaitway.control_frame", text="", icon="KEYFRAME_HLT")


def path_summary(scene: bpy.types.Scene, control: bpy.types.PropertyGroup) -> str:
    """Length of the curve and mean speed along it in the scene's units; drawing may not evaluate, so the length is that
    of the curve before its modifiers.
    """
    length = rest_length(control.target, control.spline)
    seconds = (control.frame_end - control.frame_start) / scene_fps(scene)
    return f"{length_text(scene, length)} in {seconds:.1f} s: {length_text(scene, length / seconds, 'VELOCITY')}"


CLASSES = (GAITWAY_UL_controls, GAITWAY_PT_controls)
