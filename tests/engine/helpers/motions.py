# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions made by forward kinematics for the tests: bones of constant length, every joint turning."""

from __future__ import annotations

import numpy as np

from blender_addon.shared import pose, quat
from blender_addon.shared.skeleton import SKELETON


def walking_in_a_circle(num_frames: int = 60, radius: float = 1.5, swing: float = 0.5) -> np.ndarray:
    """Joints (T,22,3) float32 of a figure that walks on a circle once in 120 frames, swinging every joint on its own
    axis.
    """
    generator = np.random.default_rng(5)
    turn = 2 * np.pi * np.arange(num_frames) / 120
    axes = quat.normalize(generator.normal(size=(SKELETON.num_joints, 3)))
    phases = generator.uniform(0, 2 * np.pi, SKELETON.num_joints)
    angles = swing * np.sin(4 * turn[:, None] + phases)
    local = quat.from_axis_angle(np.broadcast_to(axes, (num_frames, *axes.shape)), angles)
    local[:, 0] = quat.multiply(quat.from_yaw(turn), local[:, 0])
    height = SKELETON.standing_height + 0.03 * np.sin(8 * turn)
    root = np.stack([radius * (1 - np.cos(turn)), height, radius * np.sin(turn)], axis=-1)
    return pose.forward_kinematics(local, root, SKELETON.offsets).astype(np.float32)


def standing(num_frames: int = 60) -> np.ndarray:
    """Joints (T,22,3) float32 of a figure in the T-pose on the floor that does not move."""
    local = quat.identity((num_frames, SKELETON.num_joints))
    root = np.tile([0.0, SKELETON.standing_height, 0.0], (num_frames, 1))
    return pose.forward_kinematics(local, root, SKELETON.offsets).astype(np.float32)
