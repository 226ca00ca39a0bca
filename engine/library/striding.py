# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is led faster or slower than they were captured takes longer or shorter steps: feet reach out as much more or
less as the body goes, so that those which stood still stand.

Shapes: T frames, J = 22 joints. Metres, radians, 20 fps; Y up.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from blender_addon.shared.series import gaussian_smooth
from blender_addon.shared.skeleton import FPS, SKELETON

from .motion import BodyMotion

SPEED_FRAMES = 6.0  # over which speeds are compared
STRIDES = (0.75, 1.3)  # of the captured one, at most
GOES_MPS = (0.3, 0.6)  # slower bodies take no strides; from the second on all counts
_LEGS = [SKELETON.indices(*(f"{side}_{part}" for part in ("knee", "ankle", "foot"))) for side in ("left", "right")]
_KNEE_SHARE = 0.5  # of what the ankle moves


def strided(motion: BodyMotion, track: np.ndarray, strides: tuple[float, float] = STRIDES) -> BodyMotion:
    """``motion`` with the stride that its body needs whose pelvis is at x, z and heading of ``track`` (T, 3); within
    ``strides`` of its own."""
    sine, cosine = np.sin(track[:-1, 2]), np.cos(track[:-1, 2])
    x, z = np.diff(track[:, :2], axis=0).T
    led = np.stack([cosine * x - sine * z, sine * x + cosine * z], -1)
    led = gaussian_smooth(np.concatenate([led, led[-1:]]), SPEED_FRAMES)
    own = gaussian_smooth(motion.step, SPEED_FRAMES)
    speed = np.linalg.norm(own, axis=-1)
    way = own / np.maximum(speed, 1e-9)[:, None]
    longer = np.clip((led * way).sum(-1) / np.maximum(speed, 1e-9), *strides) - 1.0
    longer *= np.interp(speed * FPS, GOES_MPS, (0.0, 1.0))
    pose = motion.pose.copy()
    for knee, ankle, toe in _LEGS:
        reach = (motion.pose[:, ankle][:, [0, 2]] * way).sum(-1)
        moved = (longer * reach)[:, None] * way
        for joint, share in ((knee, _KNEE_SHARE), (ankle, 1.0), (toe, 1.0)):
            pose[:, joint, 0] += share * moved[:, 0]
            pose[:, joint, 2] += share * moved[:, 1]
    return replace(motion, pose=pose)
