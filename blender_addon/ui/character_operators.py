# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which bone is which joint, and in which pose the character stands as in a T-pose."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..character import read_rig as rig
from ..character import setup as character
from ..retarget.bone_map import custom as mapping
from ..retarget.bone_map.detect import REQUIRED_JOINTS, detect
from ..shared.errors import GaitwayError
from ..shared.skeleton import SKELETON


def write_rows(armature: bpy.types.Object, joints: Mapping[str, str]) -> None:
    """Let ``joints``, joint -> bone, be what is chosen for ``armature``: a row for every joint of the model."""
    rows = armature.gaitway_rig.bones
    rows.clear()
    for joint in SKELETON.names:
        row = rows.add()
        row.name, row.bone = joint, joints.get(joint, "")


class _BonesOperator:
    """What all of them share: a character, one undo step, errors as reports."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = context.scene.gaitway.character
        if armature is None:
            cls.poll_message_set("Choose an armature under Character")
            return False
        if armature.library is not None:
            cls.poll_message_set("The armature is linked from another file; make a library override of it")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self.report({"INFO"}, self.apply(context.scene.gaitway.character))
        except GaitwayError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class GAITWAY_OT_detect_bones(_BonesOperator, bpy.types.Operator):
    """Find by name or structure which bone is which joint, and fill in the list"""

    bl_idname = "gaitway.detect_bones"
    bl_label = "Detect Bones"

    def apply(self, armature: bpy.types.Object) -> str:
        found = detect(rig.read_rig(armature).bones)
        write_rows(armature, found.bones)
        return f"Recognised by {found.family}, {len(found.bones)} of {SKELETON.num_joints} joints"


class GAITWAY_OT_clear_bones(_BonesOperator, bpy.types.Operator):
    """Forget the list; the bones are found anew whenever a motion is made"""

    bl_idname = "gaitway.clear_bones"
    bl_label = "Clear Bones"

    def apply(self, armature: bpy.types.Object) -> str:
        armature.gaitway_rig.bones.clear()
        return "The bones are found anew whenever a motion is made"


class GAITWAY_OT_edit_bones(_BonesOperator, bpy.types.Operator):
    """Show an empty list, to choose every bone by hand"""

    bl_idname = "gaitway.edit_bones"
    bl_label = "Choose by Hand"

    def apply(self, armature: bpy.types.Object) -> str:
        write_rows(armature, character.chosen_joints(armature))
        return f"{len(REQUIRED_JOINTS)} joints are needed, the others may stay empty"


class GAITWAY_OT_mirror_bones(_BonesOperator, bpy.types.Operator):
    """Choose for the right side the counterparts of the bones that are chosen for the left"""

    bl_idname = "gaitway.mirror_bones"
    bl_label = "Mirror Left to Right"

    def apply(self, armature: bpy.types.Object) -> str:
        joints = character.chosen_joints(armature)
        found = mapping.mirrored(rig.read_rig(armature).bones, joints)
        for joint, bone in joints.items():
            flipped = bpy.utils.flip_name(bone)
            if joint.startswith("left_") and flipped != bone and flipped in armature.data.bones:
                found["right_" + joint.removeprefix("left_")] = flipped
        write_rows(armature, joints | found)
        left = sum(joint.startswith("left_") for joint in joints)
        return f"{len(found)} of {left} bones of the left have a counterpart"


class GAITWAY_OT_save_bones(_BonesOperator, bpy.types.Operator, ExportHelper):
    """Save which bone is which joint as a file for other characters of the same make"""

    bl_idname = "gaitway.save_bones"
    bl_label = "Save Bones"
    bl_options = {"REGISTER"}
    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})  # type: ignore[valid-type]

    def apply(self, armature: bpy.types.Object) -> str:
        joints = character.chosen_joints(armature) or detect(rig.read_rig(armature).bones).bones
        try:
            Path(self.filepath).write_text(mapping.to_json(joints), encoding="utf-8")
        except OSError as error:
            raise GaitwayError(f"The file cannot be written: {error.strerror}.", "Choose another folder.") from error
        return f"Saved {len(joints)} joints"


class GAITWAY_OT_load_bones(_BonesOperator, bpy.types.Operator, ImportHelper):
    """Take from a file which bone is which joint"""

    bl_idname = "gaitway.load_bones"
    bl_label = "Load Bones"
    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})  # type: ignore[valid-type]

    def apply(self, armature: bpy.types.Object) -> str:
        try:
            text = Path(self.filepath).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise GaitwayError(f"The file cannot be read: {error}.", "Choose another file.") from error
        joints, lost = mapping.from_json(text, rig.read_rig(armature).bones)
        if not joints:
            raise GaitwayError(
                "This armature has none of the bones in the file.", "Choose a file that was saved for such an armature."
            )
        write_rows(armature, joints)
        if lost:
            self.report({"WARNING"}, f"This armature has no bone called {', '.join(lost)}")
        return f"Loaded {len(joints)} joints"


class GAITWAY_OT_keep_t_pose(_BonesOperator, bpy.types.Operator):
    """Take the pose that the character strikes now as its T-pose: arms to the sides, palms down, looking ahead"""

    bl_idname = "gaitway.keep_t_pose"
    bl_label = "Use Current Pose as T-Pose"

    def apply(self, armature: bpy.types.Object) -> str:
        _, found = character.read(armature)
        armature.gaitway_rig.t_pose = character.pose_as_text(armature, found)
        return "The present pose is the character's T-pose from now on"


class GAITWAY_OT_forget_t_pose(_BonesOperator, bpy.types.Operator):
    """Take the rest pose to tell how the character stands, which serves nearly all"""

    bl_idname = "gaitway.forget_t_pose"
    bl_label = "Use Rest Pose"

    def apply(self, armature: bpy.types.Object) -> str:
        armature.gaitway_rig.t_pose = ""
        return "The rest pose tells how the character stands"


CLASSES = (
    GAITWAY_OT_detect_bones,
    GAITWAY_OT_clear_bones,
    GAITWAY_OT_edit_bones,
    GAITWAY_OT_mirror_bones,
    GAITWAY_OT_save_bones,
    GAITWAY_OT_load_bones,
    GAITWAY_OT_keep_t_pose,
    GAITWAY_OT_forget_t_pose,
)
