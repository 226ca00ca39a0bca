# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a motion from its joints.

T frames of J = 22 joints at 20 fps, metres, Y up, the floor at Y = 0; the body's own axes are left, up and ahead.
Numpy.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared import quat
from blender_addon.shared.series import gaussian_smooth, runs
from blender_addon.shared.skeleton import CONTACT_JOINTS, FPS, SKELETON

from .facts import ClipFacts

SWAY_FRAMES = 6.0  # the sway of a step is smoothed off the way
SWING_FRAMES = 3.0  # the jitter of a capture off everything else
END_FRAMES = 10  # a clip's start and its end
FLIGHT_M = 0.06  # a foot that is further above the ground does not stand
GROUND_FRAMES = 20  # either side: some foot has stood on the ground by then
STEP_AHEAD_M, STEP_UP_M = 0.08, 0.04  # an ankle before the other, or over it, by which a step is counted
LIFTED_M = 0.10  # an ankle over the other: that foot is held up
POSTURE_M = 0.25  # hips that end so much higher or lower than they began: the posture changes
POSTURE_FRAMES = 45  # either side of its steepest moment
AT_REST = 0.3  # of the usual speed of the joints: below it a clip has not begun, or has ended
REST_FRAMES = 10  # of it are kept at both ends
LEVEL = 0.3  # of the head's length along the floor


def clip_facts(joints: np.ndarray) -> ClipFacts:
    """The facts of a motion (T, 22, 3), two frames or more, wherever it stands and whichever way it faces."""
    joints = np.asarray(joints, np.float64)
    facing = _facing(joints)
    local = quat.rotate(quat.from_yaw(-facing)[:, None], joints - joints[:, :1])
    return ClipFacts(
        seconds=(len(joints) - 1) / FPS,
        **_going(joints, facing),
        **_posture(joints),
        **_steps(joints, local),
        **_trunk(local),
        **_flight(joints),
        **_feet(joints),
        **_hands(local),
    )


def _facing(joints: np.ndarray) -> np.ndarray:
    """Radians about Y (T,), without jumps of a whole turn."""
    left_hip, right_hip, left_shoulder, right_shoulder = _joints(
        joints, "left_hip", "right_hip", "left_shoulder", "right_shoulder"
    )
    across = gaussian_smooth((left_hip - right_hip + left_shoulder - right_shoulder)[:, [0, 2]], SWING_FRAMES)
    return np.unwrap(np.arctan2(-across[:, 1], across[:, 0]))


def _going(joints: np.ndarray, facing: np.ndarray) -> dict[str, float]:
    way = gaussian_smooth(joints[:, 0, [0, 2]], SWAY_FRAMES)
    velocity = np.diff(way, axis=0) * FPS
    speed = np.linalg.norm(velocity, axis=-1)
    angle = gaussian_smooth(facing[:, None], SWAY_FRAMES)[:, 0]
    mean = (angle[1:] + angle[:-1]) / 2
    return {
        "speed": speed.mean(),
        "top_speed": np.percentile(speed, 90),
        "displacement": float(np.linalg.norm(joints[-1, 0, [0, 2]] - joints[0, 0, [0, 2]])),
        "ahead": (velocity[:, 0] * np.sin(mean) + velocity[:, 1] * np.cos(mean)).mean(),
        "left": (velocity[:, 0] * np.cos(mean) - velocity[:, 1] * np.sin(mean)).mean(),
        "turn": angle[-1] - angle[0],
        "turn_most": np.ptp(angle),
        "turn_rate": np.abs(np.diff(angle)).mean() * FPS,
    }


def _posture(joints: np.ndarray) -> dict[str, float]:
    hips = gaussian_smooth(joints[:, 0, 1:2], SWING_FRAMES)[:, 0]
    start, end = np.median(hips[:END_FRAMES]), np.median(hips[-END_FRAMES:])
    ground = _ground(joints)
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1).mean(-1)
    speed = gaussian_smooth(speed[:, None], SWING_FRAMES)[:, 0]
    moving = np.flatnonzero(speed >= AT_REST * np.percentile(speed, 90))
    first, last = (int(moving[0]), int(moving[-1])) if len(moving) else (0, len(joints) - 1)
    keep = REST_FRAMES
    if abs(end - start) > POSTURE_M:
        steepest = int(np.argmax(np.abs(gaussian_smooth(np.gradient(hips)[:, None], SWAY_FRAMES))))
        first, last, keep = steepest, steepest, POSTURE_FRAMES
    return {
        "hips_start": start,
        "hips_end": end,
        "hips_mean": hips.mean(),
        "hips_lowest": hips.min(),
        "hips_highest": hips.max(),
        "rise": ground[-1] - ground[0],
        "bounce": (hips - gaussian_smooth(hips[:, None], FPS / 2)[:, 0]).std(),
        "active_start": float(max(0, first - keep)),
        "active_end": float(min(len(joints), last + 1 + keep)),
    }


