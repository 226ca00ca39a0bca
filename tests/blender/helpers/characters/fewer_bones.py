# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters with fewer bones than the model has joints, as toys and voxel figures are built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import bpy

from ..armatures import build, human, without
from ..rigs import a_pose

SIDES = ("left", "right")


def fewer(name: str, gone: tuple[str, ...]) -> bpy.types.Object:
    """A figure without the bones of some joints, ``side_`` for both sides."""
    joints = [joint.replace("side_", f"{side}_") for joint in gone for side in SIDES]
    points = a_pose(arms=40, elbows=10, legs=3)
    bones = without(human(points), *dict.fromkeys(joints))
    for side in SIDES if "side_ankle" in gone else ():
        sole = points[f"{side}_ankle"] * (1, 1, 0)  # the shin goes down to the ground
        bones[f"{side}_knee"] = replace(bones[f"{side}_knee"], end=sole)
    return build(name, bones)


GONE: dict[str, tuple[str, ...]] = {
    "no feet": ("side_foot", "side_ankle"),
    "no hands, collars or toes": ("side_wrist", "side_collar", "side_foot"),
    "arms of one bone": ("side_wrist", "side_elbow", "side_collar"),
    "one bone from hips to head": ("spine2", "spine3", "neck"),
    "no spine, neck or head": ("spine1", "spine2", "neck", "head"),
}
FEWER: dict[str, Callable[[], bpy.types.Object]] = {
    name.capitalize(): partial(fewer, name.capitalize(), gone) for name, gone in GONE.items()
}
