# SPDX-License-Identifier: GPL-3.0-or-later
"""SMPL, SMPL-H and SMPL-X: joint names of the papers, of the Blender add-on and of the Unity export."""

from __future__ import annotations

from .table import BoneTable

TABLE = BoneTable(
    family="SMPL",
    sides=(("left", "L"), ("right", "R")),
    pelvis=("pelvis",),
    spine=("spine1", "spine2", "spine3"),
    neck=("neck",),
    head=("head",),
    collar=("{side}_collar",),
    shoulder=("{side}_shoulder",),
    elbow=("{side}_elbow",),
    wrist=("{side}_wrist",),
    hip=("{side}_hip",),
    knee=("{side}_knee",),
    ankle=("{side}_ankle",),
    foot=("{side}_foot",),
)
