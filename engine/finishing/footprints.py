# SPDX-License-Identifier: GPL-3.0-or-later
"""Where feet go: still and on the floor while they stand, clear of it while they swing.

``gait.py`` says when each foot stands, and ``foot_paths.py`` where it goes from one stance to the next. The positions
are goals: ``fit_body.py`` moves the body.

Shapes: T frames, J = 22 joints, S stances as (first frame, end). Metres, Y up, floor at Y = 0, 20 fps; numpy.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from blender_addon.shared.protocol import Obstacle
from blender_addon.shared.series import runs, smoothstep
from blender_addon.shared.skeleton import CONTACT_JOINTS, SKELETON

from .feet_under_body import feet_under_body, gliding_of
from .foot_paths import FootPaths
from .gait import plan_steps
from .parameters import FOOT_PARAMS, FootPlannerParams
from .step_costs import FeetMotion, speed_of
from .step_over import StandableGround

_CONTACTS = SKELETON.indices(*CONTACT_JOINTS)
_LEGS = [SKELETON.indices(*(f"{side}_{part}" for part in ("knee", "ankle", "foot"))) for side in ("left", "right")]
_GROUND = np.array([1.0, 0.0, 1.0])


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
) -> Generator[None, None, FootPlan]:
    """Where the feet of ``joints`` (T, J, 3) go; may be abandoned wherever it yields.

    contacts (T, 4): the model's belief, 0..1, that the contact joints are planted. user_controlled (T, J) and frozen
    (T,) bool: as the package explains them; a foot of a leg with a controlled joint follows the motion in those frames,
    and a stance that reaches into frozen frames has its position from there. ``obstacles`` are stepped over.
    """
    frozen = np.zeros(len(joints), bool) if frozen is None else frozen
    joints = feet_under_body(np.asarray(joints, np.float64), user_controlled, frozen, params)
    joints, trust = _extended(_come_to_rest(joints, user_controlled, frozen, params), params)
    beyond = params.extension_frames
    contacts, user_controlled = (
        np.pad(values, ((beyond, beyond), (0, 0)), mode="edge") for values in (contacts, user_controlled)
    )
    yield
    motion = _feet_motion(joints, contacts[:, 1::2], user_controlled, np.pad(frozen, beyond), params)
    ground = StandableGround(obstacles, motion.toes, params) if obstacles else None
    paths = FootPaths(motion, trust, speed_of(joints[:, 0], params), obstacles, ground, params)
    steps = yield from plan_steps(motion, ground, params)
    positions, in_contact = joints[:, _CONTACTS].copy(), np.zeros((len(joints), 4), bool)
    for foot in (0, 1):
        both = slice(2 * foot, 2 * foot + 2)  # ankle and toe
        positions[:, both], in_contact[:, both] = paths.place(foot, joints[:, _CONTACTS[2 * foot]], steps[:, foot])
        yield
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


def _extended(joints: np.ndarray, params: FootPlannerParams) -> tuple[np.ndarray, np.ndarray]:
    """``joints`` (T, J, 3) with some frames more on either side, and how much each counts (frames,): 1 for the
    motion's own.

    Beyond its ends a stiff body goes on at the speed that the pelvis has there, if its feet glide. Else no step would
    pay near the ends, and the body would lean away from its last stances. Who takes steps needs no others to be made
    up, and stays as at the end.
    """
    near, stride = min(len(joints) - 1, params.end_speed_frames), 2 * params.stride_frames
    velocity = (joints[[near, -1], 0] - joints[[0, -1 - near], 0]) / max(near, 1) * _GROUND
    gliding = gliding_of(joints, params)
    glides = [np.interp(part.mean(), params.glide_share, (0, 1)) for part in (gliding[:stride], gliding[-stride:])]
    steps = np.arange(1, params.extension_frames + 1)[:, None, None]
    before = joints[:1] - steps[::-1] * glides[0] * velocity[0]
    after = joints[-1:] + steps * glides[1] * velocity[1]
    trust = np.repeat([glides[0], 1.0, glides[1]], [len(steps), len(joints), len(steps)])
    return np.concatenate([before, joints, after]), trust
