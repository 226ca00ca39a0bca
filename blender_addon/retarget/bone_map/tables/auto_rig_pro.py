# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of a rig made by Auto-Rig Pro: FK, and the IK of arms and legs beside it."""

from __future__ import annotations

from .table import BoneTable, LimbControls

TABLE = BoneTable(
    family="Auto-Rig Pro",
    sides=(("l",), ("r",)),
    pelvis=("c_root_master.x",),
    spine=("c_spine_01.x", "c_spine_02.x", "c_spine_03.x", "c_spine_04.x", "c_spine_05.x", "c_spine_06.x"),
    neck=("c_neck.x",),
    head=("c_head.x",),
    collar=("c_shoulder.{side}",),
    shoulder=("c_arm_fk.{side}",),
    elbow=("c_forearm_fk.{side}",),
    wrist=("c_hand_fk.{side}",),
    hip=("c_thigh_fk.{side}",),
    knee=("c_leg_fk.{side}",),
    ankle=("c_foot_fk.{side}",),
    foot=("c_toes_fk.{side}",),
    arm_controls=LimbControls(
        end=("c_hand_ik.{side}",),
        pole=("c_arms_pole.{side}",),
        switch_bone=("c_hand_ik.{side}",),
        switch="ik_fk_switch",
        fk=1.0,
        ik=0.0,
    ),
    leg_controls=LimbControls(
        end=("c_foot_ik.{side}",),
        pole=("c_leg_pole.{side}",),
        switch_bone=("c_foot_ik.{side}",),
        switch="ik_fk_switch",
        fk=1.0,
        ik=0.0,
        toe=("c_toes_ik.{side}",),
    ),
)
