# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of a foot whose steps are known: still while it stands, as it was while it swings, and joined smoothly.

In a stance the toe has one position on the floor, and the foot, while it is flat, one direction; each is where the foot
rests longest in the motion. From one stance to the next the foot makes the movement that it made, plus the smoothest
change that joins both ends. So a step that stood well is left as it is, and one that was dragged along becomes a step.
Toes that would brush the floor are lifted above the 5 cm below which the skating ratio counts them: real walks, whose
toes swing by at 3 to 4 cm, have a ratio of 0.1 and more. The ankle's height above the toe is the motion's own
throughout, so that heels rise and strike as they did.

Nothing here depends on a yes or no but the steps: what is held, lifted or brought down is so by degrees.

Shapes: T frames, S stances as (first frame, end). Metres, Y up, floor at Y = 0, 20 fps; numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solveh_banded

from blender_addon.shared.protocol import Obstacle
from blender_addon.shared.series import runs

from .gait import FeetMotion, foot_speed
from .parameters import FootPlannerParams
from .second_differences import gram_band
from .step_over import StandableGround, heights_over, lifted_over


@dataclass(frozen=True, eq=False)
class FootPaths:
    """Places feet whose steps are known. ``real`` (T,) bool: the motion's own frames, not those that it is thought to
    go on for; ``speed`` (T,) of the body in metres a second.
    """

    motion: FeetMotion
    real: np.ndarray
    speed: np.ndarray
    obstacles: Sequence[Obstacle]
    ground: StandableGround | None
    params: FootPlannerParams

    def place(self, foot: int, ankle: np.ndarray, in_contact: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions (T, 2, 3) of ankle and toe of ``foot``, which is ``in_contact`` (T,), and whether they are (T, 2).
        ``ankle`` (T, 3): where it is in the motion.
        """
        motion, params, obstacles = self.motion, self.params, self.obstacles
        toe, offset = motion.toes[:, foot], ankle - motion.toes[:, foot]
        way, turn = toe[:, [0, 2]], offset[:, [0, 2]]
        unchanged = motion.frozen | motion.controlled[:, foot]
        stances = self._stances(foot, in_contact)
        tops = heights_over(way, obstacles, params.stance_clearance_m, params) if obstacles else np.zeros(len(toe))
        height = self._heights(toe[:, 1], stances, unchanged, tops)
        path = way + _smooth_change(*self._held(way, height, stances, unchanged), params)
        ankle_offset = turn + _smooth_change(*self._turned(turn, ankle[:, 1], stances, unchanged), params)
        swings = ~(in_contact | unchanged)
        path = _within_reach(path, height, toe, motion.hips[:, foot], swings, params)
        if obstacles:
            height = lifted_over(height, (path, path + ankle_offset), swings, obstacles, params)
        moved = path + ankle_offset
        placed = np.stack([moved[:, 0], height + offset[:, 1], moved[:, 1], path[:, 0], height, path[:, 1]], 1)
        flat = in_contact & (height + offset[:, 1] - tops < np.mean(params.flat_ankle_m))
        return placed.reshape(-1, 2, 3), np.stack([flat, in_contact], 1)

    def _stances(self, foot: int, in_contact: np.ndarray) -> list[_Stance]:
        """The stances of ``foot``, which is ``in_contact`` (T,). Those beyond the motion's ends are guesses: they count
        as far as the stance next to them was made of a foot that glided.
        """
        stances = [self._stance(foot, *span) for span in runs(in_contact)]
        real = [stance for stance in stances if self.real[stance.frames].any()]
        made = [real[place].made if real else 1.0 for place in (0, -1)]
        first = int(np.argmax(self.real))
        return [
            replace(stance, counts=made[int(stance.frames.start > first)])
            if not self.real[stance.frames].any()
            else stance
            for stance in stances
        ]

    def _stance(self, foot: int, start: int, end: int) -> _Stance:
        """Where ``foot`` stands from frame ``start`` to ``end``: mostly where it is when it is slow."""
        motion, params, here = self.motion, self.params, slice(start, end)
        toe, frozen, real = motion.toes[here, foot], motion.frozen[here], self.real[here]
        known = frozen if frozen.any() else motion.pinned[here, foot]
        speed = foot_speed(motion.toes[:, foot][:, [0, 2]])[here]
        slow = 1.0 / (1.0 + (speed / params.rest_share_mps) ** 2)
        seen = slow * real if real.any() else slow
        made = np.interp(seen @ speed / seen.sum(), params.made_mps, (0.0, 1.0))
        share = known if known.any() else np.where(real, 1.0, made if real.any() else 1.0) * slow
        share = share / share.sum()
        place = share @ toe
        if self.ground is not None and not frozen.any():
            place[[0, 2]] += self.ground.shift(place[[0, 2]])
        return _Stance(here, share, place, float(made), 1.0)

    def _held(
        self, way: np.ndarray, height: np.ndarray, stances: list[_Stance], unchanged: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Change (T, 2) that the toe's ``way`` (T, 2) over the ground needs, and how much that counts (T,). Next to its
        stances a foot is held as well where its ``height`` (T,) is low: it is lifted before it moves on.
        """
        params = self.params
        change, weight = np.zeros_like(way), np.zeros(len(way))
        near = [_ramp(height, ends) ** 4 for ends in (params.held_toe_m, params.held_made_m)]
        for stance in stances:
            first = max(stance.frames.start - params.vertical_frames, 0)
            around = slice(first, stance.frames.stop + params.vertical_frames)
            change[around] = stance.place[[0, 2]] - way[around]
            weight[around] = stance.counts * (near[0] + stance.made * (near[1] - near[0]))[around]
            weight[stance.frames] = stance.counts
        change[unchanged], weight[unchanged] = 0.0, 1.0
        return change, weight

    def _turned(
        self, turn: np.ndarray, ankle_height: np.ndarray, stances: list[_Stance], unchanged: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same for the offset ``turn`` (T, 2) from toe to ankle: a flat foot keeps its direction."""
        change, weight = np.zeros_like(turn), np.zeros(len(turn))
        flat = _ramp(ankle_height, self.params.flat_ankle_m)
        for stance in stances:
            here = stance.frames
            share = stance.share * flat[here]
            change[here] = share @ turn[here] / max(share.sum(), 1e-9) - turn[here]
            weight[here] = stance.counts * flat[here]
        change[unchanged], weight[unchanged] = 0.0, 1.0
        return change, weight

    def _heights(
        self, height: np.ndarray, stances: list[_Stance], unchanged: np.ndarray, tops: np.ndarray
    ) -> np.ndarray:
        """The toe's height (T,): near the floor's in stances, lifted in swings, smooth between; that of ``unchanged``
        (T,) frames stays. ``tops`` (T,): of what is stood on, 0 the floor.
        """
        params, frames = self.params, np.arange(len(height))
        if not stances:
            return height
        change, weight = np.zeros((len(height), 1)), np.zeros(len(height))
        floor, made = np.full(len(height), np.nan), np.zeros(len(height))
        for stance in stances:
            here, level = stance.frames, stance.place[1]
            floor[here] = max(_standing_height(level, params), tops[here].max())
            own, most = height[here] - level, params.roll_toe_m
            change[here, 0] = floor[here] + most * np.tanh(own / most) - height[here]
            weight[here] = stance.counts
            made[here] = stance.made
        change[unchanged], weight[unchanged] = 0.0, 1.0
        known = ~np.isnan(floor)
        ground = np.interp(frames, frames[known], floor[known])
        result = height + _smooth_change(change, weight, params)[:, 0]
        for start, end in runs(~known & ~unchanged):
            if end - start > 1:
                here = slice(start, end)
                lift = self._lift(result[here] - ground[here], start, end, made[[start - 1, end % len(made)]].max())
                result[here] = ground[here] + _larger(result[here] - ground[here], lift, params.lift_blend_m)
        return np.where(unchanged, height, result)

    def _lift(self, own: np.ndarray, start: int, end: int, made: float) -> np.ndarray:
        """What a swing from frame ``start`` to ``end``, that rises by ``own`` (n,) itself, rises at least; ``made``
        0..1: of a foot that glided.
        """
        params = self.params
        # A swing that the motion's beginning or end cuts off is in its middle there.
        phase = (np.arange(start, end) - start + 1) / (end - start + 1)
        phase = 0.5 + phase / 2 if start == 0 and end < len(self.speed) else phase
        phase = phase / 2 if end == len(self.speed) and start > 0 else phase
        speed = self.speed[start:end].mean()
        usual = np.array([params.clear_m, params.clear_exponent])
        pairs = (params.clearance_m, params.lift_exponent)
        glided = np.array([np.interp(speed, params.run_mps, pair) for pair in pairs])
        least, exponent = usual + made * (glided - usual)
        return (least - params.toe_height_m[0]) * np.sin(np.pi * phase) ** exponent


@dataclass(frozen=True, eq=False)
class _Stance:
    """``place`` (3,) of the toe in ``frames``, and what each of these has as its ``share`` (n,) in it, 1 in all. How
    much it was ``made`` of a foot that glided, and how much it ``counts``, 0..1.
    """

    frames: slice
    share: np.ndarray
    place: np.ndarray
    made: float
    counts: float


def _smooth_change(wanted: np.ndarray, weight: np.ndarray, params: FootPlannerParams) -> np.ndarray:
    """The change d (T, C) of a path that minimises sum |d''|^2 + stand_weight weight |d - wanted|^2 + follow_weight
    |d|^2, for ``wanted`` (T, C) and ``weight`` (T,) 0..1.
    """
    if len(wanted) < 3:
        return wanted * weight[:, None]
    held = params.stand_weight * weight
    band = gram_band(len(wanted))
    band[0] += held + params.follow_weight
    return solveh_banded(band, held[:, None] * wanted, lower=True, check_finite=False)


def _standing_height(level: float, params: FootPlannerParams) -> float:
    """How high a toe stands that is at ``level`` in the motion: where it is, if that is on the floor or on something
    unseen; else nearer to the floor.
    """
    low, high = params.toe_height_m
    share = np.clip((level - high) / (params.floor_toe_m - high), 0.0, None)
    return float(max(low, level if share >= 1 else min(level, high) + share**2 * (params.floor_toe_m - high)))


def _within_reach(
    path: np.ndarray,
    height: np.ndarray,
    toe: np.ndarray,
    hip: np.ndarray,
    swings: np.ndarray,
    params: FootPlannerParams,
) -> np.ndarray:
    """The toe's ``path`` (T, 2) over the ground, where it ``swings`` (T,) no further from the ``hip`` (T, 3) than a leg
    is long, or than ``toe`` (T, 3), the motion's own, is.
    """
    reach = np.clip(np.linalg.norm(toe - hip, axis=-1), *params.leg_reach_m)
    below = hip[:, 1] - height
    radius = np.sqrt(np.maximum(reach**2 - below**2, params.ground_reach_min_m**2))
    apart = path - hip[:, [0, 2]]
    distance = np.linalg.norm(apart, axis=-1)
    share = np.where(swings, np.minimum(1.0, radius / np.maximum(distance, 1e-9)), 1.0)
    return hip[:, [0, 2]] + apart * share[:, None]


def _ramp(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """1 up to the first of ``ends``, 0 from the second on."""
    return np.clip((ends[1] - values) / (ends[1] - ends[0]), 0.0, 1.0)


def _larger(first: np.ndarray, second: np.ndarray, blend: float) -> np.ndarray:
    """The larger of both, without a corner where they cross."""
    return first + blend * np.logaddexp(0.0, (second - first) / blend)
