# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs that a foot stands, or swings, from one frame to another, for all pairs of frames at once.

A stance costs what it takes from the path (squared distance to its middle) and more where the foot is faster or higher
than just before or after, high up and fast, or out of its hip's reach; a swing costs a step and more where the foot
rests, where the model believes in contact, or where the other foot swings as well.

Shapes: T frames, 2 feet (left, right), L lengths of a segment. Metres, Y up, 20 fps; numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blender_addon.shared import quat
from blender_addon.shared.series import dilate, dilate_maximum
from blender_addon.shared.skeleton import FPS

from .parameters import FOOT_PARAMS, FootPlannerParams
from .step_over import StandableGround


@dataclass(frozen=True, eq=False)
class FeetMotion:
    """What steps are planned from: ``toes`` and ``hips`` (T, 2, 3), ``belief`` (T, 2) of the model in their contacts,
    0..1, and the masks ``frozen`` (T,), ``controlled`` and ``pinned`` (T, 2), as the package explains them.

    A controlled foot neither stands nor swings of its own, so these frames count as a swing that costs nothing. A foot
    that moves in frozen frames cannot stand at once. A stance has its position from its pinned frames.
    """

    toes: np.ndarray
    hips: np.ndarray
    belief: np.ndarray
    frozen: np.ndarray
    controlled: np.ndarray
    pinned: np.ndarray


@dataclass(frozen=True, eq=False)
class _Segments:
    """All segments of T frames: their ``ends`` (T, 1), their ``starts`` (T, L), the longest first; which ``exist``, and
    which may be short because the motion's beginning or end cuts them off (``is_cut``), both (T, L) bool.
    """

    starts: np.ndarray
    ends: np.ndarray
    exist: np.ndarray
    is_cut: np.ndarray

    @classmethod
    def of(cls, frames: int, longest: int) -> _Segments:
        ends = np.arange(1, frames + 1)[:, None]
        starts = ends - np.arange(min(longest, frames), 0, -1)
        exist = starts >= 0
        starts = np.maximum(starts, 0)
        return cls(starts, ends, exist, (starts == 0) | (ends == frames))

    @property
    def length(self) -> np.ndarray:
        return self.ends - self.starts

    def sum(self, values: np.ndarray) -> np.ndarray:
        """(T, L, ...): of ``values`` (T, ...) over each segment."""
        sums = _prefix_sums(values)
        return sums[self.ends] - sums[self.starts]

    def at_least(self, costs: np.ndarray, shortest: int) -> np.ndarray:
        """``costs`` (T, L), infinite where a segment does not exist or is shorter than ``shortest`` frames."""
        costs[~self.exist | ((self.length < shortest) & ~self.is_cut)] = np.inf
        return costs


