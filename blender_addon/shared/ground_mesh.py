# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground under a path from the triangles of a mesh: what a body on the path walks on.

Where several faces lie over each other the one nearest to the path counts; a path that keeps away from all of them,
such as one drawn flat below hills, follows the mesh without leaping from one to another, and never goes where another
face is so low above that nobody fits in between. Only faces that look up are stood on.

Shapes: M triangles, P points of the path, N cells of a patch, H hits. Metres, Y up; places are x and z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import BadControl
from .ground import CELL_M, cell_places, joined_ground, near_patch, nearest_on, plan_patches
from .protocol import Ground, GroundPatch

HEADROOM_M = 1.2  # that whoever goes on a face needs above it
HEAD_M = 1.9  # over the path, where it runs on the ground, that a face is over the head of whoever walks there
KEEPS = 2.0  # of a metre by which the ground leaps beside the path, beside one that it is away from the path
STEEPEST_NORMAL_Y = 0.3  # of a face that is stood on: 70 degrees
PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class PathGround:
    """The ``ground``, None where it is the floor at height 0, and the heights ``under`` (P,) the points of the path."""

    ground: Ground | None
    under: np.ndarray


def ground_of_mesh(
    triangles: np.ndarray, path: np.ndarray, heights: np.ndarray, rate: int = 1, cell: float = CELL_M
) -> PathGround:
    """The ground of ``triangles`` (M, 3, 3) under a ``path`` (P, 2), ``rate`` points a frame, with ``heights`` (P,).

    Where nothing lies under the path the ground is as high as that. Raises BadControl where the path is not over the
    mesh at all.
    """
    cell, patches = plan_patches(path[::rate], heights[::rate], cell)
    triangles = upward(triangles)
    grids = [(patch, *hits(triangles, patch, cell)) for patch in patches]
    for head in (HEAD_M, np.inf):  # above which is a roof, unless nothing else is there
        under, offset = np.full(len(path), np.nan), 0.0
        for patch, cells, levels in grids:
            here = slice(patch.start_frame * rate, (patch.start_frame + patch.num_frames) * rate)
            offset = _follow(under, here, (_cell_of(patch, cell, path), cells, levels), heights, (offset, head))
        if not np.isnan(under).all():
            break
    else:
        raise BadControl("The path is nowhere over its ground.", "Choose another mesh, or move the path over it.")
    under = np.where(np.isnan(under), heights, under)
    filled = [_nearest_surface(patch, cell, cells, levels, path, under, rate) for patch, cells, levels in grids]
    return PathGround(joined_ground(cell, patches, filled), under)


def upward(triangles: np.ndarray) -> np.ndarray:
    """Those of the ``triangles`` (M, 3, 3) that can be stood on; all that are not too steep where none looks up."""
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    steep = normals[:, 1] / np.maximum(np.linalg.norm(normals, axis=-1), 1e-12)
    up = steep > STEEPEST_NORMAL_Y
    return triangles[up if up.any() else np.abs(steep) > STEEPEST_NORMAL_Y]


