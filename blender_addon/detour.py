# SPDX-License-Identifier: GPL-3.0-or-later
"""A way that leads through an obstacle and need not be kept, led around it: to the nearer side, in one even bend. No
bpy.

Shapes: N points of the way. The model's axes and metres.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .solids import Solid

BODY = 0.25
"""Metres from the middle of a walking body to its side."""
HEIGHTS = np.array([0.2, 0.5, 0.8, 1.1])
"""Heights at which a body cannot but go around; it ducks below what is higher, and steps over what is lower."""
BEND = 1.2
"""Metres of the way before and behind an obstacle in which it turns aside and comes back."""
STEP, FARTHEST = 0.05, 4.0
"""Metres aside that are tried."""


def around(points: np.ndarray, allowed: np.ndarray, solids: Sequence[Solid]) -> np.ndarray:
    """The way over the ground through ``points`` (N, 3), led around ``solids`` where no point must go farther aside
    than is ``allowed`` (N,); elsewhere it stays as it is, through whatever it goes.
    """
    points = np.array(points, np.float64)
    steps = np.linalg.norm(np.diff(points[:, [0, 2]], axis=0), axis=-1)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    for first, last in _runs(_depths(points, solids) > 0, way):
        if allowed[first : last + 1].min() < STEP:
            continue
        aside = _aside(points[max(first - 1, 0)], points[min(last + 1, len(points) - 1)])
        far = np.maximum(way[first] - way, way - way[last]).clip(0, BEND) / BEND
        touched = far < 1
        bend = np.where(touched, np.cos(np.pi / 2 * far) ** 2, 0.0)
        for distance in np.arange(STEP, FARTHEST, STEP):
            tried = [points + side * distance * bend[:, None] * aside for side in (1, -1)]
            clear = [new for new in tried if _depths(new[touched], solids).max() <= 0]
            if clear:
                if (distance * bend <= allowed).all():
                    points = clear[0]
                break
    return points


def _depths(points: np.ndarray, solids: Sequence[Solid]) -> np.ndarray:
    """How deep (N,) a body that walks over ``points`` (N, 3) is in the deepest of the solids; negative outside."""
    from .shared.obstacles import depth_and_way

    upright = np.repeat(points[:, None], len(HEIGHTS), 1)
    upright[..., 1] = HEIGHTS
    return np.max([depth_and_way(solid, upright)[0].max(-1) for solid in solids], axis=0) + BODY


def _runs(inside: np.ndarray, way: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of each stretch of points that are ``inside`` (N,), those whose bends meet as one; what
    begins or ends inside cannot be gone around.
    """
    runs: list[tuple[int, int]] = []
    for first, end in np.flatnonzero(np.diff(np.pad(inside.astype(int), 1))).reshape(-1, 2).tolist():
        if runs and way[first] - way[runs[-1][1]] < 2 * BEND:
            runs[-1] = (runs[-1][0], end - 1)
        else:
            runs.append((first, end - 1))
    return [(first, last) for first, last in runs if first > 0 and last < len(inside) - 1]


def _aside(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The level direction (3,) across the way from one point to the other."""
    ahead = (end - start)[[0, 2]]
    length = np.linalg.norm(ahead)
    x, z = ahead / length if length > 0 else (0.0, 1.0)
    return np.array([z, 0.0, -x])
