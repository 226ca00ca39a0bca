# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone is which joint, and what of the character is keyed: a panel that most never open."""

from __future__ import annotations

import bpy

from ..retarget.bone_map.detect import REQUIRED_JOINTS
from .sidebar import Tab, paragraph

PARTS = {
    "Trunk": ("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
    "Left": ("left_collar", "left_shoulder", "left_elbow", "left_wrist",
             "left_hip", "left_knee", "left_ankle", "left_foot"),
    "Right": ("right_collar", "right_shoulder", "right_elbow", "right_wrist",
              "right_hip", "right_knee", "right_ankle", "right_foot"),
}  # fmt: skip


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
            paragraph(column, context, "Which bone is which joint is found when a motion is made", "INFO")
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
            for part, joints in PARTS.items():
                _draw_part(column, armature, part, joints)
        column.separator()
        column.prop(settings, "limbs")
        column.prop(settings, "carrier")
        if settings.carrier == "BONE":
            column.prop_search(settings, "root_bone", armature.data, "bones")
        column.prop(settings, "in_place")
        pose = column.column(align=True)
        if settings.t_pose:
            pose.label(text="Stands as in a kept pose", icon="ARMATURE_DATA")
            pose.operator("gaitway.forget_t_pose")
        pose.operator("gaitway.keep_t_pose")


def _draw_part(layout: bpy.types.UILayout, armature: bpy.types.Object, part: str, joints: tuple[str, ...]) -> None:
    column = layout.column(align=True)
    column.label(text=part)
    rows = armature.gaitway_rig.bones
    for joint in joints:
        if joint in rows:
            line = column.row()
            line.alert = joint in REQUIRED_JOINTS and not rows[joint].bone
            name = joint.replace("left_", "").replace("right_", "").replace("_", " ").title()
            line.prop_search(rows[joint], "bone", armature.data, "bones", text=name)


CLASSES = (GAITWAY_PT_bones,)
