# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies low is stepped over: where feet stand beside it, and how high they swing above it.

Shapes: T frames. Metres, Y up, floor at Y = 0; numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blender_addon.shared import quat
from blender_addon.shared.protocol import Obstacle
from blender_addon.shared.series import envelope
from blender_addon.shared.solids import penetration

LOW = 0.4  # metres up to which an obstacle, with its margin, is stepped over
CLEAR, STANDING = 0.05, 0.01  # metres that feet keep above it, and those that stand on it
SCAN = np.arange(0.0, LOW, 0.01)  # heights at which it is looked for
FOOT, CELL = 0.14, 0.04  # metres that a foot takes up around its toe, and between the spots of a map
MOST_CELLS = 40_000  # of a map; a larger one is coarser
FARTHEST = 0.5  # metres by which a footprint is moved at most
EARLY = 2  # frames by which a foot is up before it is over an obstacle


def is_step_over(obstacle: Obstacle) -> bool:
    """Whether it is stepped over."""
    size = np.asarray(obstacle.size, float)
    if obstacle.kind == "box":
        up = quat.rotate(
            quat.conjugate(quat.normalize(np.asarray(obstacle.rotation, float))), np.array([0.0, 1.0, 0.0])
        )
        reach = float(np.abs(up) @ size)
    elif obstacle.kind == "capsule":
        axis = quat.rotate(quat.normalize(np.asarray(obstacle.rotation, float)), np.array([0.0, 1.0, 0.0]))
        reach = float(size[0] + abs(axis[1]) * size[1])
    else:
        reach = float(size[0])
    return obstacle.centre[1] + reach + obstacle.margin < LOW


class StandableGround:
    """A map of the ground where obstacles lie in the way: for each spot the nearest one on which a foot can stand."""

    def __init__(self, obstacles: Sequence[Obstacle], toes: np.ndarray) -> None:
        """``toes`` (..., 3): where feet come."""
        from scipy.ndimage import distance_transform_edt  # slow to import, seldom needed

        reach = [np.linalg.norm(obstacle.size) + obstacle.margin + FOOT + FARTHEST for obstacle in obstacles]
        centres = np.array([[obstacle.centre[0], obstacle.centre[2]] for obstacle in obstacles])
        ground = toes[..., [0, 2]].reshape(-1, 2)
        low = np.maximum((centres - np.array(reach)[:, None]).min(0), ground.min(0) - 2 * FARTHEST)
        high = np.minimum((centres + np.array(reach)[:, None]).max(0), ground.max(0) + 2 * FARTHEST)
        size = np.maximum(high - low, CELL)
        self.origin, self.cell = low, max(CELL, float(np.sqrt(size.prod() / MOST_CELLS)))
        shape = np.ceil(size / self.cell).astype(int) + 1
        grid = low + self.cell * np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
        lying = heights_over(grid, obstacles) > 0
        blocked = lying if not lying.any() else distance_transform_edt(~lying) * self.cell < FOOT
        if blocked.all():  # it is the floor
            blocked[:] = False
        away, nearest = distance_transform_edt(blocked, return_indices=True)
        nearest = low + self.cell * np.moveaxis(nearest, 0, -1)
        self._shift = np.where((blocked & (away * self.cell < FARTHEST))[..., None], nearest - grid, 0.0)

    def shift(self, toes: np.ndarray) -> np.ndarray:
        """The way (..., 2) over the ground for a foot with its toe over ``toes`` (..., 2) to stand beside what lies
        there; none where it does, or where that is too far.
        """
        cells = np.rint((toes - self.origin) / self.cell).astype(int)
        inside = ((cells >= 0) & (cells < self._shift.shape[:2])).all(-1)
        x, z = np.moveaxis(np.where(inside[..., None], cells, 0), -1, 0)
        return np.where(inside[..., None], self._shift[x, z], 0.0)


def heights_over(points: np.ndarray, obstacles: Sequence[Obstacle], clear: float = CLEAR) -> np.ndarray:
    """How high (...) a foot over ``points`` (..., 2), x and z, must be to keep ``clear``; 0 where nothing lies."""
    column = np.empty((*points.shape[:-1], len(SCAN), 3))
    column[..., [0, 2]], column[..., 1] = points[..., None, :], SCAN
    inside = np.zeros(column.shape[:-1], bool)
    for obstacle in obstacles:
        inside |= penetration(obstacle, column)[0] > -clear
    return np.where(inside, SCAN + SCAN[1], 0.0).max(-1)


def lifted_over(
    height: np.ndarray, toe: np.ndarray, ankle: np.ndarray, swings: np.ndarray, obstacles: Sequence[Obstacle]
) -> np.ndarray:
    """The toe's ``height`` (T,), raised where it ``swings`` (T,) with toe and ankle over these ways (T, 2)."""
    needed = np.maximum(heights_over(toe, obstacles), heights_over(ankle, obstacles))
    if not needed.any():
        return height
    return np.where(swings, np.maximum(height, envelope(needed, EARLY, EARLY)), height)
