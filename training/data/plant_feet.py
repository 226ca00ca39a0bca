# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet that slide less while they stand, in a motion whose way was changed.

For each foot a displacement d(t) over the ground is found that minimises

    sum over steps  w (p(t+1) + d(t+1) - p(t) - d(t))^2   planted feet do not move
  + sum over frames |d''|^2 + KEEP |d|^2                   the change is smooth and small

where p is the foot's point nearest to the ground and w how surely it is planted, from height, speed and the model's
own contact. Ankle and toe move by d, the knee follows by two-bone inverse kinematics. Where a leg is too short for
that and nobody asked for the body's height, the body is lowered a little; what still cannot be reached is dragged. The
body's way over the ground is not touched, nor is a foot where a control holds it.

Shapes: T frames, J = 22 joints. Metres, Y up, 20 fps.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, uniform_filter1d

from blender_addon.shared.skeleton import FPS, SKELETON

STIFFNESS = 300.0  # weight of a surely planted step beside the bending of d
KEEP = 1e-2
HELD = 1e4  # weight of d = 0 where a control holds the foot
LOW, LOW_WIDTH = 0.065, 0.012  # metres above the floor at which a foot counts as planted by half, and how sharply
SLOW, SLOW_WIDTH = 0.9, 0.15  # metres a second
MAX_STRETCH = 0.998  # of a leg's length
MAX_DROP = 0.07  # metres by which the body is lowered at most
DROP_SMOOTHING = 3.0  # frames

_LEGS = tuple(
    SKELETON.indices(f"{side}_hip", f"{side}_knee", f"{side}_ankle", f"{side}_foot") for side in ("left", "right")
)

_FEET = {joint for leg in _LEGS for joint in leg[2:]}


def plant_feet(joints: np.ndarray, contacts: np.ndarray, held: np.ndarray, free_height: bool = False) -> np.ndarray:
    """Joints (T, J, 3) with planted feet standing still.

    contacts (T, 4): the model's belief, 0..1, that left ankle, left toe, right ankle, right toe are planted.
    held (T, J) bool: joints that a control holds in place; a leg with a held knee is left alone in those frames too.
    With ``free_height`` the pelvis is held over the ground only.
    """
    joints = np.array(joints, np.float64)
    if len(joints) < 4:
        return joints
    sure = [_planted(joints[:, leg[2:]], contacts[:, 2 * i : 2 * i + 2]) for i, leg in enumerate(_LEGS)]
    shifts = [
        _displacement(joints[:, leg[2:]][..., [0, 2]], planted, held[:, leg[1:]].any(1))
        for leg, planted in zip(_LEGS, sure, strict=True)
    ]
    body = [j for j in range(SKELETON.num_joints) if j not in _FEET and (j or not free_height)]
    if not held[:, body].any():
        _lower_body(joints, shifts, sure)
    for leg, shift in zip(_LEGS, shifts, strict=True):
        _move_foot(joints, leg, np.insert(shift, 1, 0.0, axis=1))
    return joints


def _lower_body(joints: np.ndarray, shifts: list[np.ndarray], sure: list[np.ndarray]) -> None:
    """Lower all but the feet, smoothly and by little, so that the planted feet at their new places are in reach."""
    need = np.zeros(len(joints))
    for leg, shift, planted in zip(_LEGS, shifts, sure, strict=True):
        hip, knee, ankle = (joints[:, joint] for joint in leg[:3])
        length = MAX_STRETCH * (np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1))
        way = ankle + np.insert(shift, 1, 0.0, axis=1) - hip
        height = np.sqrt(np.maximum(length**2 - way[:, 0] ** 2 - way[:, 2] ** 2, 0.0))
        stands = np.append(planted.max(1), planted[-1].max())
        need = np.maximum(need, stands * np.clip(-way[:, 1] - height, 0.0, MAX_DROP))
    drop = gaussian_filter1d(maximum_filter1d(need, int(2 * DROP_SMOOTHING) + 1), DROP_SMOOTHING)
    above = [joint for joint in range(SKELETON.num_joints) if joint not in _FEET]
    joints[:, above, 1] -= drop[:, None]


def _planted(foot: np.ndarray, believed: np.ndarray) -> np.ndarray:
    """How surely ankle and toe (T, 2, 3) stand in the step to the next frame, (T-1, 2) in 0..1.

    The ankle may be higher. The toe decides while it is planted itself, so that a rising heel is free to turn.
    """
    speed = np.linalg.norm(np.diff(foot[..., [0, 2]], axis=0), axis=-1) * FPS
    speed = uniform_filter1d(speed, size=3, axis=0, mode="nearest")
    above = foot[..., 1] - np.array([0.06, 0.0])
    low = _sigmoid((LOW - np.maximum(above[1:], above[:-1])) / LOW_WIDTH)
    sure = low * _sigmoid((SLOW - speed) / SLOW_WIDTH) * np.minimum(believed[1:], believed[:-1])
    sure[:, 0] *= 1.0 - sure[:, 1]
    return sure


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -40, 40)))


def _displacement(points: np.ndarray, sure: np.ndarray, held: np.ndarray) -> np.ndarray:
    """d (T, 2) over the ground for ankle and toe at ``points`` (T, 2, 2), planted as ``sure`` (T-1, 2) says."""
    frames = len(points)
    step = np.diff(np.eye(frames), axis=0)
    bend = np.diff(np.eye(frames), n=2, axis=0)
    weight = STIFFNESS * sure
    matrix = bend.T @ bend + KEEP * np.eye(frames) + step.T @ (weight.sum(1)[:, None] * step)
    matrix[np.diag_indices(frames)] += HELD * held
    moves = (weight[..., None] * np.diff(points, axis=0)).sum(1)
    return np.linalg.solve(matrix, -step.T @ moves)


def _move_foot(joints: np.ndarray, leg: list[int], shift: np.ndarray) -> None:
    """Move ankle and toe by ``shift`` (T, 3), as far as the leg reaches, and let the knee follow."""
    hip, knee, ankle, toe = (joints[:, joint].copy() for joint in leg)
    thigh = np.linalg.norm(knee - hip, axis=-1, keepdims=True)
    shin = np.linalg.norm(ankle - knee, axis=-1, keepdims=True)
    way = ankle + shift - hip
    before = np.linalg.norm(ankle - hip, axis=-1, keepdims=True)
    most = np.maximum(MAX_STRETCH * (thigh + shin), np.minimum(before, thigh + shin))
    # What the leg cannot reach is dragged along the ground: the foot keeps its height.
    level = np.linalg.norm(way[:, [0, 2]], axis=-1, keepdims=True)
    reachable = np.sqrt(np.maximum(most**2 - way[:, 1:2] ** 2, 0.0))
    way[:, [0, 2]] *= np.minimum(1.0, reachable / np.maximum(level, 1e-9))
    direction = way / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-9)
    allowed = np.clip(np.linalg.norm(way, axis=-1, keepdims=True), np.abs(thigh - shin) + 1e-6, thigh + shin)
    target = hip + direction * allowed
    along = (thigh**2 - shin**2 + allowed**2) / (2 * allowed)
    height = np.sqrt(np.maximum(thigh**2 - along**2, 0.0))
    side = knee - hip
    side = side - (side * direction).sum(-1, keepdims=True) * direction
    length = np.linalg.norm(side, axis=-1, keepdims=True)
    bent = length > 1e-6
    joints[:, leg[1]] = np.where(bent, hip + along * direction + height * side / np.where(bent, length, 1.0), knee)
    joints[:, leg[2]] = target
    joints[:, leg[3]] = toe + (target - ankle)
