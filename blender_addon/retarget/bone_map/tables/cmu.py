# SPDX-License-Identifier: GPL-3.0-or-later
"""The CMU motion capture database: MotionBuilder BVH conversions, and the names of its own ASF files."""

from __future__ import annotations

from .table import BoneTable

TABLE = BoneTable(
    family="CMU",
    sides=(("Left", "l"), ("Right", "r")),
    pelvis=("Hips", "root"),
    spine=("LowerBack", "Spine", "Spine1", "upperback", "thorax"),
    neck=("Neck", "Neck1", "lowerneck", "upperneck"),
    head=("Head",),
    collar=("{side}Shoulder", "{side}clavicle"),
    shoulder=("{side}Arm", "{side}humerus"),
    elbow=("{side}ForeArm", "{side}radius"),
    wrist=("{side}Hand", "{side}wrist"),
    hip=("{side}UpLeg", "{side}femur"),
    knee=("{side}Leg", "{side}tibia"),
    ankle=("{side}Foot", "{side}foot"),
    foot=("{side}ToeBase", "{side}toes"),
)
