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

from blender_addon.shared import quat
from blender_addon.shared.skeleton import FPS

from .step_over import StandableGround

STEP = 0.5  # what a step costs, in frames times square metres of way given up
SHORTEST_SWING, LONGEST_SWING = 6, 10  # frames
SHORTEST_STANCE, LONGEST_STANCE = 4, 200
HIGH, HIGH_COST = 0.10, 60.0  # metres above which a moving foot is not standing, and what a square metre more costs
RESTING, RESTING_COST = 0.35, 0.1  # metres a second below which a foot is not swinging, and what a frame of it costs
DRAGGING_COST, LIFTED = 0.04, 0.08  # of a frame's swing with the toe on the floor; metres at which it is off the floor
MOVING, BRAKING = 0.8, 4  # metres a second of a foot in frames that stay, and how many frames it takes to stand still
KEPT_COST = 1.0  # of such a frame in a stance, and of one in which it rests, or is pinned to the floor, in a swing
BELIEF_COST = 0.02  # of a frame's swing against the model's belief
REACH, REACH_COST = 0.4, 30.0  # metres that a standing toe may be away from under its hip, and what more costs
BOTH_COST = 0.25  # of a frame in which both feet swing, unless both are up
RUNNING, FLYING = (1.8, 2.4), 0.1  # metres a second between which a walk becomes a run; the share of that cost in one
SWING_SPEED, SWING_SHARE = 4.5, 1.7  # metres a second, or times the hips' speed, and what faster swings cost
TOO_FAST_COST = 0.5
QUICK, QUICK_COST = 11, 0.2  # frames that a swing in a run has at least, and what each one costs that is missing
SLOW_COST = 0.06  # of a frame by which a low swing is too long
ROUNDS = 2
_DECIMALS = 9


def plan_steps(
    toes: np.ndarray,
    hips: np.ndarray,
    contacts: np.ndarray,
    fixed: np.ndarray,
    kept: np.ndarray,
    ground_map: StandableGround | None = None,
    pinned: np.ndarray | None = None,
) -> np.ndarray:
    """(T, 2) bool: where each foot stands.

    toes and hips (T, 2, 3); contacts (T, 2) the model's belief 0..1; fixed (T, 2) bool: frames in which somebody else
    says where the foot is: it neither stands nor swings of its own, so they count as a swing that costs nothing.
    kept (T,) bool: frames that stay as they are; a foot that moves there cannot stand at once.
    ``ground_map``: where it can stand, if not everywhere. pinned (T, 2) bool: frames in which a foot stands and its stance
    has its place from them.
    """
    frames = len(toes)
    if frames < 2:
        return np.zeros((frames, 2), bool)
    up = toes[..., 1].min(1) > HIGH
    speed = speed_of(hips.mean(1))
    both = BOTH_COST * np.interp(speed, RUNNING, (1.0, FLYING))
    stands = np.ones((frames, 2), bool)
    pinned = np.zeros((frames, 2), bool) if pinned is None else pinned
    costs = [
        _stance_costs(toes[:, foot], hips[:, foot], fixed[:, foot], kept, ground_map, pinned[:, foot])
        for foot in (0, 1)
    ]
    for foot in (0, 1) * ROUNDS:
        other = both * (~stands[:, 1 - foot] & ~up) + KEPT_COST * pinned[:, foot]
        swings = _swing_costs(toes[:, foot], contacts[:, foot], fixed[:, foot], kept, other, speed)
        stands[:, foot] = _cheapest(costs[foot], swings)
    return stands


