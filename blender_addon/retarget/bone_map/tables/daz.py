# SPDX-License-Identifier: GPL-3.0-or-later
"""Daz Genesis 3, 8 (bend and twist bones) and 9 (plain names); the figures before them (abdomen, chest), as Poser's."""

from __future__ import annotations

from .table import BoneTable

TABLE = BoneTable(
    family="Daz",
    sides=(("l",), ("r",)),
    pelvis=("hip",),
    spine=("abdomen", "abdomen2", "chest", "abdomenLower", "abdomenUpper", "chestLower", "chestUpper",
           "spine1", "spine2", "spine3", "spine4"),
    neck=("neck", "neckLower", "neckUpper", "neck1", "neck2"),
    head=("head",),
    collar=("{side}Collar", "{side}_shoulder"),
    shoulder=("{side}ShldrBend", "{side}Shldr", "{side}_upperarm"),
    elbow=("{side}ForearmBend", "{side}Forearm", "{side}_forearm"),
    wrist=("{side}Hand", "{side}_hand"),
    hip=("{side}ThighBend", "{side}Thigh", "{side}_thigh"),
    knee=("{side}Shin", "{side}_shin"),
    ankle=("{side}Foot", "{side}_foot"),
    foot=("{side}Toe", "{side}_toes"),
)  # fmt: skip
