# SPDX-License-Identifier: GPL-3.0-or-later
"""The default rig of MPFB and MakeHuman; its spine is counted from the top."""

from __future__ import annotations

from .table import BoneTable

TABLE = BoneTable(
    family="MakeHuman",
    sides=(("L",), ("R",)),
    pelvis=("root",),
    spine=("spine05", "spine04", "spine03", "spine02", "spine01"),
    neck=("neck01", "neck02", "neck03"),
    head=("head",),
    collar=("clavicle.{side}",),
    shoulder=("upperarm01.{side}",),
    elbow=("lowerarm01.{side}",),
    wrist=("wrist.{side}",),
    hip=("upperleg01.{side}",),
    knee=("lowerleg01.{side}",),
    ankle=("foot.{side}",),
    foot=("toe1-1.{side}",),
)
