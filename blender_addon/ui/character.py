# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone is which joint, how the character stands, and what of it is keyed: closed for most."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..character import setup
from ..character.read_rig import read_bones, read_rig
from ..retarget.bone_map import REQUIRED_JOINTS, custom, detect_bones
from ..shared.errors import BadFile, RetargetError
from ..shared.skeleton import SKELETON, joint_label
from .sidebar import ReportingOperator, Tab, paragraph

BODY_PARTS = {
    "Trunk": ("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
    "Left": ("left_collar", "left_shoulder", "left_elbow", "left_wrist",
             "left_hip", "left_knee", "left_ankle", "left_foot"),
    "Right": ("right_collar", "right_shoulder", "right_elbow", "right_wrist",
              "right_hip", "right_knee", "right_ankle", "right_foot"),
}  # fmt: skip


def write_rows(armature: bpy.types.Object, joints: Mapping[str, str]) -> None:
    """Set the bone map of ``armature`` to ``joints``, joint -> bone: a row for every joint of the model."""
    rows = armature.gaitway_rig.bones
    rows.clear()
    for joint in SKELETON.names:
        row = rows.add()
        row.name, row.bone = joint, joints.get(joint, "")


_last_checked: list[tuple[tuple[int, int, tuple[tuple[str, str], ...]], str]] = []
"""The bone map that was checked last, and what is wrong with it: panels are drawn often."""


def map_problem(armature: bpy.types.Object) -> str:
    """What keeps the bone map chosen for ``armature`` from being played, empty for nothing."""
    joints = setup.chosen_joints(armature)
    key = (armature.session_uid, len(armature.data.bones), tuple(joints.items()))
    if not _last_checked or _last_checked[0][0] != key:
        problem = ""
        try:
            custom.custom_map(read_bones(armature), joints)
        except RetargetError as error:
            problem = str(error)
        _last_checked[:] = [(key, problem)]
    return _last_checked[0][1]


class _BonesOperator(ReportingOperator):
    """An operator on the scene's character."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        armature = context.scene.gaitway.character
        if armature is None:
            return "Choose an armature under Character"
        if armature.library is not None:
            return "The armature is linked from another file; make a library override of it"
        return None

    def run(self, context: bpy.types.Context) -> str:
        return self.run_on(context.scene.gaitway.character)

    def run_on(self, armature: bpy.types.Object) -> str:
        """Do the work on ``armature``; as :meth:`run`."""
        raise NotImplementedError


class GAITWAY_OT_detect_bones(_BonesOperator, bpy.types.Operator):
    """Detect by name or structure which bone is which joint, and fill in the list"""

    bl_idname = "gaitway.detect_bones"
    bl_label = "Detect Bones"

    def run_on(self, armature: bpy.types.Object) -> str:
        found = detect_bones(read_rig(armature).bones)
        write_rows(armature, found.bones)
        return f"Recognised by {found.family}, {len(found.bones)} of {SKELETON.num_joints} joints"


class GAITWAY_OT_clear_bones(_BonesOperator, bpy.types.Operator):
    """Clear the list; the bones are detected each time a motion is generated"""

    bl_idname = "gaitway.clear_bones"
    bl_label = "Clear Bones"

    def run_on(self, armature: bpy.types.Object) -> str:
        armature.gaitway_rig.bones.clear()
        return "The bones are detected each time a motion is generated"


class GAITWAY_OT_edit_bones(_BonesOperator, bpy.types.Operator):
    """Show an empty list, to choose every bone by hand"""

    bl_idname = "gaitway.edit_bones"
    bl_label = "Choose by Hand"

    def run_on(self, armature: bpy.types.Object) -> str:
        write_rows(armature, setup.chosen_joints(armature))
        return f"{len(REQUIRED_JOINTS)} joints are required, the others are optional"


class GAITWAY_OT_mirror_bones(_BonesOperator, bpy.types.Operator):
    """Copy the bones chosen for the left side to their counterparts on the right"""

    bl_idname = "gaitway.mirror_bones"
    bl_label = "Mirror Left to Right"

    def run_on(self, armature: bpy.types.Object) -> str:
        joints = setup.chosen_joints(armature)
        found = custom.mirrored(read_rig(armature).bones, joints)
        for joint, bone in joints.items():
            flipped = bpy.utils.flip_name(bone)
            if joint.startswith("left_") and flipped != bone and flipped in armature.data.bones:
                found["right_" + joint.removeprefix("left_")] = flipped
        write_rows(armature, joints | found)
        left = sum(joint.startswith("left_") for joint in joints)
        return f"{len(found)} of {left} bones on the left have a counterpart"


class GAITWAY_OT_save_bones(_BonesOperator, bpy.types.Operator, ExportHelper):
    """Save the bone map to a file, for other characters with the same rig"""

    bl_idname = "gaitway.save_bones"
    bl_label = "Save Bones"
    bl_options = {"REGISTER"}
    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})  # type: ignore[valid-type]

    def run_on(self, armature: bpy.types.Object) -> str:
        joints = setup.chosen_joints(armature) or detect_bones(read_rig(armature).bones).bones
        try:
            Path(self.filepath).write_text(custom.to_json(joints), encoding="utf-8")
        except OSError as error:
            raise BadFile(f"The file cannot be written: {error.strerror}.", "Choose another folder.") from error
        return f"Saved {len(joints)} joints"


class GAITWAY_OT_load_bones(_BonesOperator, bpy.types.Operator, ImportHelper):
    """Load a bone map from a file"""

    bl_idname = "gaitway.load_bones"
    bl_label = "Load Bones"
    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})  # type: ignore[valid-type]

    def run_on(self, armature: bpy.types.Object) -> str:
        try:
            text = Path(self.filepath).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadFile(f"The file cannot be read: {error}.", "Choose another file.") from error
        joints, missing = custom.from_json(text, read_rig(armature).bones)
        if not joints:
            raise BadFile(
                "This armature has none of the bones in the file.", "Choose a file saved for the same kind of rig."
            )
        write_rows(armature, joints)
        if missing:
            self.report({"WARNING"}, f"This armature has no bone called {', '.join(missing)}")
        return f"Loaded {len(joints)} joints"


class GAITWAY_OT_set_standing_pose(_BonesOperator, bpy.types.Operator):
    """Let the character stand as its pose is now: upright, feet on the ground, facing forward; best in a T-pose"""

    bl_idname = "gaitway.set_standing_pose"
    bl_label = "Set from Current Pose"

    def run_on(self, armature: bpy.types.Object) -> str:
        setup.keep_current_pose(armature)
        return "The character stands as its pose is now"


class GAITWAY_PT_bones(Tab, bpy.types.Panel):
    bl_label = "Bones"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.gaitway.character is not None

    def draw(self, context: bpy.types.Context) -> None:
        armature = context.scene.gaitway.character
        settings = armature.gaitway_rig
        column = self.column(self.layout)
        if not settings.bones:
            paragraph(column, context, "The bones are detected when a motion is generated", "INFO")
        buttons = column.row(align=True)
        buttons.operator("gaitway.detect_bones", text="Detect")
        if settings.bones:
            buttons.operator("gaitway.mirror_bones", text="", icon="MOD_MIRROR")
        else:
            buttons.operator("gaitway.edit_bones", text="By Hand")
        buttons.operator("gaitway.load_bones", text="", icon="FILEBROWSER")
        buttons.operator("gaitway.save_bones", text="", icon="FILE_TICK")
        if settings.bones:
            buttons.operator("gaitway.clear_bones", text="", icon="X")
            for part, joints in BODY_PARTS.items():
                _draw_part(column, armature, part, joints)
            if problem := map_problem(armature):
                paragraph(column, context, problem, "ERROR")
        column.separator()
        column.prop(settings, "limbs")
        column.prop(settings, "carrier")
        if settings.carrier == "BONE":
            column.prop_search(settings, "root_bone", armature.data, "bones")
        column.prop(settings, "in_place")
        pose = column.column(align=True)
        pose.prop(settings, "standing")
        if settings.standing == "AUTO" and settings.is_standing_known:
            found = "where its pose has put it" if settings.standing_pose else "as its bones rest"
            pose.label(text=f"Stands {found}", icon="ARMATURE_DATA")
        pose.operator("gaitway.set_standing_pose")


def _draw_part(layout: bpy.types.UILayout, armature: bpy.types.Object, part: str, joints: tuple[str, ...]) -> None:
    column = layout.column(align=True)
    column.label(text=part)
    rows = armature.gaitway_rig.bones
    for joint in joints:
        if joint in rows:
            line = column.row()
            line.alert = joint in REQUIRED_JOINTS and not rows[joint].bone
            name = joint_label(joint.removeprefix("left_").removeprefix("right_")).title()
            line.prop_search(rows[joint], "bone", armature.data, "bones", text=name)


CLASSES = (
    GAITWAY_OT_detect_bones,
    GAITWAY_OT_clear_bones,
    GAITWAY_OT_edit_bones,
    GAITWAY_OT_mirror_bones,
    GAITWAY_OT_save_bones,
    GAITWAY_OT_load_bones,
    GAITWAY_OT_set_standing_pose,
    GAITWAY_PT_bones,
)
