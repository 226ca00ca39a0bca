# SPDX-License-Identifier: GPL-3.0-or-later
"""The FK controls of a rig that Rigify has generated."""

from __future__ import annotations

from .table import BoneTable

TABLE = BoneTable(
    family="Rigify controls",
    sides=(("L",), ("R",)),
    pelvis=("torso",),
    spine=("spine_fk.001", "spine_fk.002", "spine_fk.003"),
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
)
