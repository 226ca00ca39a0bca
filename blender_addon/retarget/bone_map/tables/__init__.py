# SPDX-License-Identifier: GPL-3.0-or-later
"""Bone names of rig families: one file each, data only. A new family is a new file and a line in ``TABLES``.

Names are compared without case, spaces, dots, dashes, underscores and namespace ("mixamorig:"); a prefix that all
bones share ("Character1_") may be left out. ``{side}`` stands for the family's word for left and for right.
"""

from __future__ import annotations

from . import (
    auto_rig_pro,
    character_creator,
    cloud_rig,
    cmu,
    daz,
    mixamo,
    mpfb,
    rigify_controls,
    rigify_metarig,
    smpl,
    unreal,
    vrm,
)
from .table import BoneTable

TABLES: tuple[BoneTable, ...] = (
    mixamo.TABLE,
    rigify_metarig.TABLE,
    rigify_controls.TABLE,
    auto_rig_pro.TABLE,
    smpl.TABLE,
    unreal.TABLE,
    vrm.TABLE,
    daz.TABLE,
    character_creator.TABLE,
    mpfb.TABLE,
    cmu.TABLE,
    cloud_rig.TABLE,
)
