# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a body faces on a path: ahead, turning a little before its way does, as people do; or as it is told.

Shapes: T frames. Metres, radians about +Y from +Z towards +X, 20 fps; ground places are (T, 2): x, z.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.series import gaussian_smooth
from blender_addon.shared.skeleton import FPS

TANGENT_FRAMES = 3.0  # over which a path's direction is read
STANDS_MPS = 0.15  # a path that is slower has no direction
TURN_FRAMES = 4.0  # that a body takes to turn where a path has a corner
LEAD_FRAMES = 2  # by which the body turns before its way does, in captured walks


def tangents(path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Direction (T,) of a ``path`` (T, 2), continuous, and where it moves (T,) bool. In between it turns evenly."""
    velocity = np.gradient(gaussian_smooth(path, TANGENT_FRAMES), axis=0) * FPS
    moves = np.linalg.norm(velocity, axis=-1) > STANDS_MPS
    if not moves.any():
        return np.zeros(len(path)), moves
    frames = np.flatnonzero(moves)
    angles = np.unwrap(np.arctan2(velocity[frames, 0], velocity[frames, 1]))
    return np.interp(np.arange(len(path)), frames, angles), moves


def rounded(directions: np.ndarray) -> np.ndarray:
    """The ``directions`` (T,) of a path with its corners rounded."""
    return gaussian_smooth(directions[:, None], TURN_FRAMES)[:, 0]


def looks_along(directions: np.ndarray) -> np.ndarray:
    """Where a body that goes ahead in ``directions`` (T,) faces: (T,)."""
    goes_on = directions[-1] + np.diff(directions[-2:]).sum() * np.arange(1, LEAD_FRAMES + 1)
    return np.append(directions, goes_on)[LEAD_FRAMES:]


def turned_to(facing: np.ndarray, told: np.ndarray) -> np.ndarray:
    """``facing`` (T,), led to what is ``told`` (T,), NaN where nothing is; continuous."""
    known = ~np.isnan(told)
    if not known.any():
        return facing
    frames = np.arange(len(facing))
    asked = np.interp(frames, frames[known], np.unwrap(told[known]))
    asked += 2 * np.pi * np.round((facing[known][0] - asked[known][0]) / (2 * np.pi))
    share = gaussian_smooth(known[:, None].astype(float), TURN_FRAMES)[:, 0]
    return facing + np.clip(share, 0, 1) * (asked - facing)