def _steps(joints: np.ndarray, local: np.ndarray) -> dict[str, float]:
    left, right, left_toe, right_toe = _joints(local, "left_ankle", "right_ankle", "left_foot", "right_foot")
    ahead = _alternations(left[:, 2] - right[:, 2], STEP_AHEAD_M)
    up = _alternations(left[:, 1] - right[:, 1], STEP_UP_M)
    steps = ahead if len(ahead) >= len(up) else up
    odd, even = np.diff(steps)[::2], np.diff(steps)[1::2]
    uneven = abs(odd.mean() - even.mean()) / (odd.mean() + even.mean()) if len(even) else 0.0
    return {
        "step_rate": len(steps) / (len(joints) - 1) * FPS,
        "step_asymmetry": uneven,
        "feet_apart": float(np.median(np.abs(left[:, 0] - right[:, 0]))),
        "heels": float(
            np.median(np.where(left_toe[:, 1] < right_toe[:, 1], (left - left_toe)[:, 1], (right - right_toe)[:, 1]))
        ),
    }


def _trunk(local: np.ndarray) -> dict[str, float]:
    (neck,) = _joints(local, "neck")
    trunk = gaussian_smooth(quat.normalize(neck), SWING_FRAMES)
    forward, sideways = np.arctan2(trunk[:, 2], np.abs(trunk[:, 1])), np.arctan2(trunk[:, 0], np.abs(trunk[:, 1]))
    (head,) = _joints(local, "head") - neck
    look = gaussian_smooth(head, SWING_FRAMES)[:, [0, 2]]
    # A head that is bowed or thrown back points nowhere along the floor: such frames say nothing.
    level = np.linalg.norm(look, axis=-1) > LEVEL * np.linalg.norm(head, axis=-1).mean()
    looking = np.unwrap(np.arctan2(look[:, 0], look[:, 1])[level])
    return {
        "lean": forward.mean(),
        "lean_most": forward.max(),
        "sway": sideways.std(),
        "tilt_most": float(np.arccos(np.clip(quat.normalize(trunk)[:, 1], -1, 1)).max()),
        "head_bow": -np.arctan2(head[:, 1], np.linalg.norm(head[:, [0, 2]], axis=-1)).mean(),
        "head_turn": float(np.ptp(np.percentile(looking, [5, 95]))) if len(looking) else 0.0,
    }


def _flight(joints: np.ndarray) -> dict[str, float]:
    feet = _contact_heights(joints).min(-1)
    stretches = runs(feet > _ground(joints) + FLIGHT_M)
    lengths = np.array([end - first for first, end in stretches if end - first > 1])
    total = len(joints) / FPS
    return {
        "flight_share": lengths.sum() / len(joints),
        "flight_seconds": lengths.max(initial=0) / FPS,
        "flights": len(lengths) / total,
        "foot_height": float(np.median(feet)),
        "lowest_joint": float(np.median(joints[..., 1].min(-1))),
    }


def _feet(joints: np.ndarray) -> dict[str, float]:
    left, right, left_toe, right_toe = (
        joint[:, 1] for joint in _joints(joints, "left_ankle", "right_ankle", "left_foot", "right_foot")
    )
    return {
        "left_foot_high": (left_toe - right_toe).max(),
        "right_foot_high": (right_toe - left_toe).max(),
        "left_foot_lifted": (left - right > LIFTED_M).mean(),
        "right_foot_lifted": (right - left > LIFTED_M).mean(),
    }


def _hands(local: np.ndarray) -> dict[str, float]:
    neck, head, left, right = _joints(local, "neck", "head", "left_wrist", "right_wrist")
    shoulders = _joints(local, "left_shoulder", "right_shoulder").mean(0)
    facts: dict[str, float] = {}
    for side, wrist in (("left", left), ("right", right)):
        ahead = gaussian_smooth((wrist - shoulders)[:, 2:], 1.0)
        facts |= {
            f"{side}_hand_high": (wrist - neck)[:, 1].max(),
            f"{side}_hand_overhead": (wrist[:, 1] > head[:, 1]).mean(),
            f"{side}_hand_ahead": ahead.mean(),
            f"{side}_hand_reach": ahead.max(),
            f"{side}_hand_speed": float(np.percentile(np.linalg.norm(np.diff(wrist, axis=0), axis=-1), 95) * FPS),
            f"{side}_hand_to_head": np.linalg.norm(wrist - head, axis=-1).min(),
        }
    apart = np.linalg.norm(left - right, axis=-1)
    return facts | {"hands_apart": apart.mean(), "hands_nearest": float(np.percentile(apart, 10))}


def _ground(joints: np.ndarray) -> np.ndarray:
    """Height of what the feet have stood on within a second of each frame (T,)."""
    lowest = _contact_heights(joints).min(-1)
    reach = min(GROUND_FRAMES, len(lowest) - 1)
    padded = np.pad(lowest, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(-1)


def _contact_heights(joints: np.ndarray) -> np.ndarray:
    return joints[:, SKELETON.indices(*CONTACT_JOINTS), 1]


def _alternations(difference: np.ndarray, margin: float) -> np.ndarray:
    """Frames at which ``difference`` (T,) comes beyond ``margin`` on the other side."""
    side = np.where(difference > margin, 1, np.where(difference < -margin, -1, 0))
    frames = np.flatnonzero(side)
    return frames[1:][np.diff(side[frames]) != 0]


def _joints(joints: np.ndarray, *names: str) -> np.ndarray:
    """(names, T, 3)"""
    return np.moveaxis(joints[:, SKELETON.indices(*names)], 1, 0)
