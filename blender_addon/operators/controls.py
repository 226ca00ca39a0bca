# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the selected objects, curves and bones into the list of controls, and take them out."""

from __future__ import annotations

import re

import bpy

from ..shared.skeleton import SKELETON

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


CLASSES = (GAITWAY_OT_control_add, GAITWAY_OT_control_remove)
