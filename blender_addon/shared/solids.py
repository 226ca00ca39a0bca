# SPDX-License-Identifier: GPL-3.0-or-later
"""Solids that no joint may enter: how deep points are inside one with its margin, the direction out, and the solid
that holds an object.

Spheres, capsules (axis along their own Y) and boxes, as :class:`.protocol.Obstacle` has them.

Shapes: P points of an object, in any axes and unit (sizes come in the same); elsewhere metres. Numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import quat
from .errors import BadRequest
from .protocol import Obstacle

SOLID_KINDS = ("sphere", "box", "capsule")
THIN = 1e-3
"""The least half edge of a box and radius of a rod: a wall without thickness is one nevertheless."""
ROUND = 1.01
"""A ball whose longest side is at most so many times the shortest is not stretched."""


@dataclass(frozen=True, eq=False)
class Solid:
    """What :class:`.protocol.Obstacle` says of a solid: its ``kind``, ``centre`` (3,), ``size`` (3,), the
    ``rotation`` (4,) of its own axes and the ``margin`` around it; and the ``name`` of what it stands for.
    """

    kind: str
    centre: np.ndarray
    size: np.ndarray
    rotation: np.ndarray
    margin: float = 0.0
    name: str = ""


def is_stretched(points: np.ndarray, axes: np.ndarray) -> bool:
    """Whether ``points`` (P, 3) reach farther along one of the ``axes`` (3, 3), columns, than along another."""
    extent = np.ptp(points @ axes, axis=0)
    return bool(extent.max() > ROUND * extent.min())


def enclosing_solid(kind: str, points: np.ndarray, axes: np.ndarray) -> Solid:
    """The solid of this kind that holds all ``points`` (P, 3), along the object's own ``axes`` (3, 3), the columns of
    a rotation.

    A sphere and a capsule are centred where the box is; the capsule lies along the longest side.
    """
    own = points @ axes
    middle = (own.min(0) + own.max(0)) / 2
    own, half = own - middle, np.maximum(np.ptp(own, axis=0) / 2, THIN)
    centre = axes @ middle
    if kind == "box":
        return Solid(kind, centre, half, quat.from_matrix(axes))
    if kind == "sphere":
        radius = max(float(np.linalg.norm(own, axis=-1).max()), THIN)
        return Solid(kind, centre, np.array([radius, 0.0, 0.0]), quat.from_matrix(axes))
    longest = int(half.argmax())
    along = own[:, longest]
    beside = np.linalg.norm(np.delete(own, longest, axis=1), axis=-1)
    radius = max(float(beside.max()), THIN)
    # A round end holds a point beside the axis when the axis ends so near to it.
    length = max(float((np.abs(along) - np.sqrt(np.maximum(radius**2 - beside**2, 0.0))).max()), 0.0)
    capsule_axes = np.roll(axes, 1 - longest, axis=1)  # the axis of a capsule is its own Y
    return Solid(kind, centre, np.array([radius, length, 0.0]), quat.from_matrix(capsule_axes))


def penetration(obstacle: Obstacle | Solid, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth (...) of ``points`` (..., 3) below the solid's surface moved out by its margin, negative outside, and the
    unit direction (..., 3) in which they leave it soonest.
    """
    rotation = quat.normalize(np.asarray(obstacle.rotation, float))
    own = quat.rotate(quat.conjugate(rotation), np.asarray(points, float) - np.asarray(obstacle.centre, float))
    size = np.asarray(obstacle.size, float)
    if obstacle.kind == "box":
        distance, outward = _box(own, size)
    else:
        if obstacle.kind == "capsule":
            half = np.array([0.0, size[1], 0.0])
            own = own - np.clip(own, -half, half)
        length = np.linalg.norm(own, axis=-1, keepdims=True)
        # In the very middle every direction is as short: along +X then, across a capsule's axis.
        outward = np.where(length > 1e-9, own / np.maximum(length, 1e-9), np.array([1.0, 0.0, 0.0]))
        distance = length[..., 0] - size[0]
    return obstacle.margin - distance, quat.rotate(rotation, outward)


def _box(own: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance from a box with half edges ``half`` and the direction away from it."""
    beyond = np.abs(own) - half
    sign = np.where(own < 0, -1.0, 1.0)
    outside = np.maximum(beyond, 0.0)
    length = np.linalg.norm(outside, axis=-1)
    nearest = np.eye(3)[beyond.argmax(-1)]
    away = length[..., None] > 1e-9
    outward = np.where(away, outside / np.maximum(length, 1e-9)[..., None], nearest) * sign
    return np.where(away[..., 0], length, beyond.max(-1)), outward


def check_obstacle(obstacle: Obstacle) -> None:
    """Raise BadRequest for an obstacle that is no solid."""
    numbers = np.array([*obstacle.centre, *obstacle.size, *obstacle.rotation, obstacle.margin], float)
    if obstacle.kind not in SOLID_KINDS:
        raise BadRequest(f"There is no obstacle of the kind '{obstacle.kind}'.", f"Use {', '.join(SOLID_KINDS)}.")
    if not np.isfinite(numbers).all():
        raise BadRequest(f"A {obstacle.kind} contains a value that is not a finite number.", "Correct or remove it.")
    used = obstacle.size[: {"sphere": 1, "capsule": 2, "box": 3}[obstacle.kind]]
    if used[0] <= 0 or min(used) < 0 or obstacle.margin < 0 or not np.any(obstacle.rotation):
        raise BadRequest(
            f"A {obstacle.kind} has the size {obstacle.size} and the margin {obstacle.margin}.",
            "Sizes are half edge lengths or radii in metres and must be above 0; a margin must not be negative.",
        )
