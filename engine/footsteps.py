# SPDX-License-Identifier: GPL-3.0-or-later
"""When each foot stands and when it swings: the cheapest division of a motion into steps.

A foot's way is cut into stances, in which it keeps its place, and swings, which carry it from one to the next. A stance
costs what it takes from the way (squared distance to its middle) and is dear where the foot is high up and fast, or out
of its hip's reach; a swing costs a step and is dear where the foot rests, where the model believes in contact, or where
the other foot swings as well. The cheapest division is found by dynamic programming over the ends of segments. In a
walk it finds the steps that are there; where feet are dragged along, as on tight bends, it makes a new step whenever a
foot lags too far behind.

Shapes: T frames, 2 feet (left, right). Metres, Y up, 20 fps; numpy.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.skeleton import FPS

STEP = 0.5  # what a step costs, in frames times square metres of way given up
SHORTEST_SWING, LONGEST_SWING = 6, 10  # frames
SHORTEST_STANCE, LONGEST_STANCE = 4, 200
HIGH, HIGH_COST = 0.10, 60.0  # metres above which a moving foot is not standing, and what a square metre more costs
RESTING, RESTING_COST = 0.35, 0.1  # metres a second below which a foot is not swinging, and what a frame of it costs
DRAGGING_COST, LIFTED = 0.04, 0.08  # of a frame's swing with the toe on the floor; metres at which it is off the floor
BELIEF_COST = 0.02  # of a frame's swing against the model's belief
REACH, REACH_COST = 0.4, 30.0  # metres that a standing toe may be away from under its hip, and what more costs
BOTH_COST = 0.25  # of a frame in which both feet swing, unless both are up
SWING_SPEED = 4.5  # metres a second, and what faster swings cost
TOO_FAST_COST = 0.5
SLOW_COST = 0.06  # of a frame by which a low swing is too long
ROUNDS = 2


def plan_steps(toes: np.ndarray, hips: np.ndarray, contacts: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """(T, 2) bool: where each foot stands.

    toes and hips (T, 2, 3); contacts (T, 2) the model's belief 0..1; fixed (T, 2) bool: frames in which somebody else
    says where the foot is: it neither stands nor swings of its own, so they count as a swing that costs nothing.
    """
    frames = len(toes)
    if frames < 2:
        return np.zeros((frames, 2), bool)
    up = toes[..., 1].min(1) > HIGH
    stands = np.ones((frames, 2), bool)
    for foot in (0, 1) * ROUNDS:
        other = ~stands[:, 1 - foot] & ~up
        stands[:, foot] = _plan(toes[:, foot], hips[:, foot], contacts[:, foot], fixed[:, foot], other)
    return stands


def _plan(
    toe: np.ndarray, hip: np.ndarray, belief: np.ndarray, fixed: np.ndarray, other_swings: np.ndarray
) -> np.ndarray:
    """(T,) bool for one foot with its toe and hip at ``toe`` and ``hip`` (T, 3)."""
    frames = len(toe)
    ground, hip = toe[:, [0, 2]], hip[:, [0, 2]]
    speed = np.linalg.norm(np.gradient(ground, axis=0), axis=-1) * FPS
    high = HIGH_COST * np.maximum(toe[:, 1] - HIGH, 0) ** 2 * np.minimum(speed / 0.5, 1) + 10.0 * fixed
    resting = RESTING_COST * np.maximum(1 - speed / RESTING, 0) + BELIEF_COST * belief + BOTH_COST * other_swings
    resting += DRAGGING_COST * (toe[:, 1] < LIFTED)
    # Prefix sums: the cost of any stretch by two look-ups.
    sums = [np.concatenate([np.zeros((1, *x.shape[1:])), x.cumsum(0)]) for x in (ground, ground**2, high)]
    low = np.concatenate([[0.0], ((toe[:, 1] < HIGH) & ~fixed).cumsum()])
    swing_sum = np.concatenate([[0.0], (resting * ~fixed).cumsum()])
    # best[kind][t]: the cheapest division of the frames before t whose last segment is of that kind.
    best = np.full((2, frames + 1), np.inf)
    best[:, 0] = 0.0
    came_from = np.zeros((2, frames + 1), int)
    for end in range(1, frames + 1):
        starts = np.arange(max(0, end - LONGEST_STANCE), end)
        length = end - starts
        middle = (sums[0][end] - sums[0][starts]) / length[:, None]
        spread = (sums[1][end] - sums[1][starts] - length[:, None] * middle**2).sum(1)
        away = [np.linalg.norm(middle - hip[frame], axis=-1) for frame in (starts, end - 1)]
        far = REACH_COST * sum(np.maximum(distance - REACH, 0) ** 2 for distance in away)
        # Next to frames in which somebody else has the foot, it stands where it is taken up or left.
        taken = np.where(
            fixed[np.maximum(starts - 1, 0)], ((middle - ground[np.maximum(starts - 1, 0)]) ** 2).sum(1), 0
        )
        if end < frames and fixed[end]:
            taken = taken + ((middle - ground[end]) ** 2).sum(1)
        far = far + REACH_COST * taken
        cost = best[1, starts] + spread + far + sums[2][end] - sums[2][starts]
        # A segment that the motion's begin or end cuts off may be short.
        cost[(length < SHORTEST_STANCE) & (starts > 0) & (end < frames)] = np.inf
        best[0, end], came_from[0, end] = cost.min(), starts[cost.argmin()]
        starts = np.arange(max(0, end - LONGEST_STANCE), end)
        length = end - starts
        way = np.linalg.norm(ground[min(end, frames - 1)] - ground[np.maximum(starts - 1, 0)], axis=-1)
        fast = TOO_FAST_COST * np.maximum(way * FPS / length - SWING_SPEED, 0)
        long = SLOW_COST * np.maximum(length - LONGEST_SWING, 0) * (low[end] - low[starts]) / length
        cost = best[0, starts] + STEP + swing_sum[end] - swing_sum[starts] + fast + long
        cost[(length < SHORTEST_SWING) & (starts > 0) & (end < frames)] = np.inf
        best[1, end], came_from[1, end] = cost.min(), starts[cost.argmin()]
    stands = np.zeros(frames, bool)
    kind, end = int(best[1, frames] < best[0, frames]), frames
    while end > 0:
        start = int(came_from[kind, end])
        stands[start:end] = kind == 0
        kind, end = 1 - kind, start
    return stands


def stances(stands: np.ndarray) -> list[tuple[int, int]]:
    """First frame and end of each stretch of ``stands`` (T,) that is True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], stands.astype(int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
