# SPDX-License-Identifier: GPL-3.0-or-later
"""How like captured motion a motion is, by what a body does in two seconds: gait, posture, arms, head, feet.

A window of two seconds is described by 24 kinematic numbers (:data:`KINEMATICS`). Two sets of motions are as far apart
as the Gaussians of their windows' numbers (Frechet distance), each number measured in deviations of the real ones. The
distance depends on the number of windows: compare sets of like size, and with the floor, half of the real motions
against the other half.

Shapes: T frames, J = 22 joints, W windows, K = 24 kinematic numbers. Metres, seconds, radians; Y up, 20 fps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

from blender_addon.shared.skeleton import FPS, SKELETON

from ...data.clips import Clip
from ..metrics import frechet_gaussians

WINDOW, HOP = 40, 20  # frames
STANDING_SPEED, STANDING_HEIGHT = 0.4, 0.1  # m/s and metres below which a toe counts as standing
SWING = 3  # frames that a foot is off before a step
MOVING = 0.3  # m/s from which there is a direction that a body faces along or not
SMALLEST_STD = 1e-3

KINEMATICS = (
    "speed", "forward", "sideways", "turning", "cadence", "step_length", "step_variation", "stance_width",
    "hip_height", "hip_bounce", "hip_sway", "knee_flexion", "knee_range", "elbow_range", "arm_swing", "hand_height",
    "hand_speed", "head_acceleration", "lean", "lean_range", "facing", "foot_height", "jerk", "slide",
)  # fmt: skip
AGREEING = ("speed", "hip_height", "arm_swing", "hip_sway", "turning", "foot_height")

_PELVIS, _NECK, _HEAD = SKELETON.indices("pelvis", "neck", "head")
_HIPS = SKELETON.indices("left_hip", "right_hip")
_SHOULDERS = SKELETON.indices("left_shoulder", "right_shoulder")
_KNEES = SKELETON.indices("left_knee", "right_knee")
_ANKLES = SKELETON.indices("left_ankle", "right_ankle")
_TOES = SKELETON.indices("left_foot", "right_foot")
_ELBOWS = SKELETON.indices("left_elbow", "right_elbow")
_WRISTS = SKELETON.indices("left_wrist", "right_wrist")


def windows(joints: np.ndarray) -> np.ndarray:
    """(W, 40, J, 3): every two seconds of joints (T, J, 3), a second apart; none of a shorter motion."""
    if len(joints) < WINDOW:
        return np.zeros((0, WINDOW, *joints.shape[1:]))
    starts = range(0, len(joints) - WINDOW + 1, HOP)
    return np.stack([joints[start : start + WINDOW] for start in starts]).astype(np.float64)


def chosen(clips: Sequence[Clip], count: int) -> list[Clip]:
    """At most ``count`` captured clips, evenly chosen, that are long enough and well described."""
    fit = [
        clip
        for clip in clips
        if clip.captured and "_mirrored" not in clip.name and clip.captions and not clip.weak
        and len(windows(clip.frames[:, None]))
    ]  # fmt: skip
    return [fit[place] for place in np.linspace(0, len(fit) - 1, min(count, len(fit))).round().astype(int)]


def kinematics(joints: np.ndarray) -> np.ndarray:
    """(W, K): the numbers of every window of joints (T, J, 3), in the order of ``KINEMATICS``."""
    return piece_numbers(windows(joints))


def piece_numbers(pieces: np.ndarray) -> np.ndarray:
    """(W, K): the numbers of pieces of motions (W, T, J, 3), all of one length."""
    if not len(pieces):
        return np.zeros((0, len(KINEMATICS)))
    pieces = np.asarray(pieces, np.float64)
    numbers = _travel(pieces) | _steps(pieces) | _posture(pieces) | _limbs(pieces)
    return np.stack([numbers[name] for name in KINEMATICS], axis=-1)


def distance(made: Sequence[np.ndarray], real: Sequence[np.ndarray]) -> float:
    """Frechet distance of motions (T, J, 3) each from real ones; NaN when either has fewer than two windows."""
    return distance_of_numbers(numbers_of(made), numbers_of(real))


def numbers_of(motions: Sequence[np.ndarray]) -> np.ndarray:
    """(W, K): the numbers of all windows of motions (T, J, 3)."""
    return np.concatenate([np.zeros((0, len(KINEMATICS))), *map(kinematics, motions)])


def distance_of_numbers(first: np.ndarray, second: np.ndarray) -> float:
    """Frechet distance of numbers (W, K) of made windows from those of real ones."""
    if min(len(first), len(second)) < 2:
        return float("nan")
    mean, std = second.mean(0), np.maximum(second.std(0), SMALLEST_STD)
    first, second = (first - mean) / std, (second - mean) / std
    gaussians = [(values.mean(0), np.cov(values, rowvar=False)) for values in (first, second)]
    return frechet_gaussians(*gaussians[0], *gaussians[1])


def floor(real: Sequence[np.ndarray], draws: int = 5) -> float:
    """Mean distance of a random half of real motions from the other half."""
    values = []
    for seed in range(draws):
        order = np.random.default_rng(seed).permutation(len(real))
        halves = [[real[i] for i in part] for part in np.array_split(order, 2)]
        values.append(distance(*halves))
    return float(np.mean(values))


def agreement(made: Sequence[np.ndarray], real: Sequence[np.ndarray]) -> float:
    """Mean rank correlation, over motions that stand for one another, of the numbers of ``AGREEING``."""
    places = [KINEMATICS.index(name) for name in AGREEING]
    pairs = [(kinematics(one), kinematics(other)) for one, other in zip(made, real, strict=True)]
    means = np.array([[part.mean(0)[places] for part in pair] for pair in pairs if min(map(len, pair))])
    if len(means) < 2:
        return float("nan")
    ranks = [spearmanr(means[:, 0, i], means[:, 1, i]).statistic for i in range(len(places))]
    return float(np.nanmean(ranks))


def _facing(pieces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors over the ground (W, T, 2) as (x, z), forward and to the left, of hips and shoulders."""
    across = (pieces[:, :, _HIPS[0]] - pieces[:, :, _HIPS[1]]) + (
        pieces[:, :, _SHOULDERS[0]] - pieces[:, :, _SHOULDERS[1]]
    )
    left = across[..., [0, 2]]
    left = left / np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-6)
    return np.stack([-left[..., 1], left[..., 0]], -1), left


