# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a character's ground is and which way it looks. No bpy.

K points. Points are Blender's (Z up), in any unit.
"""

from __future__ import annotations

import numpy as np

FLOOR_TOLERANCE = 0.15
"""Share of the leg's length within which a thing counts as lying on the ground."""


def ground_height(origin: float, lowest: float, leg_length: float) -> float:
    """Height of the ground under a character whose object has its origin at ``origin`` and its lowest foot bone at
    ``lowest``.

    The origin of a character is its ground by custom, and toe bones hover a little above; where the origin is elsewhere
    (at the hips, as in some exports) the lowest foot bone says where the ground is.
    """
    return origin if abs(origin - lowest) <= FLOOR_TOLERANCE * leg_length else lowest


def lies_on_ground(points: np.ndarray, ground: float, leg_length: float) -> bool:
    """Whether ``points`` (K, 3) are meant as marks on the ground: none is higher than an ankle."""
    return bool(np.max(np.asarray(points)[:, 2]) - ground <= FLOOR_TOLERANCE * leg_length)


def facing(left: np.ndarray, right: np.ndarray) -> float:
    """The way a character looks, radians about the model's +Y, from a left and a right joint (3,): 0 looks along
    Blender's -Y.
    """
    side = np.asarray(left, np.float64) - np.asarray(right, np.float64)
    # In Blender's axes left x up is backward; the model's +Z is Blender's -Y and its +X is Blender's +X.
    forward_x, forward_y = side[1], -side[0]
    return float(np.arctan2(forward_x, -forward_y))
