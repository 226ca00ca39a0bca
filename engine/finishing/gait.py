# SPDX-License-Identifier: GPL-3.0-or-later
"""When each foot stands and when it swings: the cheapest division of a motion into steps.

A foot's path is cut into stances, in which it keeps its position, and swings, which carry it from one to the next; what
these cost is in ``step_costs.py``. The cheapest division is found by dynamic programming over the ends of segments. In
a walk it finds the steps that are there; where feet are dragged along, as on tight bends, it makes a new step whenever
a foot lags too far behind.

Where a stance may as well begin or end some frames earlier or later, it does all of these by their share: were the
cheapest one taken alone, a difference of a hair between two motions would place feet some centimetres apart.

Shapes: T frames, 2 feet (left, right), L lengths of a segment. Metres, Y up, 20 fps; numpy.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np

from .parameters import FOOT_PARAMS, FootPlannerParams
from .step_costs import FeetMotion, speed_of, stance_costs, swing_costs
from .step_over import StandableGround

Segment = tuple[int, int]
"""First frame and end of a stance or a swing."""


def plan_steps(
    motion: FeetMotion, ground: StandableGround | None = None, params: FootPlannerParams = FOOT_PARAMS
) -> Generator[None, None, np.ndarray]:
    """(T, 2): how much each foot stands in each frame, 0..1; between its stances it is 0 for a while. ``ground``: where
    it can stand, if not everywhere. May be abandoned wherever it yields.
    """
    frames = len(motion.toes)
    if frames < 2:
        return np.zeros((frames, 2))
    up = motion.toes[..., 1].min(1) > params.high_toe_m
    speed = speed_of(motion.hips.mean(1), params)
    both = params.flight_cost * np.interp(speed, params.run_mps, (1.0, params.run_flight_ratio))
    stands = np.ones((frames, 2))
    stances = []
    for foot in (0, 1):
        stances.append(stance_costs(motion, foot, ground, params))
        yield
    for foot in (0, 1) * params.planning_rounds:
        other = both * np.where(up, 0.0, 1.0 - stands[:, 1 - foot]) + params.frozen_cost * motion.pinned[:, foot]
        costs = stances[foot], swing_costs(motion, foot, other, speed, params)
        yield
        stands[:, foot] = _shared(_cheapest(costs, params.cost_decimals), costs, params)
        yield
    return stands


def _cheapest(costs: tuple[np.ndarray, np.ndarray], decimals: int) -> list[Segment]:
    """The stances of the cheapest alternation of stances and swings, from the ``costs`` (T, L) of all segments as the
    one and the other, rounded to ``decimals``.
    """
    frames, longest = costs[0].shape
    # Where two sequences cost the same, rounding must not choose: it depends on where on the ground the motion is.
    rounded = [each.round(decimals) for each in costs]
    # best[kind][t]: the cheapest division of the frames before t whose last segment is of that kind; before the first
    # frame there is room for segments that are not there.
    best = np.full((2, longest + frames + 1), np.inf)
    best[:, longest] = 0.0
    came_from = np.zeros((2, frames + 1), int)
    for end in range(1, frames + 1):
        for kind, each in enumerate(rounded):
            total = best[1 - kind, end : end + longest] + each[end - 1]
            choice = int(total.argmin())
            best[kind, longest + end], came_from[kind, end] = total[choice], end - longest + choice
    stances: list[Segment] = []
    kind, end = int(best[1, -1] < best[0, -1]), frames
    while end > 0:
        start = int(came_from[kind, end])
        if kind == 0:
            stances.insert(0, (start, end))
        kind, end = 1 - kind, start
    return stances


def _shared(stances: Sequence[Segment], costs: tuple[np.ndarray, np.ndarray], params: FootPlannerParams) -> np.ndarray:
    """(T,): how much a foot stands that has these ``stances``, if each also begins and ends some frames earlier and
    later, the less the more that ``costs``.
    """
    frames = len(costs[0])
    stands = np.zeros(frames)
    shifts = np.arange(-params.border_frames, params.border_frames + 1)
    for i, (start, end) in enumerate(stances):
        left = stances[i - 1][1] if i else 0
        right = stances[i + 1][0] if i + 1 < len(stances) else frames
        begun = ended = np.array([0.0])
        first, last = start, end
        if start > 0:
            begins = [_cost(costs, (left, t, end), 1) for t in start + shifts]
            begun, first = np.cumsum(_shares(begins, params)), start + shifts[0]
        if end < frames:
            ends = [_cost(costs, (start, t, right), 0) for t in end + shifts]
            ended, last = np.cumsum(_shares(ends, params)), end + shifts[-1]
        here = np.arange(first, last)
        from_first = begun[np.minimum(here - first, len(begun) - 1)] if start > 0 else 1.0
        from_last = 1.0 - ended[np.clip(here - (end + shifts[0]), -1, len(ended) - 1)] * (here >= end + shifts[0])
        stands[here] = from_first * (from_last if end < frames else 1.0)
    return stands


def _cost(costs: tuple[np.ndarray, np.ndarray], borders: tuple[int, int, int], kind: int) -> float:
    """Of a segment of ``kind`` (0 a stance, 1 a swing) and one of the other kind after it, between the ``borders``."""
    total = 0.0
    for each, (first, end) in zip((costs[kind], costs[1 - kind]), ((borders[:2]), (borders[1:])), strict=True):
        frames, longest = each.shape
        if not (0 <= first < end <= frames and end - first <= longest):
            return np.inf
        total += float(each[end - 1, longest - (end - first)])
    return total


def _shares(costs: Sequence[float], params: FootPlannerParams) -> np.ndarray:
    """Of alternatives that have these ``costs``, 1 in all."""
    share = np.exp((np.min(costs) - np.array(costs)) / params.border_cost)
    return share / share.sum()