def _segments(frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The ends (frames, 1) of all segments and their starts (frames, L), the longest first; which of them there are,
    and which may be short because the motion's begin or end cuts them off.
    """
    longest = min(LONGEST_STANCE, frames)
    ends = np.arange(1, frames + 1)[:, None]
    starts = ends - np.arange(longest, 0, -1)
    there = starts >= 0
    starts = np.maximum(starts, 0)
    return ends, starts, there, (starts == 0) | (ends == frames)


def _sums(values: np.ndarray) -> np.ndarray:
    """Of the first 0, 1, … T frames of ``values`` (T, …): the sum over any stretch by two look-ups."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), values.cumsum(0)])


def _stance_costs(
    toe: np.ndarray,
    hip: np.ndarray,
    fixed: np.ndarray,
    kept: np.ndarray,
    ground_map: StandableGround | None,
    pinned: np.ndarray,
) -> np.ndarray:
    """Of each segment (T, L) as a stance of a foot with its toe and hip at ``toe`` and ``hip`` (T, 3)."""
    frames = len(toe)
    ends, starts, there, cut = _segments(frames)
    length = ends - starts
    ground, hip = toe[:, [0, 2]], hip[:, [0, 2]]
    speed = np.linalg.norm(np.gradient(ground, axis=0), axis=-1) * FPS
    high = HIGH_COST * np.maximum(toe[:, 1] - HIGH, 0) ** 2 * np.minimum(speed / 0.5, 1) + 10.0 * fixed
    moving = _speed_where(kept, ground) > MOVING
    braking = np.convolve(moving, np.ones(2 * BRAKING + 1))[BRAKING:][: len(moving)] > 0.5
    high += KEPT_COST * (moving | (braking & ~kept))
    way, squares, heights = (_sums(values) for values in (ground, ground**2, high))
    middle = (way[ends] - way[starts]) / length[..., None]
    spread = squares[ends] - squares[starts] - length[..., None] * middle**2
    if pinned.any():
        count, places = _sums(pinned), _sums(ground * pinned[:, None])
        pins = (count[ends] - count[starts])[..., None]
        middle = np.where(pins > 0, (places[ends] - places[starts]) / np.maximum(pins, 1), middle)
    if ground_map is not None:
        middle += ground_map.shift(middle)
    away = [quat.norm(middle - hip[frame])[..., 0] for frame in (starts, ends - 1)]
    far = REACH_COST * sum(np.maximum(distance - REACH, 0) ** 2 for distance in away)
    # Next to frames in which somebody else has the foot, it stands where it is taken up or left.
    before, after = np.maximum(starts - 1, 0), np.minimum(ends, frames - 1)
    off_before, off_after = middle - ground[before], middle - ground[after]
    taken = np.where(fixed[before], quat.dot(off_before, off_before)[..., 0], 0.0)
    taken += np.where(fixed[after] & (ends < frames), quat.dot(off_after, off_after)[..., 0], 0.0)
    cost = spread[..., 0] + spread[..., 1] + far + REACH_COST * taken + heights[ends] - heights[starts]
    cost[~there | ((length < SHORTEST_STANCE) & ~cut)] = np.inf
    return cost


def speed_of(points: np.ndarray) -> np.ndarray:
    """Metres a second (T,) over the ground of ``points`` (T, 3), over about half a second."""
    way = np.pad(points[:, [0, 2]], ((5, 5), (0, 0)), mode="reflect", reflect_type="odd")
    return np.linalg.norm(way[10:] - way[:-10], axis=-1) * FPS / 10


def _speed_where(kept: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Metres a second (T,) of a foot at ``ground`` (T, 2) from one ``kept`` (T,) frame to the next; NaN elsewhere."""
    steps = np.linalg.norm(np.diff(ground, axis=0), axis=-1) * FPS
    steps[~(kept[1:] & kept[:-1])] = np.nan
    steps = np.pad(steps, 1, constant_values=np.nan)
    return np.fmax(steps[1:], steps[:-1])


def _swing_costs(
    toe: np.ndarray,
    belief: np.ndarray,
    fixed: np.ndarray,
    kept: np.ndarray,
    other_swings: np.ndarray,
    hips_speed: np.ndarray,
) -> np.ndarray:
    """Of each segment (T, L) as a swing; ``other_swings`` (T,): what a frame costs because of the other foot."""
    frames = len(toe)
    ends, starts, there, cut = _segments(frames)
    length = ends - starts
    ground = toe[:, [0, 2]]
    speed = np.linalg.norm(np.gradient(ground, axis=0), axis=-1) * FPS
    resting = RESTING_COST * np.maximum(1 - speed / RESTING, 0) + BELIEF_COST * belief + other_swings
    resting += DRAGGING_COST * (toe[:, 1] < LIFTED)
    resting += KEPT_COST * ((_speed_where(kept, ground) < RESTING) & (toe[:, 1] < HIGH))
    low, rests = _sums((toe[:, 1] < HIGH) & ~fixed), _sums(resting * ~fixed)
    way = quat.norm(ground[np.minimum(ends, frames - 1)] - ground[np.maximum(starts - 1, 0)])[..., 0]
    usual = np.maximum(SWING_SPEED, SWING_SHARE * hips_speed)[starts]
    fast = TOO_FAST_COST * np.maximum(way * FPS / length - usual, 0)
    fast += QUICK_COST * np.maximum(QUICK - length, 0) * np.interp(hips_speed[starts], RUNNING, (0.0, 1.0))
    long = SLOW_COST * np.maximum(length - LONGEST_SWING, 0) * (low[ends] - low[starts]) / length
    cost = STEP + rests[ends] - rests[starts] + fast + long
    cost[~there | ((length < SHORTEST_SWING) & ~cut)] = np.inf
    return cost


def _cheapest(stance_costs: np.ndarray, swing_costs: np.ndarray) -> np.ndarray:
    """(T,) bool: where the foot stands in the cheapest sequence of stances and swings in turns."""
    frames, longest = stance_costs.shape
    # Where two sequences cost the same, rounding shall not choose: it depends on where on the ground the motion is.
    stance_costs, swing_costs = stance_costs.round(_DECIMALS), swing_costs.round(_DECIMALS)
    # best[kind][t]: the cheapest division of the frames before t whose last segment is of that kind; before the first
    # frame there is room for segments that are not there.
    best = np.full((2, longest + frames + 1), np.inf)
    best[:, longest] = 0.0
    came_from = np.zeros((2, frames + 1), int)
    for end in range(1, frames + 1):
        for kind, costs in enumerate((stance_costs, swing_costs)):
            total = best[1 - kind, end : end + longest] + costs[end - 1]
            choice = int(total.argmin())
            best[kind, longest + end], came_from[kind, end] = total[choice], end - longest + choice
    stands = np.zeros(frames, bool)
    kind, end = int(best[1, -1] < best[0, -1]), frames
    while end > 0:
        start = int(came_from[kind, end])
        stands[start:end] = kind == 0
        kind, end = 1 - kind, start
    return stands


def stances(stands: np.ndarray) -> list[tuple[int, int]]:
    """First frame and end of each stretch of ``stands`` (T,) that is True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], stands.astype(int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
