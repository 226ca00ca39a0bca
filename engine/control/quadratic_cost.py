# SPDX-License-Identifier: GPL-3.0-or-later
"""What moving some joints costs, to second order: what goals give and solvers take.

Shapes: T frames, C joints that are concerned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class QuadraticCost:
    """``gradient`` (T, 3C) and ``matrix`` (T, 3C, 3C) of half the weighted squares, for the C ``joints``."""

    joints: list[int]
    gradient: np.ndarray
    matrix: np.ndarray

    def embed(self, joints: list[int], weight: float = 1.0) -> QuadraticCost:
        """A copy, ``weight`` times as large, among more ``joints``."""
        frames, size = len(self.gradient), 3 * len(joints)
        own = np.array([3 * joints.index(joint) + axis for joint in self.joints for axis in range(3)], int)
        gradient, matrix = np.zeros((frames, size)), np.zeros((frames, size, size))
        gradient[:, own], matrix[:, own[:, None], own] = weight * self.gradient, weight * self.matrix
        return QuadraticCost(joints, gradient, matrix)

    def add(self, joint: int, axes: list[int], offset: np.ndarray, weight: np.ndarray | float) -> None:
        """Add ``weight`` / 2 times the square of one joint's ``offset`` (T, axes) from where it goes."""
        columns = 3 * self.joints.index(joint) + np.array(axes)
        self.gradient[:, columns] += weight * offset
        self.matrix[:, columns, columns] += weight
