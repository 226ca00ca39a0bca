# SPDX-License-Identifier: GPL-3.0-or-later
"""How deep points are inside a solid with its margin, and the shortest way out.

Spheres, capsules (axis along their own Y) and boxes, as :class:`.protocol.Obstacle` has them.
Metres; numpy.
"""

from __future__ import annotations

import numpy as np

from . import quat
from .errors import BadRequest
from .protocol import Obstacle

KINDS = ("sphere", "box", "capsule")


def depth_and_way(obstacle: Obstacle, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth (...) of ``points`` (..., 3) below the solid's surface moved out by its margin, negative outside, and the
    unit direction (..., 3) of the shortest way out.
    """
    turn = quat.normalize(np.asarray(obstacle.rotation, float))
    own = quat.rotate(quat.conjugate(turn), np.asarray(points, float) - np.asarray(obstacle.centre, float))
    size = np.asarray(obstacle.size, float)
    if obstacle.kind == "box":
        distance, way = _box(own, size)
    else:
        if obstacle.kind == "capsule":
            half = np.array([0.0, size[1], 0.0])
            own = own - np.clip(own, -half, half)
        length = np.linalg.norm(own, axis=-1, keepdims=True)
        # In the very middle every way is as short: along +X then, across a capsule's axis.
        way = np.where(length > 1e-9, own / np.maximum(length, 1e-9), np.array([1.0, 0.0, 0.0]))
        distance = length[..., 0] - size[0]
    return obstacle.margin - distance, quat.rotate(turn, way)


def _box(own: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance from a box with half edges ``half`` and the direction away from it."""
    beyond = np.abs(own) - half
    sign = np.where(own < 0, -1.0, 1.0)
    outside = np.maximum(beyond, 0.0)
    length = np.linalg.norm(outside, axis=-1)
    nearest = np.eye(3)[beyond.argmax(-1)]
    away = length[..., None] > 1e-9
    way = np.where(away, outside / np.maximum(length, 1e-9)[..., None], nearest) * sign
    return np.where(away[..., 0], length, beyond.max(-1)), way


def check_obstacle(obstacle: Obstacle) -> None:
    """Raise BadRequest for an obstacle that is no solid."""
    numbers = np.array([*obstacle.centre, *obstacle.size, *obstacle.rotation, obstacle.margin], float)
    if obstacle.kind not in KINDS:
        raise BadRequest(f"There is no obstacle of the kind '{obstacle.kind}'.", f"Use {', '.join(KINDS)}.")
    if not np.isfinite(numbers).all():
        raise BadRequest(f"A {obstacle.kind} holds a value that is not a finite number.", "Correct or remove it.")
    used = obstacle.size[: {"sphere": 1, "capsule": 2, "box": 3}[obstacle.kind]]
    if used[0] <= 0 or min(used) < 0 or obstacle.margin < 0 or not np.any(obstacle.rotation):
        raise BadRequest(
            f"A {obstacle.kind} has the size {obstacle.size} and the margin {obstacle.margin}.",
            "Sizes are half edges and radii in metres and greater than 0; a margin is not negative.",
        )
