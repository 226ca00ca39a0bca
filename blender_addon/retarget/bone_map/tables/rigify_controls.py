# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of a rig that Rigify has generated: FK, and the IK of arms and legs beside it."""

from __future__ import annotations

from .table import BoneTable, LimbControls

TABLE = BoneTable(
    family="Rigify controls",
    sides=(("L",), ("R",)),
    pelvis=("torso",),
    # spine_fk.001 and spine_fk lead from the middle of the back down to the legs; they stay as the torso is.
    spine=("spine_fk.002", "spine_fk.003", "spine_fk.004"),
    neck=("neck",),
    head=("head",),
    collar=("shoulder.{side}",),
    shoulder=("upper_arm_fk.{side}",),
    elbow=("forearm_fk.{side}",),
    wrist=("hand_fk.{side}",),
    hip=("thigh_fk.{side}",),
    knee=("shin_fk.{side}",),
    ankle=("foot_fk.{side}",),
    foot=("toe_fk.{side}", "toe.{side}"),
    arm_controls=LimbControls(
        end=("hand_ik.{side}",),
        pole=("upper_arm_ik_target.{side}",),
        switch_bone=("upper_arm_parent.{side}",),
        switch="IK_FK",
        fk=1.0,
        ik=0.0,
        pole_properties=(("pole_vector", 1.0),),
    ),
    leg_controls=LimbControls(
        end=("foot_ik.{side}",),
        pole=("thigh_ik_target.{side}",),
        switch_bone=("thigh_parent.{side}",),
        switch="IK_FK",
        fk=1.0,
        ik=0.0,
        toe=("toe_ik.{side}",),
        pole_properties=(("pole_vector", 1.0),),
    ),
)
