# SPDX-License-Identifier: GPL-3.0-or-later
"""A figure whose hips move evenly while its feet are dragged along, or step as told: motions for the tests of feet."""

from __future__ import annotations

import numpy as np

from blender_addon.shared import pose, quat
from blender_addon.shared.skeleton import FPS, SKELETON

FRAMES = 100
LEFT = SKELETON.indices("left_hip", "left_knee", "left_ankle", "left_foot")


def gliding(speed: float = 0.9, knees: float = 0.35, radius: float | None = None, frames: int = FRAMES) -> np.ndarray:
    """Joints (T, 22, 3) of a figure that stands with bent knees and is carried ahead at ``speed`` m/s, on a circle of
    ``radius`` when given.
    """
    local = quat.identity((frames, 22))
    for side in ("left", "right"):
        for joint, turn in (("hip", -knees), ("knee", 2 * knees), ("ankle", -knees)):
            axis = np.tile([1.0, 0.0, 0.0], (frames, 1))
            local[:, SKELETON.index(f"{side}_{joint}")] = quat.from_axis_angle(axis, np.full(frames, turn))
    joints = pose.forward_kinematics(local, np.zeros((frames, 3)), SKELETON.offsets)
    joints[..., 1] -= joints[..., 1].min() - 0.01
    way = speed * np.arange(frames) / FPS
    if radius is None:
        joints[..., 2] += way[:, None]
        return joints
    turned = quat.rotate(quat.from_yaw(way / radius)[:, None], joints)
    centre = radius * np.stack([1 - np.cos(way / radius), 0 * way, np.sin(way / radius)], -1)
    return turned + centre[:, None]


def stepping(period: int = 20) -> np.ndarray:
    """The same on a line, but each foot stands for half of ``period`` frames, and is lifted and carried on in the other
    half, as far as the body goes.
    """
    joints = gliding()
    phase = np.arange(FRAMES) % period
    for side, start in (("left", 0), ("right", period // 2)):
        into = (phase - start) % period
        swing = np.clip(into - period // 2, 0, None) / (period // 2)
        stride = 0.9 / FPS * period
        place = -0.9 / FPS * into + stride * (3 * swing**2 - 2 * swing**3) + stride / 2
        for joint in SKELETON.indices(f"{side}_ankle", f"{side}_foot"):
            joints[:, joint, 2] += place - stride / 4
            joints[:, joint, 1] += 0.12 * np.sin(np.pi * swing)
    return joints
