# SPDX-License-Identifier: GPL-3.0-or-later
"""Which direction the character faces along its path: ahead, backward, sideways. No bpy.

A model of joints has no facing of its own; targets for both hips beside the pelvis set it. They hold the pelvis upright
at its standing height, too: what is made of captured motion, which faces along its path by itself, is better off
without. Angles are radians about the model's +Y: 0 faces along the model's +Z, which is Blender's -Y.

Shapes: K points of the pelvis.
"""

from __future__ import annotations

import numpy as np

from ..shared import gaits
from ..shared.series import dilate, gaussian_smooth
from ..shared.skeleton import SKELETON

YAW_FROM_PATH = {"AHEAD": 0.0, "BACK": np.pi, "LEFT": -np.pi / 2, "RIGHT": np.pi / 2}
"""Radians to add to the direction of the path; with the left side ahead one faces to the right of it."""
HIPS = ("left_hip", "right_hip")
HIP_TOLERANCE_M = 0.02
"""By which the hips may be off: 11 degrees of yaw. On the default model this holds a circle to 1 degree on average, a
path walked backward to 2, sideways to 6, and leaves the pelvis within 1 mm of its path.
"""
SPACING_FRAMES = 4
"""Model frames between two targets: nobody turns and back within 0.2 s, and each target costs time."""
STILL_FRACTION = 1e-5
"""Of the path's length: shorter steps have no direction."""
TURN_FRAMES = 4.0
"""Model frames of the Gaussian by which a corner of the path is rounded: a body turns around in some 0.7 s."""
CHANGE_FRAMES = 8
"""Model frames around a change from one way of going to another, in which the facing is free."""


def along(points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Yaw (K,) of the direction in which Blender world points (K, 3) move over the ground, at model frames (K,),
    ascending, whole or not; while they rest it goes from the last direction to the next. NaN when nothing moves.
    """
    directions = _directions(np.asarray(points, np.float64), np.asarray(frames, np.float64))
    if not np.isfinite(directions).all():
        return directions
    evenly = np.arange(frames[0], frames[-1] + 1)
    smooth = gaussian_smooth(np.interp(evenly, frames, directions)[:, None], TURN_FRAMES)[:, 0]
    return np.interp(frames, evenly, smooth)


def as_prompts_say(prompts: list[str], which: np.ndarray) -> np.ndarray:
    """Radians (K,) from the direction of the path to where the character faces, by the sentence that holds in each
    model frame, ``which`` (K,); NaN where none tells, and around a change.
    """
    told = [gaits.facing_offset(prompt) for prompt in prompts] or [None]
    offsets = np.array([np.nan if offset is None else offset for offset in told])[which]
    changes = np.zeros(len(which), bool)
    changes[1:] = np.abs(np.diff(offsets)) > 0
    offsets[dilate(changes, CHANGE_FRAMES)] = np.nan
    return offsets


def _directions(points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """:func:`along` with its corners."""
    if len(points) < 2:
        return np.full(len(points), np.nan)
    steps = np.gradient(points[:, :2], frames, axis=0)
    lengths = np.linalg.norm(steps, axis=-1)
    moving = np.flatnonzero(lengths > STILL_FRACTION * max(lengths.sum(), 1e-12))
    if len(moving) == 0:
        return np.full(len(points), np.nan)
    angles = np.unwrap(np.arctan2(steps[moving, 0], -steps[moving, 1]))
    return np.interp(np.arange(len(points)), moving, angles)


def of_objects(matrices: np.ndarray) -> np.ndarray:
    """Yaw (K,) of objects with world matrices (K, 4, 4), which face along their own -Y."""
    ahead = -np.asarray(matrices)[:, :3, 1]
    return np.unwrap(np.arctan2(ahead[:, 0], -ahead[:, 1]))


def hips(frames: np.ndarray, points: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Which of the pelvis's model frames (K,) get targets for the facing, as indices (N,), and for each hip its points
    (N, 3) beside the pelvis at ``points`` (K, 3) in the model's metres, facing along ``angles`` (K,).
    """
    chosen: list[int] = []
    for index in np.flatnonzero(np.isfinite(angles)):
        if not chosen or frames[index] - frames[chosen[-1]] >= SPACING_FRAMES:
            chosen.append(int(index))
    cosine, sine = np.cos(angles[chosen]), np.sin(angles[chosen])
    beside = {}
    for joint in HIPS:
        x, y, z = SKELETON.offsets[SKELETON.index(joint)].astype(np.float64)
        rotated = np.stack([cosine * x + sine * z, 0 * cosine + y, cosine * z - sine * x], -1)
        beside[joint] = points[chosen] + rotated
    return np.array(chosen, int), beside
