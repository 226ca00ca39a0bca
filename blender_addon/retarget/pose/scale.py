# SPDX-License-Identifier: GPL-3.0-or-later
"""How large an armature is beside the model, so that a step on it is as long as its legs."""

from __future__ import annotations

import numpy as np

from ...shared import quat
from ...shared.errors import RetargetError
from ...shared.skeleton import SKELETON
from ..bone_map.mapping import BoneMap
from ..rig import Rig
from . import alignment


def rig_scale(rig: Rig, bone_map: BoneMap) -> float:
    """Leg length of ``rig``, hip to ankle along the bones, over the model's; both in metres of the world.

    The object's scale and the scene's unit scale are in it. World points of the rig, in metres, divided by it are
    model points.
    """
    factor = alignment.leg_length(rig.standing, bone_map) * object_scale(rig) * rig.unit_scale / SKELETON.leg_length
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
    rig_height = upright_height(rig, bone_map) * object_scale(rig) * rig.unit_scale
    return rig_height - SKELETON.standing_height * rig_scale(rig, bone_map)


def upright_height(rig: Rig, bone_map: BoneMap) -> float:
    """Height of the hips bone above the soles when ``rig`` stands on straight legs, in armature units."""
    figure = alignment.figure_rotation(rig, bone_map)

    def mean_height(*joints: str) -> float:
        heights = [float(quat.rotate(figure, alignment.head(rig, bone_map[joint]))[2]) for joint in joints]
        return sum(heights) / len(heights)

    above_sockets = mean_height("pelvis") - mean_height("left_hip", "right_hip")
    ankles = [shape.height for shape in alignment.neutral_feet(rig, bone_map).values()]
    return above_sockets + alignment.leg_length(rig, bone_map) + sum(ankles) / len(ankles)


def soles(rig: Rig, bone_map: BoneMap) -> np.ndarray:
    """What both feet of ``rig`` may stand on where it rests: points (N, 3), armature space."""
    shapes = alignment.resting_feet(rig, bone_map)
    back = quat.conjugate(alignment.figure_rotation(rig, bone_map))
    ankles = {side: alignment.head(rig, bone_map[f"{side}_ankle"]) for side in shapes}
    return np.concatenate([ankles[side] + quat.rotate(back, shape.points) for side, shape in shapes.items()])


def object_scale(rig: Rig) -> float:
    """Uniform scale of the armature object in the world."""
    return float(abs(np.linalg.det(np.asarray(rig.matrix_world, dtype=np.float64)[:3, :3])) ** (1 / 3))