def _prefix_sums(values: np.ndarray) -> np.ndarray:
    """Of the first 0, 1, ... T frames of ``values`` (T, ...): (T + 1, ...)."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), values.cumsum(0)])


def stance_costs(
    motion: FeetMotion, foot: int, ground: StandableGround | None, params: FootPlannerParams
) -> np.ndarray:
    """Of each segment (T, L) as a stance of ``foot``."""
    path, hip = motion.toes[:, foot][:, [0, 2]], motion.hips[:, foot][:, [0, 2]]
    controlled, pinned = motion.controlled[:, foot], motion.pinned[:, foot]
    segments = _Segments.of(len(path), params.stance_max_frames)
    starts, ends, length = segments.starts, segments.ends, segments.length
    middle = segments.sum(path) / length[..., None]
    spread = segments.sum(path**2) - length[..., None] * middle**2
    if pinned.any():
        pins = segments.sum(pinned)[..., None]
        middle = np.where(pins > 0, segments.sum(path * pinned[:, None]) / np.maximum(pins, 1), middle)
    if ground is not None:
        middle += ground.shift(middle)
    own = np.clip(np.linalg.norm(path - hip, axis=-1), *params.stance_reach_m)
    away = [np.maximum(quat.norm(middle - hip[frame])[..., 0] - own[frame], 0) for frame in (starts, ends - 1)]
    far = params.stance_reach_cost * (away[0] ** 2 + away[1] ** 2)
    # Next to frames in which a control has the foot, it stands where it is taken up or left.
    before, after = np.maximum(starts - 1, 0), np.minimum(ends, len(path) - 1)
    off_before, off_after = middle - path[before], middle - path[after]
    taken = np.where(controlled[before], quat.dot(off_before, off_before)[..., 0], 0.0)
    taken += np.where(controlled[after] & (ends < len(path)), quat.dot(off_after, off_after)[..., 0], 0.0)
    moving = _prefix_sums(_moving_costs(motion, foot, params))
    cost = spread[..., 0] + spread[..., 1] + far + params.stance_reach_cost * taken + moving[ends] - moving[starts]
    return segments.at_least(cost, params.stance_min_frames)


def _moving_costs(motion: FeetMotion, foot: int, params: FootPlannerParams) -> np.ndarray:
    """Of each frame (T,) in a stance: ``foot`` is faster or higher than just before or just after, is high and moves, a
    control has it, or frozen frames show it moving.
    """
    toe, frozen = motion.toes[:, foot], motion.frozen
    path = toe[:, [0, 2]]
    speed = foot_speed(path)
    height = np.maximum(toe[:, 1] - params.high_toe_m, 0) ** 2
    costs = params.high_cost * height * np.minimum(speed / params.high_full_mps, 1)
    faster = np.maximum(_over_least(speed, params) - params.faster_mps, 0)
    raised = np.maximum(_over_least(toe[:, 1], params) - params.raised_m[0], 0)
    own = params.faster_cost * faster**2 + params.raised_cost * raised**2
    costs += np.minimum(own, params.own_swing_max_cost) * ~dilate(motion.pinned[:, foot], 2)
    costs += params.controlled_stance_cost * motion.controlled[:, foot]
    moving = _frozen_speed(frozen, path) > params.frozen_move_mps
    costs += params.frozen_cost * (moving | (dilate(moving, params.brake_frames) & ~frozen))
    return costs


def swing_costs(
    motion: FeetMotion, foot: int, other_swings: np.ndarray, hips_speed: np.ndarray, params: FootPlannerParams
) -> np.ndarray:
    """Of each segment (T, L) as a swing of ``foot``; ``other_swings`` (T,): what a frame costs because of the other
    foot; ``hips_speed`` (T,) metres a second.
    """
    toe, free = motion.toes[:, foot], ~motion.controlled[:, foot]
    frames, path = len(toe), toe[:, [0, 2]]
    segments = _Segments.of(frames, params.stance_max_frames)
    starts, ends, length = segments.starts, segments.ends, segments.length
    is_low = toe[:, 1] < params.high_toe_m
    lowered = np.interp(_over_least(toe[:, 1], params), params.raised_m, (1.0, 0.0))
    resting = params.rest_cost * np.maximum(1 - foot_speed(path) / params.rest_max_mps, 0) * lowered
    resting = resting + params.belief_cost * motion.belief[:, foot] + other_swings
    resting += params.drag_cost * (toe[:, 1] < params.drag_toe_m)
    resting += params.frozen_cost * ((_frozen_speed(motion.frozen, path) < params.rest_max_mps) & is_low)
    rests = _prefix_sums(resting * free)
    distance = quat.norm(path[np.minimum(ends, frames - 1)] - path[np.maximum(starts - 1, 0)])[..., 0]
    usual = np.maximum(params.swing_fast_mps, params.swing_fast_ratio * hips_speed)[starts]
    fast = params.swing_fast_cost * np.maximum(distance * FPS / length - usual, 0)
    short = np.maximum(params.run_swing_min_frames - length, 0)
    fast += params.run_swing_short_cost * short * np.interp(hips_speed[starts], params.run_mps, (0.0, 1.0))
    slow = params.swing_long_cost * np.maximum(length - params.swing_long_frames, 0)
    slow = slow * segments.sum(is_low & free) / length
    cost = params.step_cost + rests[ends] - rests[starts] + fast + slow
    return segments.at_least(cost, params.swing_min_frames)


def speed_of(points: np.ndarray, params: FootPlannerParams = FOOT_PARAMS) -> np.ndarray:
    """Metres a second (T,) over the ground of ``points`` (T, 3), over about half a second."""
    window = params.speed_window_frames
    path = np.pad(points[:, [0, 2]], ((window, window), (0, 0)), mode="reflect", reflect_type="odd")
    return np.linalg.norm(path[2 * window :] - path[: -2 * window], axis=-1) * FPS / (2 * window)


def foot_speed(path: np.ndarray) -> np.ndarray:
    """Metres a second (T,) of a foot along its ``path`` (T, 2)."""
    if len(path) < 2:
        return np.zeros(len(path))
    return np.linalg.norm(np.gradient(path, axis=0), axis=-1) * FPS


def _over_least(values: np.ndarray, params: FootPlannerParams) -> np.ndarray:
    """``values`` (T,) less the least within some frames."""
    return values + dilate_maximum(-values, params.least_frames)


def _frozen_speed(frozen: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Metres a second (T,) along ``path`` (T, 2) from one ``frozen`` (T,) frame to the next; NaN elsewhere."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=-1) * FPS
    steps[~(frozen[1:] & frozen[:-1])] = np.nan
    steps = np.pad(steps, 1, constant_values=np.nan)
    return np.fmax(steps[1:], steps[:-1])
