# SPDX-License-Identifier: GPL-3.0-or-later
"""A goal for where the body faces: the line across its hips, turned about the vertical.

Beyond a tolerance, which leaves the hips their own swing, a frame's residual is the angle that is missing times
:data:`ARM_M`. Its derivative by the two hips is exact, so a solver turns the body about the middle of its hips.

Shapes: T frames, J = 22 joints. Metres, radians about +Y; Y up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blender_addon.shared.skeleton import SKELETON

from .quadratic_cost import QuadraticCost

TOLERANCE_RAD = 0.2  # hips swing about the way by less in walks
ARM_M = 0.3  # a radian counts like a joint that far away from its place
LEAST_WIDTH_M = 0.06  # of the hips seen from above; those of a body that lies on its side tell no facing
HIPS = SKELETON.indices("left_hip", "right_hip")


@dataclass(frozen=True, eq=False)
class FacingGoal:
    """``angle`` (T,): where the body is to face, continuous, NaN where that is free."""

    angle: np.ndarray

    @property
    def told(self) -> np.ndarray:
        """(T,) bool: frames in which it is not free."""
        return ~np.isnan(self.angle)

    def residuals(self, joints: np.ndarray) -> np.ndarray:
        """Metres (n,) by which ``joints`` (T, J, 3) miss, in the n frames that are told."""
        return np.abs(ARM_M * self.missing(joints)[self.told])

    def cost(self, joints: np.ndarray) -> float:
        """Half the squares of what ``joints`` (T, J, 3) miss."""
        return float(((ARM_M * self.missing(joints)) ** 2).sum() / 2)

    def add_to(self, cost: QuadraticCost, joints: np.ndarray) -> None:
        """Add its cost around ``joints`` (T, J, 3) to ``cost``, which concerns both hips."""
        missing, across = self.missing(joints), _across(joints)
        width = np.maximum(np.linalg.norm(across, axis=-1), LEAST_WIDTH_M)
        turning = (
            ARM_M * np.stack([across[:, 1], -across[:, 0]], -1) / width[:, None] ** 2
        )  # by x and z of the left hip
        slope = np.where(missing[:, None] != 0, np.concatenate([turning, -turning], -1), 0.0)
        columns = [3 * cost.joints.index(hip) + axis for hip in HIPS for axis in (0, 2)]
        cost.gradient[:, columns] -= slope * (ARM_M * missing)[:, None]
        cost.matrix[:, np.array(columns)[:, None], columns] += slope[:, :, None] * slope[:, None, :]

    def missing(self, joints: np.ndarray) -> np.ndarray:
        """(T,): the angle that is missing beyond the tolerance; 0 where nothing is told."""
        told = self.told
        if not told.any():
            return np.zeros(len(told))
        across = _across(joints)
        off = np.unwrap(self.angle[told] - np.arctan2(-across[told, 1], across[told, 0]))
        off -= 2 * np.pi * np.round(off[0] / (2 * np.pi))
        missing = np.zeros(len(told))
        missing[told] = np.sign(off) * np.maximum(np.abs(off) - TOLERANCE_RAD, 0.0)
        return missing


def _across(joints: np.ndarray) -> np.ndarray:
    """(T, 2), x and z: from the right hip to the left one."""
    return (joints[:, HIPS[0]] - joints[:, HIPS[1]])[:, [0, 2]]
