# SPDX-License-Identifier: GPL-3.0-or-later
"""How large an armature is beside the model, so that a step on it is as long as its legs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ...shared import quat
from ...shared.errors import RetargetError
from ...shared.skeleton import SKELETON
from ..bone_map.mapping import BoneMap
from ..rig import Rig
from . import alignment

LEG = ("hip", "knee", "ankle")


def rig_scale(rig: Rig, bone_map: BoneMap) -> float:
    """Leg length of ``rig``, hip to ankle along the bones, over the model's; both in metres of the world.

    The object's scale and the scene's unit scale are in it. World points of the rig, in metres, divided by it are
    model points.
    """
    factor = leg_length(rig, bone_map) * object_scale(rig) * rig.unit_scale / SKELETON.leg_length
    if not np.isfinite(factor) or factor < 1e-6:
        raise RetargetError(
            "The legs of this armature have no length.",
            "Choose an armature whose hip, knee and ankle bones start at different points.",
        )
    return factor


def hips_lift(rig: Rig, bone_map: BoneMap) -> float:
    """How much higher, in metres of the world, the hips bone of the standing rig is than a scaled model's pelvis;
    often negative.

    Hips bones begin anywhere between crotch and navel, and ankles at any height. A motion whose pelvis is raised by
    this before it is applied stands with its soles on the same floor as the model's.
    """
    rig = rig.standing
    figure = alignment.figure_rotation(rig, bone_map)

    def height(point: np.ndarray) -> float:
        return float(quat.rotate(figure, point)[2])

    def mean_height(part: str) -> float:
        return float(np.mean([height(alignment.head(rig, bone_map[f"{side}_{part}"])) for side in ("left", "right")]))

    feet = [bone_map[joint] for joint in ("left_ankle", "right_ankle", "left_foot", "right_foot") if joint in bone_map]
    sole = min(
        height(np.asarray(end, dtype=np.float64))
        for name in feet
        for end in (rig.by_name[name].head, rig.by_name[name].tail)
    )
    above_sockets = height(alignment.head(rig, bone_map["pelvis"])) - mean_height("hip")
    rig_height = above_sockets + leg_length(rig, bone_map) + mean_height("ankle") - sole
    return rig_height * object_scale(rig) * rig.unit_scale - SKELETON.standing_height * rig_scale(rig, bone_map)


def leg_length(rig: Rig, bone_map: BoneMap) -> float:
    """Hip to ankle in armature units, mean of both legs."""
    total = 0.0
    for side in ("left", "right"):
        points = [alignment.head(rig, bone_map[f"{side}_{part}"]) for part in LEG]
        total += sum(float(np.linalg.norm(b - a)) for a, b in pairwise(points))
    return total / 2


def object_scale(rig: Rig) -> float:
    """Uniform scale of the armature object in the world."""
    return float(abs(np.linalg.det(np.asarray(rig.matrix_world, dtype=np.float64)[:3, :3])) ** (1 / 3))
