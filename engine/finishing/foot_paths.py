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
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from blender_addon.shared.protocol import Obstacle
from blender_addon.shared.series import dilate_maximum, runs

from .parameters import FootPlannerParams
from .second_differences import gram_band
from .step_costs import FeetMotion, foot_speed
from .step_over import StandableGround, heights_over, lifted_over

_SHARE_MIN = 1e-3  # of a frame in a stance, below which it is none of its frames
_BORDER = 5  # frames within which a stance begins or ends


@dataclass(frozen=True, eq=False)
class FootPaths:
    """Places feet whose steps are known. ``trust`` (T,): 1 in the motion's own frames, less in those that it is thought
    to go on for; ``speed`` (T,) of the body in metres a second.
    """

    motion: FeetMotion
    trust: np.ndarray
    speed: np.ndarray
    obstacles: Sequence[Obstacle]
    ground: StandableGround | None
    params: FootPlannerParams

    def place(self, foot: int, ankle: np.ndarray, stands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions (T, 2, 3) of ankle and toe of ``foot``, which ``stands`` (T,), 0..1, and whether they are in
        contact (T, 2). ``ankle`` (T, 3): where it is in the motion.
        """
        motion, params, obstacles = self.motion, self.params, self.obstacles
        toe, offset = motion.toes[:, foot], ankle - motion.toes[:, foot]
        way, turn = toe[:, [0, 2]], offset[:, [0, 2]]
        unchanged = motion.frozen | motion.controlled[:, foot]
        in_contact = stands > params.contact_share
        stances = [self._stance(foot, slice(*span), stands) for span in runs(stands * self.trust > _SHARE_MIN)]
        tops = heights_over(way, obstacles, params.stance_clearance_m, params) if obstacles else np.zeros(len(toe))
        height = self._heights(toe[:, 1], stances, unchanged, tops)
        path = way + _smooth_change(*self._held(way, height, stances, unchanged), params.follow_weight, params)
        ankle_offset = turn + _smooth_change(
            *self._turned(turn, ankle[:, 1], stances, unchanged), params.follow_weight, params
        )
        swings = ~(in_contact | unchanged)
        reach = _within_reach(path, height, toe, motion.hips[:, foot], params)
        path = path + np.where(unchanged, 0.0, 1.0 - stands)[:, None] * (reach - path)
        if obstacles:
            height = lifted_over(height, (path, path + ankle_offset), swings, obstacles, params)
        moved = path + ankle_offset
        placed = np.stack([moved[:, 0], height + offset[:, 1], moved[:, 1], path[:, 0], height, path[:, 1]], 1)
        flat = in_contact & (height + offset[:, 1] - tops < np.mean(params.flat_ankle_m))
        return placed.reshape(-1, 2, 3), np.stack([flat, in_contact], 1)

    def _stance(self, foot: int, here: slice, stands: np.ndarray) -> _Stance:
        """Where ``foot``, which ``stands`` (T,), does so in the frames ``here``: mostly where it is when it is slow."""
        motion, params = self.motion, self.params
        frozen, counts = motion.frozen[here], stands[here] * self.trust[here]
        known = frozen if frozen.any() else motion.pinned[here, foot]
        speed = foot_speed(motion.toes[:, foot][:, [0, 2]])[here]
        share = known if known.any() else counts / (1.0 + (speed / params.rest_share_mps) ** 2)
        share = share / share.sum()
        place = share @ motion.toes[here, foot]
        if self.ground is not None and not frozen.any():
            place[[0, 2]] += self.ground.shift(place[[0, 2]])
        return _Stance(here, share, place, float(np.interp(share @ speed, params.made_mps, (0.0, 1.0))), counts)

    def _held(
        self, way: np.ndarray, height: np.ndarray, stances: list[_Stance], unchanged: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Change (T, 2) that the toe's ``way`` (T, 2) over the ground needs, and how much that counts (T,). Next to its
        stances a foot is held as well where its ``height`` (T,) is low: it is lifted before it moves on.
        """
        params = self.params
        change, weight = np.zeros_like(way), np.zeros(len(way))
        near = [_ramp(height, ends) for ends in (params.held_toe_m, params.held_made_m)]
        for stance in stances:
            here, beyond = stance.frames, params.vertical_frames
            around = slice(max(here.start - beyond, 0), here.stop + beyond)
            counts = np.zeros(len(way))
            counts[here] = stance.counts
            close = near[0] + stance.made * (near[1] - near[0])
            change[around] = stance.place[[0, 2]] - way[around]
            weight[around] = np.maximum(counts, close * dilate_maximum(counts, beyond))[around]
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
        floor, made, stands = np.full(len(height), np.nan), np.zeros(len(height)), np.zeros(len(height))
        for stance in stances:
            here, level = stance.frames, stance.place[1]
            floor[here] = max(_standing_height(level, params), tops[here].max())
            own, most = height[here] - level, params.roll_toe_m
            change[here, 0] = floor[here] + most * np.tanh(own / most) - height[here]
            weight[here] = stands[here] = stance.counts
            made[here] = stance.made * stance.counts.max()
        change[unchanged], weight[unchanged] = 0.0, 1.0
        known = ~np.isnan(floor)
        ground = np.interp(frames, frames[known], floor[known])
        own = height + _smooth_change(change, weight, params.follow_height_weight, params)[:, 0] - ground
        lift = np.zeros(len(height))
        for start, end in runs(~known & ~unchanged):
            if end - start > 1:
                glided = made[[start - 1, end % len(made)]].max()
                lift = np.maximum(lift, self._lift(_fraction(stands, start, -1), _fraction(stands, end, 1), glided))
        lifted = _larger(own, lift, params.lift_blend_m) - own
        return np.where(unchanged, height, ground + own + np.where(lift > 0, (1.0 - stands) * lifted, 0.0))

    def _lift(self, start: float, end: float, made: float) -> np.ndarray:
        """What a toe rises at least (T,) that swings from frame ``start`` to ``end``; ``made`` 0..1: of a foot that
        glided.
        """
        params, frames = self.params, len(self.speed)
        # A swing that the motion's beginning or end cuts off is in its middle there.
        first = 2 * start - end - 1 if start == 0 and end < frames else start
        last = 2 * end - start + 1 if end == frames and start > 0 else end
        phase = np.clip((np.arange(frames) - first + 1) / (last - first + 1), 0.0, 1.0)
        speed = self.speed[round(start) : max(round(end), round(start) + 1)].mean()
        usual = np.array([params.clear_m, params.clear_exponent])
        pairs = (params.clearance_m, params.lift_exponent)
        glided = np.array([np.interp(speed, params.run_mps, pair) for pair in pairs])
        least, exponent = usual + made * (glided - usual)
        return (least - params.toe_height_m[0]) * np.sin(np.pi * phase).clip(0.0) ** exponent


@dataclass(frozen=True, eq=False)
class _Stance:
    """``place`` (3,) of the toe in ``frames``, and what each of these has as its ``share`` (n,) in it, 1 in all. How
    much it was ``made`` of a foot that glided, 0..1, and how much each frame ``counts`` (n,), 0..1.
    """

    frames: slice
    share: np.ndarray
    place: np.ndarray
    made: float
    counts: np.ndarray


def _fraction(stands: np.ndarray, frame: int, side: int) -> float:
    """The ``frame`` between a swing and what is on its one ``side`` (-1 before, 1 after), moved into that by how much
    the foot that ``stands`` (T,) does not stand there.
    """
    if not 0 < frame < len(stands):
        return float(frame)
    beside = stands[max(frame - _BORDER, 0) : frame] if side < 0 else stands[frame : frame + _BORDER]
    return frame + side * float((1.0 - beside).sum()) * bool(beside.any())


def _smooth_change(wanted: np.ndarray, weight: np.ndarray, follow: float, params: FootPlannerParams) -> np.ndarray:
    """The change d (T, C) of a path that minimises sum |d''|^2 + stand_weight weight^3 |d - wanted|^2 + follow |d|^2,
    for ``wanted`` (T, C) and ``weight`` (T,) 0..1.
    """
    if len(wanted) < 3:
        return wanted * weight[:, None]
    held = params.stand_weight * weight**3  # a little is to be little beside the bending
    band = gram_band(len(wanted))
    band[0] += held + follow
    return solveh_banded(band, held[:, None] * wanted, lower=True, check_finite=False)


def _standing_height(level: float, params: FootPlannerParams) -> float:
    """How high a toe stands that is at ``level`` in the motion: where it is, if that is on the floor or on something
    unseen; else nearer to the floor.
    """
    low, high = params.toe_height_m
    share = np.clip((level - high) / (params.floor_toe_m - high), 0.0, None)
    return float(max(low, level if share >= 1 else min(level, high) + share**2 * (params.floor_toe_m - high)))


def _within_reach(
    path: np.ndarray, height: np.ndarray, toe: np.ndarray, hip: np.ndarray, params: FootPlannerParams
) -> np.ndarray:
    """The toe's ``path`` (T, 2) over the ground, no further from the ``hip`` (T, 3) than a leg is long, or than ``toe``
    (T, 3), the motion's own, is.
    """
    reach = np.clip(np.linalg.norm(toe - hip, axis=-1), *params.leg_reach_m)
    below = hip[:, 1] - height
    radius = np.sqrt(np.maximum(reach**2 - below**2, params.ground_reach_min_m**2))
    apart = path - hip[:, [0, 2]]
    distance = np.linalg.norm(apart, axis=-1)
    share = np.minimum(1.0, radius / np.maximum(distance, 1e-9))
    return hip[:, [0, 2]] + apart * share[:, None]


def _ramp(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """1 up to the first of ``ends``, 0 from the second on."""
    return np.clip((ends[1] - values) / (ends[1] - ends[0]), 0.0, 1.0)


def _larger(first: np.ndarray, second: np.ndarray, blend: float) -> np.ndarray:
    """The larger of both, without a corner where they cross."""
    return first + blend * np.logaddexp(0.0, (second - first) / blend)
