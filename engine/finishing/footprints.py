# SPDX-License-Identifier: GPL-3.0-or-later
"""Where feet go: still and on the floor while they stand, clear of it while they swing.

``gait.py`` says when each foot stands. From that follow positions for its toe and ankle: in a stance the toe has one
position on the floor and the foot one direction; in a swing both follow the motion they come from, bent as little as it
takes to leave one stance and arrive at the next without a jolt, and lifted so that the toe does not brush the floor.
The ankle's height above the toe is the motion's own throughout, so that heels rise and strike as they did. The
positions are goals: ``fit_body.py`` moves the body.

The lift takes swinging toes above the 5 cm below which the skating ratio counts them. It counts real walks, whose toes
leave the floor at a low angle, with 0.1 and more; a ratio below that is not more natural, only cleaner.

Shapes: T frames, J = 22 joints, S stances as (first frame, end). Metres, Y up, floor at Y = 0, 20 fps; numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from blender_addon.shared.protocol import Obstacle
from blender_addon.shared.series import runs, smoothstep
from blender_addon.shared.skeleton import CONTACT_JOINTS, SKELETON

from .feet_under_body import feet_under_body
from .gait import FeetMotion, plan_steps, speed_of
from .parameters import FOOT_PARAMS, FootPlannerParams
from .second_differences import apply_transposed, gram_band
from .step_over import StandableGround, heights_over, lifted_over

_CONTACTS = SKELETON.indices(*CONTACT_JOINTS)
_LEGS = [SKELETON.indices(*(f"{side}_{part}" for part in ("knee", "ankle", "foot"))) for side in ("left", "right")]
_GROUND = np.array([1.0, 0.0, 1.0])

Spans = list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class FootPlan:
    """``positions`` (T, 4, 3) of the contact joints (left ankle and toe, right ankle and toe), and whether they are
    ``in_contact`` (T, 4).
    """

    positions: np.ndarray
    in_contact: np.ndarray


def place_feet(
    joints: np.ndarray,
    contacts: np.ndarray,
    user_controlled: np.ndarray,
    frozen: np.ndarray | None = None,
    obstacles: Sequence[Obstacle] = (),
    params: FootPlannerParams = FOOT_PARAMS,
) -> FootPlan:
    """Where the feet of ``joints`` (T, J, 3) go.

    contacts (T, 4): the model's belief, 0..1, that the contact joints are planted. user_controlled (T, J) and frozen
    (T,) bool: as the package explains them; a foot of a leg with a controlled joint follows the motion in those frames,
    and a stance that reaches into frozen frames has its position from there. ``obstacles`` are stepped over.
    """
    frozen = np.zeros(len(joints), bool) if frozen is None else frozen
    joints = feet_under_body(np.asarray(joints, np.float64), user_controlled, frozen, params)
    joints = _extended(_come_to_rest(joints, user_controlled, frozen, params), params)
    beyond = params.extension_frames
    contacts, user_controlled = (
        np.pad(values, ((beyond, beyond), (0, 0)), mode="edge") for values in (contacts, user_controlled)
    )
    motion = _feet_motion(joints, contacts[:, 1::2], user_controlled, np.pad(frozen, beyond), params)
    ground = StandableGround(obstacles, motion.toes, params) if obstacles else None
    planner = _Planner(motion, speed_of(joints[:, 0], params), obstacles, ground, params)
    steps = plan_steps(motion, ground, params)
    positions, in_contact = joints[:, _CONTACTS].copy(), np.zeros((len(joints), 4), bool)
    for foot in (0, 1):
        both = slice(2 * foot, 2 * foot + 2)  # ankle and toe
        positions[:, both], in_contact[:, both] = planner.place(foot, joints[:, _CONTACTS[2 * foot]], steps[:, foot])
    return FootPlan(positions[beyond:-beyond], in_contact[beyond:-beyond])


def _feet_motion(
    joints: np.ndarray, belief: np.ndarray, user_controlled: np.ndarray, frozen: np.ndarray, params: FootPlannerParams
) -> FeetMotion:
    """What steps are planned from; single frames in which a control holds a foot on the floor are pins."""
    toes = joints[:, _CONTACTS[1::2]]
    pinned = np.stack([_pinned(user_controlled[:, leg], toes[:, i, 1], params) for i, leg in enumerate(_LEGS)], 1)
    controlled = np.stack([user_controlled[:, leg].any(1) for leg in _LEGS], 1) & ~pinned
    hips = joints[:, SKELETON.indices("left_hip", "right_hip")]
    return FeetMotion(toes, hips, belief, frozen, controlled, pinned)


def _pinned(leg: np.ndarray, height: np.ndarray, params: FootPlannerParams) -> np.ndarray:
    """(T,) bool: single frames in which a control has the ankle or toe of a leg (``leg`` (T, 3) bool: knee, ankle,
    foot) on the floor, the toe being at ``height`` (T,): there a stance has its position.
    """
    pinned = np.zeros(len(leg), bool)
    for start, end in runs(leg.any(1)):
        pinned[start:end] = end - start <= params.pin_max_frames
    return pinned & (height < params.floor_toe_m) & ~leg[:, 0]


def _come_to_rest(
    joints: np.ndarray, user_controlled: np.ndarray, frozen: np.ndarray, params: FootPlannerParams
) -> np.ndarray:
    """``joints`` (T, J, 3) of a body that walks up to the end or has just stopped, with feet that are under it.

    Models stop where the path ends, with the last step not done: the body would lean ahead of both feet.
    """
    speed, window = speed_of(joints[:, 0], params), params.stop_window_frames
    walks = np.flatnonzero(speed[-window:] > params.walk_min_mps) + max(len(joints) - window, 0)
    if not len(walks) or speed[-1] > params.run_mps[0] or joints[-1, 0, 1] < params.upright_pelvis_m:
        return joints
    first = max(min(int(walks[-1]), len(joints) - params.stop_step_frames), 0)
    if user_controlled[first:, _CONTACTS].any() or frozen[first:].any():
        return joints
    lag = (joints[-1, 0] - joints[-1, _CONTACTS].mean(0)) * _GROUND
    away = float(np.linalg.norm(lag))
    balance = float(np.interp(speed[-1], params.stop_rest_mps, params.stop_balance_m))
    lag *= max(away - balance, 0.0) / max(away, 1e-9)
    u = np.clip((np.arange(len(joints)) - first) / params.stop_step_frames, 0.0, 1.0)
    result = joints.copy()
    result[:, _CONTACTS] += smoothstep(u)[:, None, None] * lag
    return result


def _extended(joints: np.ndarray, params: FootPlannerParams) -> np.ndarray:
    """``joints`` (T, J, 3) with some frames more on either side, in which a stiff body goes on at the speed that the
    pelvis has there. Else no step would pay near the ends, and the body would lean away from its last stances.
    """
    near = min(len(joints) - 1, params.end_speed_frames)
    velocity = (joints[[near, -1], 0] - joints[[0, -1 - near], 0]) / max(near, 1) * _GROUND
    steps = np.arange(1, params.extension_frames + 1)[:, None, None]
    return np.concatenate([joints[:1] - steps[::-1] * velocity[0], joints, joints[-1:] + steps * velocity[1]])


@dataclass(frozen=True, eq=False)
class _Planner:
    """Places feet whose steps are known; ``speed`` (T,) of the body in metres a second."""

    motion: FeetMotion
    speed: np.ndarray
    obstacles: Sequence[Obstacle]
    ground: StandableGround | None
    params: FootPlannerParams

    def place(self, foot: int, ankle: np.ndarray, in_contact: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions (T, 2, 3) of ankle and toe of ``foot``, which is ``in_contact`` (T,), and whether they are (T, 2).
        ``ankle`` (T, 3): where it is in the motion.
        """
        motion, params, obstacles = self.motion, self.params, self.obstacles
        toe, offset = motion.toes[:, foot].copy(), ankle - motion.toes[:, foot]
        spans = runs(in_contact)
        if self.ground is not None:
            for start, end in spans:
                if not motion.frozen[start:end].any():
                    toe[start:end, [0, 2]] += self.ground.shift(toe[start:end].mean(0)[[0, 2]])
        unchanged = motion.frozen | motion.controlled[:, foot]
        channels = np.concatenate([toe[:, [0, 2]], offset[:, [0, 2]]], 1)
        path, ankle_offset = np.split(self._step_path(foot, channels, spans, unchanged), 2, axis=1)
        tops = heights_over(path, obstacles, params.stance_clearance_m, params) if obstacles else np.zeros(len(path))
        height = _heights(toe[:, 1], spans, unchanged, self.speed, tops, params)
        swings = ~(in_contact | unchanged)
        path = _within_reach(path, height, motion.hips[:, foot], swings, params)
        if obstacles:
            height = lifted_over(height, (path, path + ankle_offset), swings, obstacles, params)
        moved = path + ankle_offset
        ankle = np.stack([moved[:, 0], height + offset[:, 1], moved[:, 1]], 1)
        toe = np.stack([path[:, 0], height, path[:, 1]], 1)
        flat = in_contact & (ankle[:, 1] - tops < params.flat_ankle_m)
        return np.stack([ankle, toe], 1), np.stack([flat, in_contact], 1)

    def _step_path(self, foot: int, channels: np.ndarray, spans: Spans, unchanged: np.ndarray) -> np.ndarray:
        """``channels`` (T, C) that keep one value in each of the stances ``spans`` and bend smoothly in between;
        ``unchanged`` (T,) frames stay.

        Minimises sum |d''|^2 in swings + |(x + d)''|^2 at their ends + follow_weight |d|^2
        + stand_weight |x + d - position|^2 in stances.
        """
        frames, params, frozen = len(channels), self.params, self.motion.frozen
        target, stands = channels.copy(), np.zeros(frames, bool)
        for start, end in spans:
            # The foot is lifted before it moves on, and arrives before it is put down.
            first, last = max(start - params.vertical_frames, 0), min(end + params.vertical_frames, frames)
            known = (frozen if frozen[start:end].any() else self.motion.pinned[:, foot])[start:end]
            target[first:last] = channels[start:end][known if known.any() else ~known].mean(0)
            stands[first:last] = True
        stands[unchanged], target[unchanged] = True, channels[unchanged]
        if frames < 3:
            return target
        weight = np.where(stands, params.stand_weight, params.follow_weight)
        swinging = ~(stands[:-2] | stands[1:-1] | stands[2:])
        bend = np.diff(channels, n=2, axis=0) * swinging[:, None]  # what a swing may keep of its own bends
        band = gram_band(frames)
        band[0] += weight
        return solveh_banded(band, weight[:, None] * target + apply_transposed(bend), lower=True, check_finite=False)


