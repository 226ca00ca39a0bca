# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigify's human metarig; also its deform bones, whose names carry DEF- before the same."""

from __future__ import annotations

from .table import BoneTable

TABLE = BoneTable(
    family="Rigify metarig",
    sides=(("L",), ("R",)),
    pelvis=("spine",),
    spine=("spine.001", "spine.002", "spine.003"),
    neck=("spine.004", "spine.005"),
    head=("spine.006",),
    collar=("shoulder.{side}",),
    shoulder=("upper_arm.{side}",),
    elbow=("forearm.{side}",),
    wrist=("hand.{side}",),
    hip=("thigh.{side}",),
    knee=("shin.{side}",),
    ankle=("foot.{side}",),
    foot=("toe.{side}",),
)
