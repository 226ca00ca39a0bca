# SPDX-License-Identifier: GPL-3.0-or-later
"""Where one foot stands on ground that is not level: on a slope along it, on stairs with all of its sole on a tread.

Metres, Y up; places are x and z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blender_addon.shared.ground import heights_at
from blender_addon.shared.protocol import Ground

BEHIND_ANKLE_M, BEYOND_TOE_M = 0.05, 0.07  # that a sole reaches beyond these joints
SOLE_POINTS = 9
SHIFT_MAX_M, SHIFT_STEP_M = 0.16, 0.01  # by which a step is made longer or shorter
UNEVEN_M = 0.012  # from a straight line under a sole, that is even
UNEVEN_COST = 10.0  # of a metre more, beside a metre of shift
PITCH_MAX_RAD = 0.6


@dataclass(frozen=True, eq=False)
class Footprint:
    """``offset`` (2,) of a foot from where it stood on the level; the ``height`` of the ground under its toe, and the
    ``middle_height`` under the middle of its sole, which is over ``place`` (2,); the ``pitch`` of the sole along its
    ``direction`` (2,), radians, toes up.
    """

    offset: np.ndarray
    place: np.ndarray
    height: float
    middle_height: float
    pitch: float
    direction: np.ndarray

    def height_at(self, places: np.ndarray, least: float) -> np.ndarray:
        """Heights (n,) that a body over ``places`` (n, 2) rides on, which comes as near as ``least`` to the foot."""
        along = ((places - self.place) @ self.direction).clip(-least - 0.1, least + 0.1)
        return self.middle_height + np.tan(self.pitch) * along


def footprint(ground: Ground, frame: int, ankle: np.ndarray, toe: np.ndarray, moves: bool = True) -> Footprint:
    """Where the foot goes whose ``ankle`` (2,) and ``toe`` (2,) stand so on the level in ``frame``; ``moves``: it may
    be put a little ahead or back.
    """
    length = float(np.linalg.norm(toe - ankle))
    direction = (toe - ankle) / max(length, 1e-6)
    shifts = np.arange(-SHIFT_MAX_M, SHIFT_MAX_M + 1e-6, SHIFT_STEP_M) if moves else np.zeros(1)
    shifts = shifts[np.argsort(np.abs(shifts), kind="stable")]
    along = np.linspace(-length - BEHIND_ANKLE_M, BEYOND_TOE_M, SOLE_POINTS)  # from the toe
    places = toe + (along + shifts[:, None])[..., None] * direction
    heights = heights_at(ground, np.array([frame]), places.reshape(1, -1, 2)).reshape(len(shifts), -1)
    middle = along.mean()
    slopes = (heights * (along - middle)).sum(-1) / ((along - middle) ** 2).sum()
    lines = heights.mean(-1)[:, None] + slopes[:, None] * (along - middle)
    uneven = np.abs(heights - lines).max(-1)
    best = int((UNEVEN_COST * np.maximum(uneven - UNEVEN_M, 0.0) + np.abs(shifts)).argmin())
    place = toe + (shifts[best] + middle) * direction
    if uneven[best] > 2 * UNEVEN_M:  # no tread is as long: the ball of the foot is on one
        ball = heights[best][along > -length / 2]
        height = float(np.median(ball))
        return Footprint(shifts[best] * direction, place, height, height, 0.0, direction)
    pitch = float(np.arctan(slopes[best]).clip(-PITCH_MAX_RAD, PITCH_MAX_RAD))
    middle_height = float(heights[best].mean())
    height = middle_height - float(np.tan(pitch)) * float(middle)
    return Footprint(shifts[best] * direction, place, height, middle_height, pitch, direction)