def _within_reach(
    path: np.ndarray, height: np.ndarray, hip: np.ndarray, swings: np.ndarray, params: FootPlannerParams
) -> np.ndarray:
    """The toe's ``path`` (T, 2) over the ground, where it ``swings`` (T,) no further from the ``hip`` (T, 3) than a leg
    is long.
    """
    below = hip[:, 1] - height
    radius = np.sqrt(np.maximum(params.leg_reach_m**2 - below**2, params.ground_reach_min_m**2))
    apart = path - hip[:, [0, 2]]
    distance = np.linalg.norm(apart, axis=-1)
    share = np.where(swings, np.minimum(1.0, radius / np.maximum(distance, 1e-9)), 1.0)
    return hip[:, [0, 2]] + apart * share[:, None]


def _heights(
    height: np.ndarray,
    spans: Spans,
    unchanged: np.ndarray,
    speed: np.ndarray,
    tops: np.ndarray,
    params: FootPlannerParams,
) -> np.ndarray:
    """The toe's height (T,): the floor's in stances near it, lifted in swings, smooth between; that of ``unchanged``
    (T,) frames stays. ``speed`` (T,) of the body: who runs lifts the feet higher. ``tops`` (T,): of what is stood on, 0
    the floor.
    """
    frames = len(height)
    floor = np.full(frames, np.nan)
    for start, end in spans:
        level = np.median(height[start:end])
        floor[start:end] = max(params.toe_height_m if level < params.floor_toe_m else level, tops[start:end].max())
    known = np.flatnonzero(~np.isnan(floor))
    if not len(known):
        return height
    ground = np.interp(np.arange(frames), known, floor[known])
    result = np.where(np.isnan(floor), np.maximum(height, ground), floor)
    edges = [0, *(x for span in spans for x in span), frames]
    for start, end in zip(edges[::2], edges[1::2], strict=True):  # the swings
        if end - start < 2 or unchanged[start:end].any():
            continue
        # A swing that the motion's beginning or end cuts off is in its middle there.
        phase = (np.arange(start, end) - start + 1) / (end - start + 1)
        phase = 0.5 + phase / 2 if start == 0 and end < frames else phase
        phase = phase / 2 if end == frames and start > 0 else phase
        pairs = (params.clearance_m, params.lift_exponent)
        clearance, exponent = (np.interp(speed[start:end].mean(), params.run_mps, pair) for pair in pairs)
        lift = (clearance - params.toe_height_m) * np.sin(np.pi * phase) ** exponent
        # The motion's own lift above the line from floor to floor, faded in where the foot was not yet down.
        to_edge = np.minimum(np.arange(1, end - start + 1), np.arange(end - start, 0, -1))
        own = (result[start:end] - ground[start:end]) * np.minimum(1, to_edge / params.landing_frames)
        result[start:end] = ground[start:end] + np.maximum(own, lift)
    return np.where(unchanged, height, result)
