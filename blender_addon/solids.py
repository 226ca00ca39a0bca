# SPDX-License-Identifier: GPL-3.0-or-later
"""The simple solid that holds an object: ball, box or rod with round ends. No bpy.

Shapes: P points of the object, in any axes and unit; sizes come in the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .shared import quat

THIN = 1e-3
"""The least half edge of a box and radius of a rod: a wall without thickness is one nevertheless."""
ROUND = 1.01
"""A ball whose longest side is at most so many times the shortest is not stretched."""


@dataclass(frozen=True, eq=False)
class Solid:
    """What :class:`.shared.protocol.Obstacle` says of a solid: its ``kind``, ``centre`` (3,), ``size`` (3,), the
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


def around(kind: str, points: np.ndarray, axes: np.ndarray) -> Solid:
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
    turned = np.roll(axes, 1 - longest, axis=1)  # the axis of a capsule is its own Y
    return Solid(kind, centre, np.array([radius, length, 0.0]), quat.from_matrix(turned))
