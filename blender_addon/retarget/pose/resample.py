# SPDX-License-Identifier: GPL-3.0-or-later
"""From the model's 20 frames a second to the scene's clock, whatever its rate and wherever the motion starts."""

from __future__ import annotations

import math

import numpy as np

from ...shared import quat
from ...shared.series import hermite_basis
from ...shared.space import model_to_scene_frame, scene_to_model_frame


def scene_frames(num_frames: int, start_frame: float, scene_fps: float) -> np.ndarray:
    """The whole scene frames (K,) that cover a motion of ``num_frames`` model frames whose first stands at
    ``start_frame``."""
    last = model_to_scene_frame(num_frames - 1, start_frame, scene_fps)
    # Rounding first: an end at 96.0000001 must not ask for a 97th frame.
    return np.arange(math.floor(round(start_frame, 4)), math.ceil(round(float(last), 4)) + 1)


def resample(
    rotations: np.ndarray, positions: np.ndarray, frames: np.ndarray, start_frame: float, scene_fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (T, N, 4) and positions (T, 3) of the model's frames at the scene frames ``frames`` (K,): (K, N, 4),
    (K, 3).

    Both follow the cubic through four neighbours (Catmull and Rom, 1974), rotations by their quaternions, whose signs
    must be continuous. The first and the last model frame may lie between two scene frames: the motion goes straight
    on for up to one model frame, so that what lies between is right, and holds beyond.
    """
    if len(positions) == 1:
        return np.repeat(rotations, len(frames), axis=0), np.repeat(positions, len(frames), axis=0)
    times = scene_to_model_frame(np.asarray(frames, dtype=np.float64), start_frame, scene_fps)
    times = np.clip(times, -1, len(positions))
    return quat.normalize(interpolate(rotations, times)), interpolate(positions, times)


def interpolate(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """``values`` (T, ...) at fractional frames ``times`` (K,), by straight lines beyond the ends."""
    inside = np.clip(times, 0, len(values) - 1)
    below = np.minimum(inside.astype(int), len(values) - 2)
    start, end = values[below], values[below + 1]
    before, after = values[np.maximum(below - 1, 0)], values[np.minimum(below + 2, len(values) - 1)]
    before[below == 0] = 2 * values[0] - values[1]
    after[below == len(values) - 2] = 2 * values[-1] - values[-2]
    s, beyond = ((x.reshape(-1, *[1] * (values.ndim - 1))) for x in (inside - below, times - inside))
    slope_in, slope_out = (end - before) / 2, (after - start) / 2
    value, slope, next_value, next_slope = hermite_basis(s)
    curve = value * start + slope * slope_in
    curve += next_value * end + next_slope * slope_out
    return curve + beyond * (end - start)
