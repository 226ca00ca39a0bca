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

from .parameters import FOOT_PARAMS, FootPlannerParams


def is_step_over(obstacle: Obstacle, params: FootPlannerParams = FOOT_PARAMS) -> bool:
    """Whether ``obstacle`` is so low that a body steps over it."""
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
    return obstacle.centre[1] + reach + obstacle.margin < params.low_obstacle_m


class StandableGround:
    """A map of the ground where obstacles lie: for each spot the nearest one on which a foot can stand."""

    def __init__(
        self, obstacles: Sequence[Obstacle], toes: np.ndarray, params: FootPlannerParams = FOOT_PARAMS
    ) -> None:
        """``toes`` (..., 3): where feet come."""
        from scipy.ndimage import distance_transform_edt  # slow to import, seldom needed

        radius, farthest = params.foot_radius_m, params.footprint_shift_m
        reach = [np.linalg.norm(obstacle.size) + obstacle.margin + radius + farthest for obstacle in obstacles]
        centres = np.array([[obstacle.centre[0], obstacle.centre[2]] for obstacle in obstacles])
        path = toes[..., [0, 2]].reshape(-1, 2)
        low = np.maximum((centres - np.array(reach)[:, None]).min(0), path.min(0) - 2 * farthest)
        high = np.minimum((centres + np.array(reach)[:, None]).max(0), path.max(0) + 2 * farthest)
        size = np.maximum(high - low, params.map_cell_m)
        self.origin = low
        self.cell = max(params.map_cell_m, float(np.sqrt(size.prod() / params.map_max_cells)))
        shape = np.ceil(size / self.cell).astype(int) + 1
        grid = low + self.cell * np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
        occupied = heights_over(grid, obstacles, params.swing_clearance_m, params) > 0
        blocked = occupied if not occupied.any() else distance_transform_edt(~occupied) * self.cell < radius
        if blocked.all():  # it is the floor
            blocked[:] = False
        away, nearest = distance_transform_edt(blocked, return_indices=True)
        nearest = low + self.cell * np.moveaxis(nearest, 0, -1)
        self._shift = np.where((blocked & (away * self.cell < farthest))[..., None], nearest - grid, 0.0)

    def shift(self, toes: np.ndarray) -> np.ndarray:
        """The offset (..., 2) over the ground for a foot with its toe over ``toes`` (..., 2) to stand beside what lies
        there; 0 where it does, or where that is too far.
        """
        cells = np.rint((toes - self.origin) / self.cell).astype(int)
        inside = ((cells >= 0) & (cells < self._shift.shape[:2])).all(-1)
        x, z = np.moveaxis(np.where(inside[..., None], cells, 0), -1, 0)
        return np.where(inside[..., None], self._shift[x, z], 0.0)


def heights_over(
    points: np.ndarray, obstacles: Sequence[Obstacle], clearance_m: float, params: FootPlannerParams = FOOT_PARAMS
) -> np.ndarray:
    """How high (...) a foot over ``points`` (..., 2), x and z, must be to keep ``clearance_m``; 0 where nothing is."""
    scan = np.arange(0.0, params.low_obstacle_m, params.scan_step_m)
    column = np.empty((*points.shape[:-1], len(scan), 3))
    column[..., [0, 2]], column[..., 1] = points[..., None, :], scan
    inside = np.zeros(column.shape[:-1], bool)
    for obstacle in obstacles:
        inside |= penetration(obstacle, column)[0] > -clearance_m
    return np.where(inside, scan + scan[1], 0.0).max(-1)


def lifted_over(
    height: np.ndarray,
    paths: Sequence[np.ndarray],
    swings: np.ndarray,
    obstacles: Sequence[Obstacle],
    params: FootPlannerParams = FOOT_PARAMS,
) -> np.ndarray:
    """The toe's ``height`` (T,), raised where the foot ``swings`` (T,) over an obstacle; ``paths`` of toe and ankle,
    each (T, 2).
    """
    clearance = params.swing_clearance_m
    needed = np.maximum.reduce([heights_over(path, obstacles, clearance, params) for path in paths])
    if not needed.any():
        return height
    early = params.raise_early_frames
    return np.where(swings, np.maximum(height, envelope(needed, early, early)), height)
