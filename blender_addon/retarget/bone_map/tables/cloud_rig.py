# SPDX-License-Identifier: GPL-3.0-or-later
"""The FK controls of rigs that CloudRig has generated, Blender Studio's characters, and those of BlenRig."""

from __future__ import annotations

from .table import BoneTable, LimbControls

SWITCH_BONES = ("Properties_IKFK", "Properties")

TABLE = BoneTable(
    family="CloudRig",
    sides=(("L",), ("R",)),
    pelvis=("MSTR-Spine_Torso", "MSTR-Torso", "TORSO-Spine"),
    spine=("FK-Spine", "FK-Spine1", "FK-Spine2", "FK-Spine3", "FK-RibCage", "FK-Chest"),
    neck=("FK-Neck",),
    head=("FK-Head",),
    collar=("FK-Shoulder.{side}", "FK-Clavicle.{side}"),
    shoulder=("FK-UpperArm.{side}",),
    elbow=("FK-Forearm.{side}",),
    wrist=("FK-Hand.{side}", "FK-Wrist.{side}"),
    hip=("FK-Thigh.{side}",),
    knee=("FK-Shin.{side}", "FK-Knee.{side}"),
    ankle=("FK-Foot.{side}", "FK-W-Foot.{side}"),
    foot=("FK-Toes.{side}", "FK-Toe.{side}"),
    arm_controls=LimbControls(
        end=("IK-MSTR-Wrist.{side}", "IK-MSTR-Hand.{side}", "IK-Wrist.{side}", "IK-Hand.{side}"),
        pole=(),
        switch_bone=SWITCH_BONES,
        switch="ik_arm_{side}",
        fk=0.0,
        ik=1.0,
    ),
    leg_controls=LimbControls(
        end=("IK-MSTR-Foot.{side}", "IK-Foot.{side}"),
        pole=(),
        switch_bone=SWITCH_BONES,
        switch="ik_leg_{side}",
        fk=0.0,
        ik=1.0,
    ),
    hang_on_constraints=True,
)
