# SPDX-License-Identifier: GPL-3.0-or-later
"""VRoid Studio's names, and the plain humanoid names of VRM."""

from __future__ import annotations

from .table import BoneTable

TABLE = BoneTable(
    family="VRM",
    sides=(("L", "left"), ("R", "right")),
    pelvis=("J_Bip_C_Hips", "hips"),
    spine=("J_Bip_C_Spine", "J_Bip_C_Chest", "J_Bip_C_UpperChest", "spine", "chest", "upperChest"),
    neck=("J_Bip_C_Neck", "neck"),
    head=("J_Bip_C_Head", "head"),
    collar=("J_Bip_{side}_Shoulder", "{side}Shoulder", "Shoulder.{side}"),
    shoulder=("J_Bip_{side}_UpperArm", "{side}UpperArm", "UpperArm.{side}"),
    elbow=("J_Bip_{side}_LowerArm", "{side}LowerArm", "LowerArm.{side}"),
    wrist=("J_Bip_{side}_Hand", "{side}Hand", "Hand.{side}"),
    hip=("J_Bip_{side}_UpperLeg", "{side}UpperLeg", "UpperLeg.{side}"),
    knee=("J_Bip_{side}_LowerLeg", "{side}LowerLeg", "LowerLeg.{side}"),
    ankle=("J_Bip_{side}_Foot", "{side}Foot", "Foot.{side}"),
    foot=("J_Bip_{side}_ToeBase", "{side}Toes", "Toes.{side}", "ToeBase.{side}"),
)
