# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a character's ground is and which way it looks. No bpy.

K points. Points are Blender's (Z up), in any unit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FLOOR_TOLERANCE = 0.15
"""Share of the leg's length within which a thing counts as lying on the ground."""
GOES_LEGS = 0.6
"""Leg lengths that a path goes over the ground, at least."""
FLOOR_SHARE = 0.3
"""Of its course, along the floor, above which a path is on the ground."""
WALKABLE_SLOPE = 0.9
"""Above which what leads to the floor is somebody who sits or falls down."""
HIPS_LEGS = (0.4, 1.5)
"""Leg lengths over the ground, between which hips are drawn."""


def ground_height(origin: float, soles: Sequence[float], leg_length: float) -> float:
    """Height of the ground under a character whose object has its origin at ``origin``. ``soles``: heights at which
    its soles may be, the likeliest first: as they stand, and where straight legs would put them, for a figure that
    rests in mid-stride.

    The origin of a character is its ground by custom, and soles hover a little above or sink in; where the origin is
    elsewhere (at the hips, as in some exports) the soles say where the ground is.
    """
    near = any(abs(origin - sole) <= FLOOR_TOLERANCE * leg_length for sole in soles)
    return origin if near else soles[0]


def lies_on_ground(points: np.ndarray, ground: float, leg_length: float) -> bool:
    """Whether ``points`` (K, 3), in the order of time, are marks on the ground, not positions of hips over it.

    What goes nowhere is, when none is higher than an ankle. A path is judged by its course: one that runs along the
    floor, or begins or ends on it and is nowhere too steep to walk, is on the ground; else one that begins or ends as
    high as hips is a path of hips; what is elsewhere, up on a balcony or down in a cellar, is on the ground there.
    """
    points = np.asarray(points, np.float64)
    heights = (points[:, 2] - ground) / leg_length
    steps = np.linalg.norm(np.diff(points[:, :2], axis=0), axis=-1) / leg_length
    if steps.sum() < GOES_LEGS:
        return bool(heights.max() <= FLOOR_TOLERANCE)
    low = np.abs(heights) <= FLOOR_TOLERANCE
    along = steps[low[1:] & low[:-1]].sum() / steps.sum()
    walkable = np.abs(heights[-1] - heights[0]) < WALKABLE_SLOPE * steps.sum()
    if along > FLOOR_SHARE or ((low[0] or low[-1]) and walkable):
        return True
    return not any(HIPS_LEGS[0] < end < HIPS_LEGS[1] for end in (heights[0], heights[-1]))


def facing(left: np.ndarray, right: np.ndarray) -> float:
    """The way a character looks, radians about the model's +Y, from a left and a right joint (3,): 0 looks along
    Blender's -Y.
    """
    side = np.asarray(left, np.float64) - np.asarray(right, np.float64)
    # In Blender's axes left x up is backward; the model's +Z is Blender's -Y and its +X is Blender's +X.
    forward_x, forward_y = side[1], -side[0]
    return float(np.arctan2(forward_x, -forward_y))