def _travel(pieces: np.ndarray) -> dict[str, np.ndarray]:
    """How the body goes over the ground."""
    forward, left = _facing(pieces)
    pelvis = pieces[:, :, _PELVIS]
    velocity = np.diff(pelvis[..., [0, 2]], axis=1) * FPS
    ahead, aside = (velocity * forward[:, 1:]).sum(-1), (velocity * left[:, 1:]).sum(-1)
    speed = np.linalg.norm(velocity, axis=-1)
    yaw = np.unwrap(np.arctan2(forward[..., 0], forward[..., 1]), axis=1)
    moving = speed > MOVING
    off = np.abs(np.arctan2(aside, ahead)) * moving
    return {
        "speed": speed.mean(1),
        "forward": ahead.mean(1),
        "sideways": np.abs(aside).mean(1),
        "turning": np.abs(yaw[:, -1] - yaw[:, 0]) * FPS / (pieces.shape[1] - 1),
        "hip_height": pelvis[..., 1].mean(1),
        "hip_bounce": np.ptp(pelvis[..., 1], axis=1),
        "hip_sway": _detrended(np.cumsum(aside, axis=1) / FPS).std(1),
        "facing": off.sum(1) / np.maximum(moving.sum(1), 1),
    }


def _detrended(values: np.ndarray) -> np.ndarray:
    """(W, T) less the parabola that fits each row best."""
    time = np.linspace(-1, 1, values.shape[1])
    basis = np.linalg.qr(np.stack([np.ones_like(time), time, time**2], axis=1))[0]
    return values - values @ basis @ basis.T


