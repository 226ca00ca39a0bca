# SPDX-License-Identifier: GPL-3.0-or-later
"""Add the selected objects, curves and bones to the list of controls, remove them, and set what belongs to one."""

from __future__ import annotations

import math
import re

import bpy

from ... import offscreen
from ...capture.kinds import ControlKind, kind_of
from ...capture.paths import frame_ranges
from ...capture.relative_targets import offset_now
from ...capture.timing import assigned_curves
from ...properties.control import add_control
from ...shared.skeleton import SKELETON
from ..sidebar import ActiveList, ActiveRowOperator, RemoveRowOperator, ReportingOperator

CONTROL_LIST = ActiveList("controls", "active_control", "a control")
USUAL_JOINTS = ("pelvis", "left_wrist", "right_wrist", "left_foot", "right_foot", "head")
"""In the order in which a control whose name tells no joint gets one."""


class GAITWAY_OT_control_add(ReportingOperator, bpy.types.Operator):
    """Add the selected empties, curves and objects, or in Pose Mode the selected bones, as controls"""

    bl_idname = "gaitway.control_add"
    bl_label = "Add Selected as Controls"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        return None if selected_targets(context) else "Select a keyframed empty, a curve or, in Pose Mode, a bone"

    def run(self, context: bpy.types.Context) -> None:
        scene = context.scene
        settings = scene.gaitway
        for target, bone in selected_targets(context):
            control = add_control(settings)
            # Its own default joint must not count as used while a joint is chosen for it.
            used = {other.joint for other in list(settings.controls)[:-1]}
            control.target, control.bone = target, bone
            control.along_lines = target.type in offscreen.LINE_TYPES
            control.joint = guess_joint(bone or target.name, used)
            control.frame_start = settings.start_frame
            control.frame_end = max(scene.frame_end, settings.start_frame + 1)
            control.tolerance /= scene.unit_settings.scale_length  # its default is in metres
            if target.type == "CURVE":
                use_keyed_pace(control)
            settings.active_control = len(settings.controls) - 1


class GAITWAY_OT_control_remove(RemoveRowOperator, bpy.types.Operator):
    """Remove the control from the list; its object stays in the scene"""

    bl_idname = "gaitway.control_remove"
    bl_label = "Remove Control"
    rows = CONTROL_LIST


class GAITWAY_OT_control_offset(ActiveRowOperator, bpy.types.Operator):
    """Set the offset from the current pose"""

    bl_idname = "gaitway.control_offset"
    bl_label = "Set Offset from Pose"
    rows = CONTROL_LIST

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        control = CONTROL_LIST.active(context)
        if control is not None and kind_of(control) is not ControlKind.RELATIVE:
            return "Choose a joint under Relative To first"
        return super().blocked(context)

    def run_on(self, context: bpy.types.Context, row: bpy.types.PropertyGroup) -> None:
        row.offset = offset_now(row)


class GAITWAY_OT_control_frame(ActiveRowOperator, bpy.types.Operator):
    """Toggle whether this control applies at the current frame"""

    bl_idname = "gaitway.control_frame"
    bl_label = "Toggle Current Frame"
    rows = CONTROL_LIST

    def run_on(self, context: bpy.types.Context, row: bpy.types.PropertyGroup) -> None:
        row.frames = frame_text(toggled(frame_ranges(row.frames), context.scene.frame_current))
        row.use_frames = True


def toggled(ranges: list[tuple[int, int]], frame: int) -> list[tuple[int, int]]:
    """The ranges without ``frame`` when they hold it, else with it."""
    if not any(first <= frame <= last for first, last in ranges):
        return sorted([*ranges, (frame, frame)])
    parts = [part for first, last in ranges for part in ((first, min(last, frame - 1)), (max(first, frame + 1), last))]
    return sorted({(first, last) for first, last in parts if first <= last})


def frame_text(ranges: list[tuple[int, int]]) -> str:
    """The ranges as a person writes them."""
    return ", ".join(f"{first}" if first == last else f"{first} - {last}" for first, last in ranges)


def use_keyed_pace(control: bpy.types.PropertyGroup) -> None:
    """Follow a curve whose Evaluation Time is keyed as it is keyed, from the first key to the last."""
    keys = [
        key.co.x
        for curve in assigned_curves(control.target.data)
        if curve.data_path == "eval_time"
        for key in curve.keyframe_points
    ]
    if keys:
        control.pace = "ANIMATED"
    if len(keys) > 1:
        control.frame_start, control.frame_end = math.floor(min(keys)), math.ceil(max(keys))


def selected_targets(context: bpy.types.Context) -> list[tuple[bpy.types.Object, str]]:
    """The selection as controls: (object, bone name or "")."""
    if context.mode == "POSE":
        return [(bone.id_data, bone.name) for bone in context.selected_pose_bones or ()]
    return [(target, "") for target in context.selected_objects or () if target.type != "ARMATURE"]


def guess_joint(name: str, used: set[str]) -> str:
    """The joint in ``name`` ("Hand.L target", "left_wrist"), else the first of the usual ones that is not ``used``."""
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))
    side = "left" if words & {"left", "l"} else "right" if words & {"right", "r"} else ""
    parts = {
        "wrist": {"wrist", "hand"},
        "foot": {"toe", "toes", "ball"},
        "ankle": {"ankle", "foot", "feet"},
        "knee": {"knee", "shin", "calf"},
        "elbow": {"elbow", "forearm"},
        "shoulder": {"shoulder"},
    }
    exact = "_".join(re.findall(r"[a-z0-9]+", name.lower()))
    if exact in SKELETON.names:
        return exact
    if "head" in words:
        return "head"
    if words & {"hips", "pelvis", "hip", "root", "path"}:
        return "pelvis"
    for part, synonyms in parts.items():
        if side and words & synonyms:
            return f"{side}_{part}"
    return next((joint for joint in USUAL_JOINTS if joint not in used), "pelvis")


CLASSES = (GAITWAY_OT_control_add, GAITWAY_OT_control_remove, GAITWAY_OT_control_offset, GAITWAY_OT_control_frame)
