# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the selected objects, curves and bones into the list of controls, and take them out."""

from __future__ import annotations

import math
import re

import bpy

from ...capture.curves import leads_along_curve
from ...capture.paths import frame_ranges
from ...capture.relative_targets import offset_now
from ...capture.tracks import assigned_curves
from ...shared.errors import BadControl, GaitwayError
from ...shared.skeleton import SKELETON

USUAL_ORDER = ("pelvis", "left_wrist", "right_wrist", "left_foot", "right_foot", "head")


class GAITWAY_OT_control_add(bpy.types.Operator):
    """Add the selected empties, curves and objects, or in pose mode the selected bones, as controls"""

    bl_idname = "gaitway.control_add"
    bl_label = "Add Selected as Controls"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not selected_targets(context):
            cls.poll_message_set("Select a keyframed empty, a curve or, in pose mode, a bone")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        settings = scene.gaitway
        for target, bone in selected_targets(context):
            control = settings.controls.add()
            # Its own default joint must not count as used while a joint is chosen for it.
            taken = {other.joint for other in list(settings.controls)[:-1]}
            control.target, control.bone = target, bone
            control.joint = guess_joint(bone or target.name, taken)
            control.frame_start = settings.start_frame
            control.frame_end = max(scene.frame_end, settings.start_frame + 1)
            control.tolerance /= scene.unit_settings.scale_length  # its default is meant in metres
            if leads_along_curve(control):
                take_animation(control)
            settings.active_control = len(settings.controls) - 1
        return {"FINISHED"}


class GAITWAY_OT_control_remove(bpy.types.Operator):
    """Take the control out of the list; its object stays"""

    bl_idname = "gaitway.control_remove"
    bl_label = "Remove Control"
    bl_options = {"REGISTER", "UNDO"}

    index: bpy.props.IntProperty(default=-1, options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.gaitway.controls:
            cls.poll_message_set("There is no control")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.gaitway
        index = settings.active_control if self.index < 0 else self.index
        if index >= len(settings.controls):
            self.report({"WARNING"}, "There is no such control")
            return {"CANCELLED"}
        settings.controls.remove(index)
        settings.active_control = max(0, min(settings.active_control, len(settings.controls) - 1))
        return {"FINISHED"}


class GAITWAY_OT_control_offset(bpy.types.Operator):
    """Let the joint stay where the control's object, or without one the joint itself, is from the other joint now"""

    bl_idname = "gaitway.control_offset"
    bl_label = "Take Offset from Here"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.gaitway
        if not 0 <= settings.active_control < len(settings.controls):
            cls.poll_message_set("Choose a control in the list")
            return False
        if settings.controls[settings.active_control].relative_to == "WORLD":
            cls.poll_message_set("Choose under Relative to which joint the control shall stay with")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        control = context.scene.gaitway.controls[context.scene.gaitway.active_control]
        try:
            control.offset = offset_now(control)
        except GaitwayError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class GAITWAY_OT_control_frame(bpy.types.Operator):
    """Let the control count at the present frame, or no longer"""

    bl_idname = "gaitway.control_frame"
    bl_label = "Toggle This Frame"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.gaitway
        if not 0 <= settings.active_control < len(settings.controls):
            cls.poll_message_set("Choose a control in the list")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        control = context.scene.gaitway.controls[context.scene.gaitway.active_control]
        try:
            ranges = frame_ranges(control.frames)
        except BadControl as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        control.frames = frame_text(toggled(ranges, context.scene.frame_current))
        control.use_frames = True
        return {"FINISHED"}


def toggled(ranges: list[tuple[int, int]], frame: int) -> list[tuple[int, int]]:
    """The ranges without ``frame`` when they hold it, else with it."""
    if not any(first <= frame <= last for first, last in ranges):
        return sorted([*ranges, (frame, frame)])
    parts = [part for first, last in ranges for part in ((first, min(last, frame - 1)), (max(first, frame + 1), last))]
    return sorted({(first, last) for first, last in parts if first <= last})


def frame_text(ranges: list[tuple[int, int]]) -> str:
    """The ranges as a person writes them."""
    return ", ".join(f"{first}" if first == last else f"{first} - {last}" for first, last in ranges)


def take_animation(control: bpy.types.PropertyGroup) -> None:
    """Walk a curve whose Evaluation Time is keyed as it is keyed, from the first key to the last."""
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
    """What the selection offers as controls: (object, bone name or "")."""
    if context.mode == "POSE":
        return [(bone.id_data, bone.name) for bone in context.selected_pose_bones or ()]
    return [(target, "") for target in context.selected_objects or () if target.type != "ARMATURE"]


def guess_joint(name: str, taken: set[str]) -> str:
    """The joint that ``name`` speaks of ("Hand.L target", "left_wrist"), else the first of the usual ones that is
    free.
    """
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
    return next((joint for joint in USUAL_ORDER if joint not in taken), "pelvis")


CLASSES = (GAITWAY_OT_control_add, GAITWAY_OT_control_remove, GAITWAY_OT_control_offset, GAITWAY_OT_control_frame)
