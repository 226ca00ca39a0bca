# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way the character looks on its way: along it, backward, sideways. No bpy.

A model of joints knows no facing of its own; two hips that are asked for beside the pelvis are one. Angles are radians
about the model's +Y: 0 looks along the model's +Z, which is Blender's -Y.

Shapes: K wishes of the pelvis.
"""

from __future__ import annotations

import numpy as np

from ..shared.skeleton import SKELETON

TURNS = {"AHEAD": 0.0, "BACK": np.pi, "LEFT": -np.pi / 2, "RIGHT": np.pi / 2}
"""What to add to the direction of the way; with the left side ahead one looks to the right of it."""
HIPS = ("left_hip", "right_hip")
TOLERANCE = 0.02
"""Metres that the hips may be off: 11 degrees of turn. On the default model this holds a circle to 1 degree on average,
a way backward to 2, sideways to 6, and leaves the pelvis within 1 mm of its path.
"""
SPACING = 4
"""Model frames between two askings: nobody turns and back within 0.2 s, and each asking costs time."""
STILL = 1e-5
"""Of the whole way: shorter steps have no direction."""


def along(points: np.ndarray) -> np.ndarray:
    """Angles (K,) of the direction in which Blender world points (K, 3) go over the ground; who stands still looks on
    as before, or as he will. NaN when nothing moves.
    """
    points = np.asarray(points, np.float64)
    if len(points) < 2:
        return np.full(len(points), np.nan)
    steps = np.gradient(points[:, :2], axis=0)
    lengths = np.linalg.norm(steps, axis=-1)
    moving = np.flatnonzero(lengths > STILL * max(lengths.sum(), 1e-12))
    if len(moving) == 0:
        return np.full(len(points), np.nan)
    angles = np.unwrap(np.arctan2(steps[moving, 0], -steps[moving, 1]))
    return np.interp(np.arange(len(points)), moving, angles)


def of_objects(matrices: np.ndarray) -> np.ndarray:
    """Angles (K,) of the ways in which objects with world matrices (K, 4, 4) look, which is along their own -Y."""
    ahead = -np.asarray(matrices)[:, :3, 1]
    return np.unwrap(np.arctan2(ahead[:, 0], -ahead[:, 1]))


def hips(frames: np.ndarray, points: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Which of the pelvis's model frames (K,) ask for the facing, as indices (N,), and for each hip its points (N, 3),
    beside the pelvis at ``points`` (K, 3) in the model's metres, looking along ``angles`` (K,).
    """
    asked: list[int] = []
    for index in np.flatnonzero(np.isfinite(angles)):
        if not asked or frames[index] - frames[asked[-1]] >= SPACING:
            asked.append(int(index))
    cosine, sine = np.cos(angles[asked]), np.sin(angles[asked])
    beside = {}
    for joint in HIPS:
        x, y, z = SKELETON.offsets[SKELETON.index(joint)].astype(np.float64)
        turned = np.stack([cosine * x + sine * z, 0 * cosine + y, cosine * z - sine * x], -1)
        beside[joint] = points[asked] + turned
    return np.array(asked, int), beside
