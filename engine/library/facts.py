# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clip does, in numbers: how fast, which way, how high and low, which hand and which foot.

Sentences ask for these (``goals.py``), and clips are chosen and cut by them; ``measure_facts.py`` measures them.
Metres, seconds, radians, the floor at 0; the body's own axes are left, up and ahead. Numpy.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

SLOWEST_M_PER_S = 0.1  # below it no direction is told
STOOP_RAD, STOOP_M = 0.8, 0.32
FLOATS_M = 0.12  # the lower foot's median


@dataclass(frozen=True)
class ClipFacts:
    """What a clip does; every field a number, or an array (N,) over many clips (see :meth:`from_array`).

    Speeds m/s, heights m over the floor, angles rad, positive to the left; shares of frames 0..1.
    """

    seconds: float
    speed: float  # along the way of the pelvis, without its sway
    top_speed: float  # the fastest tenth of the frames is faster
    displacement: float  # m from the first to the last frame, on the floor
    ahead: float  # mean velocity of the pelvis in the body's axes; backward is negative
    left: float
    turn: float  # facing, last frame against the first, whole turns counted
    turn_most: float  # the largest change of facing between any two frames, without sign
    turn_rate: float  # rad/s, mean without sign
    hips_start: float
    hips_end: float
    hips_mean: float
    hips_lowest: float
    hips_highest: float
    rise: float  # m by which the ground under the feet is higher at the end
    step_rate: float  # steps a second, both feet counted
    step_asymmetry: float  # 0 even, 1 all the time on one foot
    feet_apart: float  # m, sideways, median
    heels: float  # m, median of the lower foot's ankle over its toe: on tiptoe more, on the heels less
    bounce: float  # m, deviation of the pelvis from its own mean over a second
    sway: float  # rad, deviation of the sideways lean
    lean: float  # rad, mean of the trunk, forward positive
    lean_most: float  # the largest forward lean
    tilt_most: float  # the largest of the trunk from upright, any direction: pi is upside down
    head_bow: float  # rad, mean of the head's direction under the level; a head thrown back is negative
    head_turn: float  # range of the head's direction against the body's
    flight_share: float  # no foot on the ground
    flight_seconds: float  # the longest such stretch
    flights: float  # how many a second
    foot_height: float  # the lower foot's median
    lowest_joint: float  # the lowest joint's median
    left_foot_high: float  # the highest toe over the other foot's
    right_foot_high: float
    left_foot_lifted: float  # share in which this ankle is held over the other
    right_foot_lifted: float
    left_hand_high: float  # the highest wrist over the neck, m; hanging hands are negative
    right_hand_high: float
    left_hand_overhead: float  # share in which it is over the head
    right_hand_overhead: float
    left_hand_ahead: float  # m before the shoulders, mean
    right_hand_ahead: float
    left_hand_reach: float  # the furthest ahead of the shoulders
    right_hand_reach: float
    left_hand_speed: float  # against the pelvis; the fastest 5 % are faster
    right_hand_speed: float
    left_hand_to_head: float  # m, nearest
    right_hand_to_head: float
    hands_apart: float  # m, mean
    hands_nearest: float  # m, the nearest tenth is nearer
    active_start: float  # frames: what it does lies between these
    active_end: float

    @property
    def ahead_share(self) -> float:
        """Of the speed: 1 straight ahead, -1 backward; near 0 for who stays."""
        return self.ahead / (self.speed + SLOWEST_M_PER_S)

    @property
    def left_share(self) -> float:
        return self.left / (self.speed + SLOWEST_M_PER_S)

    @property
    def aside_share(self) -> float:
        return np.abs(self.left_share)

    @property
    def hips_range(self) -> float:
        return self.hips_highest - self.hips_lowest

    @property
    def leap(self) -> float:
        """How far the hips rise over where they began, m."""
        return self.hips_highest - self.hips_start

    @property
    def stoop(self) -> float:
        """How far the body goes down, by bending or on bent knees: 1 is about where hands reach the floor."""
        return np.maximum(self.lean_most / STOOP_RAD, (1.0 - self.hips_lowest) / STOOP_M)

    @property
    def foot_high(self) -> float:
        return np.maximum(self.left_foot_high, self.right_foot_high)

    @property
    def foot_lifted(self) -> float:
        return np.maximum(self.left_foot_lifted, self.right_foot_lifted)

    @property
    def foot_side(self) -> float:
        """By how much the left foot comes higher than the right, m."""
        return self.left_foot_high - self.right_foot_high

    @property
    def lifted_side(self) -> float:
        return self.left_foot_lifted - self.right_foot_lifted

    @property
    def hand_speed(self) -> float:
        return np.maximum(self.left_hand_speed, self.right_hand_speed)

    @property
    def hand_high(self) -> float:
        return np.maximum(self.left_hand_high, self.right_hand_high)

    @property
    def hands_least_high(self) -> float:
        return np.minimum(self.left_hand_high, self.right_hand_high)

    @property
    def hands_least_ahead(self) -> float:
        return np.minimum(self.left_hand_ahead, self.right_hand_ahead)

    @property
    def hand_reach(self) -> float:
        return np.maximum(self.left_hand_reach, self.right_hand_reach)

    @property
    def hand_to_head(self) -> float:
        return np.minimum(self.left_hand_to_head, self.right_hand_to_head)

    @property
    def hand_side(self) -> float:
        """Which hand does more: 1 the left alone, -1 the right alone; by speed and by height."""
        faster = (self.left_hand_speed - self.right_hand_speed) / (self.left_hand_speed + self.right_hand_speed + 0.1)
        return np.clip(faster + 0.5 * (self.left_hand_high - self.right_hand_high), -1.0, 1.0)

    @property
    def floats(self) -> np.ndarray | bool:
        """Whether no foot comes near the floor for half the time: it hangs, swims or stands on what is not there."""
        return self.foot_height > FLOATS_M

    def mirrored(self) -> Self:
        """The same of the mirror image: left and right exchanged, turns the other way round."""
        names = [field.name for field in fields(self)]
        swapped = {name: getattr(self, _other_side(name)) for name in names if _other_side(name) != name}
        return replace(self, left=-self.left, turn=-self.turn, **swapped)

    def to_array(self) -> np.ndarray:
        """(..., fields) float32, in the order of :data:`FACT_NAMES`."""
        return np.stack([np.asarray(getattr(self, name), np.float32) for name in FACT_NAMES], -1)

    @classmethod
    def from_array(cls, values: np.ndarray) -> Self:
        """Of (..., fields); each fact is an array (...,)."""
        return cls(*np.ascontiguousarray(np.moveaxis(np.asarray(values, np.float32), -1, 0)))


FACT_NAMES = tuple(field.name for field in fields(ClipFacts))


def _other_side(name: str) -> str:
    side, _, rest = name.partition("_")
    return {"left": "right_", "right": "left_"}[side] + rest if rest and side in ("left", "right") else name