def hits(triangles: np.ndarray, patch: GroundPatch, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """The cells (H,), ascending, of ``patch`` that ``triangles`` (M, 3, 3) lie over or under, and how high (H,)."""
    at = (triangles[:, :, [0, 2]] - np.asarray(patch.origin)) / cell
    last = np.array([patch.columns - 1, patch.rows - 1])
    low = np.ceil(at.min(1) - 1e-9).clip(0).astype(int)
    high = np.floor(at.max(1) + 1e-9).clip(-1, last).astype(int)
    size = np.maximum(high - low + 1, 0)
    count = size.prod(-1)
    kept = np.flatnonzero(count)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    groups = np.cumsum(count[kept]) // PAIRS_AT_ONCE
    for group in np.unique(groups):
        some = kept[groups == group]
        found.append(_inside(at[some], triangles[some, :, 1], low[some], size[some], patch.columns))
    if not found:
        return np.zeros(0, int), np.zeros(0)
    cells, levels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((levels, cells))
    return cells[order], levels[order]


def _inside(
    at: np.ndarray, levels: np.ndarray, low: np.ndarray, size: np.ndarray, columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cells and heights of the cell centres inside of triangles with corners ``at`` (m, 3, 2) in cells and ``levels``
    (m, 3): those of a box of ``size`` (m, 2) from ``low`` (m, 2) on.
    """
    count = size.prod(-1)
    which = np.repeat(np.arange(len(at)), count)
    number = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    x, z = low[which, 0] + number % size[which, 0], low[which, 1] + number // size[which, 0]
    (ax, az), (bx, bz), (cx, cz) = (at[which, corner].T for corner in range(3))
    area = (bx - ax) * (cz - az) - (cx - ax) * (bz - az)
    area = np.where(np.abs(area) < 1e-12, np.nan, area)
    v = ((x - ax) * (cz - az) - (cx - ax) * (z - az)) / area
    w = ((bx - ax) * (z - az) - (x - ax) * (bz - az)) / area
    inside = (v >= -1e-6) & (w >= -1e-6) & (v + w <= 1 + 1e-6)
    level = levels[which, 0] + v * (levels[which, 1] - levels[which, 0]) + w * (levels[which, 2] - levels[which, 0])
    return (z * columns + x)[inside], level[inside]


def _with_headroom(levels: np.ndarray) -> np.ndarray:
    """Those of ``levels``, ascending, that have nothing low above; what is a hair apart is one."""
    above = np.append(levels[1:] - levels[:-1], np.inf)
    return levels[above > HEADROOM_M]


def _cell_of(patch: GroundPatch, cell: float, path: np.ndarray) -> np.ndarray:
    at = (
        np.floor((path - np.asarray(patch.origin)) / cell + 0.5)
        .astype(int)
        .clip(0, [patch.columns - 1, patch.rows - 1])
    )
    return at[:, 1] * patch.columns + at[:, 0]


def _follow(
    under: np.ndarray,
    here: slice,
    found: tuple[np.ndarray, np.ndarray, np.ndarray],
    heights: np.ndarray,
    before: tuple[float, float],
) -> float:
    """Fill in the ground ``under`` (P,) the points ``here`` of a path with ``heights`` (P,), which lies so far over the
    path ``before``, and rises at most so much from there; returns how far it lies over the path at the end. ``found``:
    the cell of each point (P,), the cells (H,) and heights (H,) of hits.
    """
    offset, head = before
    cell_of, cells, all_levels = found
    starts, ends = np.searchsorted(cells, cell_of), np.searchsorted(cells, cell_of, side="right")
    for point in range(*here.indices(len(under))):
        if starts[point] == ends[point]:
            continue
        levels = _with_headroom(all_levels[starts[point] : ends[point]])
        levels = levels[levels - heights[point] < offset + head]
        if not len(levels):
            continue
        away = levels - heights[point]
        best = int((np.abs(away) + KEEPS * np.abs(away - offset)).argmin())
        under[point], offset = levels[best], float(away[best])
    return offset


def _nearest_surface(
    patch: GroundPatch,
    cell: float,
    cells: np.ndarray,
    levels: np.ndarray,
    path: np.ndarray,
    under: np.ndarray,
    rate: int,
) -> np.ndarray:
    """Heights (N,) of the cells of ``patch``: of what lies there the nearest to the ground ``under`` (P,) the nearest
    point of the ``path``; beside the mesh that ground.
    """
    near = near_patch(patch, path, rate)
    wanted = under[near][nearest_on(path[near], cell_places(patch, cell))]
    below_head = levels < wanted[cells] + HEAD_M
    cells, levels = cells[below_head], levels[below_head]
    order = np.lexsort((-np.abs(levels - wanted[cells]), cells))
    wanted[cells[order]] = levels[order]  # the last one of a cell stays: the nearest
    return wanted
