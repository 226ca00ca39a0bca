# SPDX-License-Identifier: GPL-3.0-or-later
"""Where feet stand on ground that is not level: on a slope along it, on stairs with all of a sole on a tread.

Metres, Y up; places are x and z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from blender_addon.shared.ground import heights_at
from blender_addon.shared.protocol import Ground

BEHIND_ANKLE_M, BEYOND_TOE_M = 0.05, 0.07  # that a sole reaches beyond these joints
SOLE_POINTS = 9
SHIFT_MAX_M, SHIFT_STEP_M = 0.2, 0.01  # by which a foot is put ahead or back
SHIFT_COST, CHANGE_COST = 4.0, 8.0  # of a square metre of it, and of the change of it from one foot to the next
UNEVEN_M = 0.012  # from a straight line under a sole, that is even
UNEVEN_COST = 10.0  # of a metre more
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


@dataclass(frozen=True, eq=False)
class Places:
    """Where a foot could stand: ``shifts`` (N,) along its ``direction`` (2,), what each costs (N,), and the heights
    (N, P) of the ground under it, ``along`` (P,) its sole from the toe, which is at ``toe`` (2,) without a shift.
    """

    shifts: np.ndarray
    costs: np.ndarray
    heights: np.ndarray
    along: np.ndarray
    toe: np.ndarray
    direction: np.ndarray

    @classmethod
    def of(cls, ground: Ground, frame: int, ankle: np.ndarray, toe: np.ndarray, moves: bool = True) -> Places:
        """Those of a foot whose ``ankle`` (2,) and ``toe`` (2,) stand so on the level in ``frame``; ``moves``: it may
        be put a little ahead or back.
        """
        length = float(np.linalg.norm(toe - ankle))
        direction = (toe - ankle) / max(length, 1e-6)
        shifts = np.arange(-SHIFT_MAX_M, SHIFT_MAX_M + 1e-6, SHIFT_STEP_M) if moves else np.zeros(1)
        along = np.linspace(-length - BEHIND_ANKLE_M, BEYOND_TOE_M, SOLE_POINTS)
        places = toe + (along + shifts[:, None])[..., None] * direction
        heights = heights_at(ground, np.array([frame]), places.reshape(1, -1, 2)).reshape(len(shifts), -1)
        uneven = np.abs(heights - _lines(heights, along)[0]).max(-1)
        costs = UNEVEN_COST * np.maximum(uneven - UNEVEN_M, 0.0) + SHIFT_COST * shifts**2
        return cls(shifts, costs, heights, along, toe, direction)

    def footprint(self, number: int) -> Footprint:
        """The foot at one of the places."""
        heights, along, shift = self.heights[number], self.along, self.shifts[number]
        line, slope = (values[0] for values in _lines(heights[None], along))
        middle, offset = float(along.mean()), shift * self.direction
        place = self.toe + (shift + middle) * self.direction
        if np.abs(heights - line).max() > 2 * UNEVEN_M:  # no tread is as long: the ball of the foot is on one
            height = float(np.median(heights[along > along[0] / 2]))
            return Footprint(offset, place, height, height, 0.0, self.direction)
        pitch = float(np.arctan(slope).clip(-PITCH_MAX_RAD, PITCH_MAX_RAD))
        middle_height = float(heights.mean())
        height = middle_height - float(np.tan(pitch)) * middle
        return Footprint(offset, place, height, middle_height, pitch, self.direction)


def _lines(heights: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The straight lines (N, P) that ``heights`` (N, P) are nearest to, and their slopes (N,)."""
    away = along - along.mean()
    slopes = (heights * away).sum(-1) / (away**2).sum()
    return heights.mean(-1)[:, None] + slopes[:, None] * away, slopes


def footprints_of(steps: Sequence[Places]) -> list[Footprint]:
    """A footprint for each of the ``steps``, in the order of time: each on even ground, steps as even as may be."""
    if not steps:
        return []
    totals, came_from = [steps[0].costs], []
    for before, step in pairwise(steps):
        change = CHANGE_COST * (before.shifts[:, None] - step.shifts) ** 2
        through = totals[-1][:, None] + change
        came_from.append(through.argmin(0))
        totals.append(through.min(0) + step.costs)
    chosen = [int(totals[-1].argmin())]
    for choices in reversed(came_from):
        chosen.append(int(choices[chosen[-1]]))
    return [step.footprint(number) for step, number in zip(steps, reversed(chosen), strict=True)]
