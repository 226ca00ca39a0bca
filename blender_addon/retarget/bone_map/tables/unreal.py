# SPDX-License-Identifier: GPL-3.0-or-later
"""Unreal Engine's mannequins, 4 and 5, and MetaHuman bodies; MPFB's game engine rig has the same names."""

from __future__ import annotations

from .table import BoneTable

TABLE = BoneTable(
    family="Unreal",
    sides=(("l",), ("r",)),
    pelvis=("pelvis",),
    spine=("spine_01", "spine_02", "spine_03", "spine_04", "spine_05"),
    neck=("neck_01", "neck_02"),
    head=("head",),
    collar=("clavicle_{side}",),
    shoulder=("upperarm_{side}",),
    elbow=("lowerarm_{side}",),
    wrist=("hand_{side}",),
    hip=("thigh_{side}",),
    knee=("calf_{side}",),
    ankle=("foot_{side}",),
    foot=("ball_{side}",),
)
