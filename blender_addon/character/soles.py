# SPDX-License-Identifier: GPL-3.0-or-later
"""The points of a character's feet that may touch the ground, with the bones that carry them. No bpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..retarget.bone_map import BoneMap
from ..retarget.pose import alignment
from ..retarget.pose.feet import SIDES, foot_shapes
from ..retarget.rig import Rig
from ..shared import quat


@dataclass(frozen=True)
class SolePoint:
    """A ``point`` under the foot of a ``side``, in the axes of the ``bone`` that carries it."""

    side: str
    bone: str
    point: tuple[float, float, float]


def sole_points(rig: Rig, bone_map: BoneMap) -> tuple[SolePoint, ...]:
    """Heel, ball and tips of both feet: of the skin, where there is one."""
    standing = rig.standing
    figure = alignment.figure_rotation(standing, bone_map)
    shapes = foot_shapes(standing, bone_map, figure, alignment.leg_length(standing, bone_map))
    found = []
    for side in SIDES:
        ankle, toe = bone_map[f"{side}_ankle"], bone_map.bones.get(f"{side}_foot", bone_map[f"{side}_ankle"])
        shape = shapes[side]
        for bone, points in ((ankle, shape.sole), (toe, shape.ball + shape.toes)):
            carrier = standing.carrier(bone)
            to_bone = np.linalg.inv(np.asarray(standing.by_name[carrier].matrix, np.float64))
            places = alignment.head(standing, ankle) + quat.rotate(quat.conjugate(figure), points)
            for x, y, z in places @ to_bone[:3, :3].T + to_bone[:3, 3]:
                found.append(SolePoint(side, carrier, (float(x), float(y), float(z))))
    return tuple(found)