def _steps(pieces: np.ndarray) -> dict[str, np.ndarray]:
    """How the feet stand and step."""
    _, left = _facing(pieces)
    toes = pieces[:, :, _TOES]
    speed = np.linalg.norm(np.diff(toes[..., [0, 2]], axis=1), axis=-1) * FPS
    low = toes[:, 1:, :, 1] < STANDING_HEIGHT
    stands = low & (speed < STANDING_SPEED)
    swung = np.lib.stride_tricks.sliding_window_view(~stands, SWING, axis=1).all(-1)
    begins = stands[:, SWING:] & swung[:, :-1]
    lengths, variations = np.zeros(len(pieces)), np.zeros(len(pieces))
    for window, (onsets, feet) in enumerate(zip(begins, toes, strict=True)):
        frames, which = np.nonzero(onsets)
        places = feet[frames + SWING + 1, which][:, [0, 2]]
        apart = np.linalg.norm(np.diff(places, axis=0), axis=-1)
        if len(apart):
            lengths[window], variations[window] = apart.mean(), apart.std()
    ankles = pieces[:, :, _ANKLES][..., [0, 2]]
    return {
        "cadence": begins.sum((1, 2)) * FPS / (pieces.shape[1] - 1),
        "step_length": lengths,
        "step_variation": variations,
        "stance_width": ((ankles[:, :, 0] - ankles[:, :, 1]) * left).sum(-1).mean(1),
        "foot_height": toes[..., 1].max((1, 2)),
        "slide": (speed * low).sum((1, 2)) / np.maximum(low.sum((1, 2)), 1),
    }


def _posture(pieces: np.ndarray) -> dict[str, np.ndarray]:
    """Trunk and head, and how jerky all of it is."""
    trunk = pieces[:, :, _NECK] - pieces[:, :, _PELVIS]
    lean = np.arctan2(np.linalg.norm(trunk[..., [0, 2]], axis=-1), trunk[..., 1])
    head = np.diff(pieces[:, :, _HEAD], n=2, axis=1) * FPS**2
    jerk = np.linalg.norm(np.diff(pieces, n=3, axis=1), axis=-1).mean((1, 2)) * FPS**3
    return {
        "head_acceleration": np.linalg.norm(head, axis=-1).mean(1),
        "lean": lean.mean(1),
        "lean_range": np.ptp(lean, axis=1),
        "jerk": np.log(np.maximum(jerk, 1.0)),
    }


def _limbs(pieces: np.ndarray) -> dict[str, np.ndarray]:
    """Arms and knees, left and right alike."""
    forward, _ = _facing(pieces)
    knees = _bend(pieces[:, :, _HIPS], pieces[:, :, _KNEES], pieces[:, :, _ANKLES])
    elbows = _bend(pieces[:, :, _SHOULDERS], pieces[:, :, _ELBOWS], pieces[:, :, _WRISTS])
    wrists = pieces[:, :, _WRISTS] - pieces[:, :, [_PELVIS]]
    swing = (wrists[..., [0, 2]] * forward[:, :, None]).sum(-1)
    return {
        "knee_flexion": knees.mean((1, 2)),
        "knee_range": np.ptp(knees, axis=1).mean(-1),
        "elbow_range": np.ptp(elbows, axis=1).mean(-1),
        "arm_swing": np.ptp(swing, axis=1).mean(-1),
        "hand_height": wrists[..., 1].max((1, 2)),
        "hand_speed": np.linalg.norm(np.diff(wrists, axis=1), axis=-1).mean((1, 2)) * FPS,
    }


def _bend(upper: np.ndarray, middle: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Angle (...) by which the limb from ``upper`` over ``middle`` to ``lower`` (..., 3) is bent; straight is 0."""
    first, second = middle - upper, lower - middle
    sizes = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.arccos(np.clip((first * second).sum(-1) / np.maximum(sizes, 1e-9), -1.0, 1.0))
