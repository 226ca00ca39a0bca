# SPDX-License-Identifier: GPL-3.0-or-later
"""Reallusion's Character Creator, ActorCore and AccuRig; usually behind the prefix CC_Base_."""

from __future__ import annotations

from .table import BoneTable

TABLE = BoneTable(
    family="Character Creator",
    sides=(("L",), ("R",)),
    pelvis=("Hip",),
    spine=("Waist", "Spine01", "Spine02"),
    neck=("NeckTwist01", "NeckTwist02"),
    head=("Head",),
    collar=("{side}_Clavicle",),
    shoulder=("{side}_Upperarm",),
    elbow=("{side}_Forearm",),
    wrist=("{side}_Hand",),
    hip=("{side}_Thigh",),
    knee=("{side}_Calf",),
    ankle=("{side}_Foot",),
    foot=("{side}_ToeBase",),
)
