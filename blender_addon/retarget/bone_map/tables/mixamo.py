# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixamo, and what else uses its names: mixamorig:Hips, mixamorig1:Hips or plain Hips."""

from __future__ import annotations

from .table import BoneTable

TABLE = BoneTable(
    family="Mixamo",
    sides=(("Left",), ("Right",)),
    pelvis=("Hips",),
    spine=("Spine", "Spine1", "Spine2", "Spine3"),
    neck=("Neck", "Neck1"),
    head=("Head",),
    collar=("{side}Shoulder",),
    shoulder=("{side}Arm",),
    elbow=("{side}ForeArm",),
    wrist=("{side}Hand",),
    hip=("{side}UpLeg",),
    knee=("{side}Leg",),
    ankle=("{side}Foot",),
    foot=("{side}ToeBase", "{side}Toe"),
)
