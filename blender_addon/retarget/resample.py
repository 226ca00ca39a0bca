# SPDX-License-Identifier: GPL-3.0-or-later
"""From the model's 20 frames a second to the scene's clock, whatever its rate and wherever the motion starts."""

from __future__ import annotations

import math

import numpy as np

from ..shared import quat
from ..shared.space import model_to_scene_frame, scene_to_model_frame


def scene_frames(num_frames: int, start_frame: float, scene_fps: float) -> np.ndarray:
    """The whole scene frames (K,) that cover a motion of ``num_frames`` model frames whose first stands at ``start_frame``."""
    last = model_to_scene_frame(num_frames - 1, start_frame, scene_fps)
    # Rounding first: an end at 96.0000001 must not ask for a 97th frame.
    return np.arange(math.floor(round(start_frame, 4)), math.ceil(round(float(last), 4)) + 1)


def resample(
    rotations: np.ndarray, positions: np.ndarray, frames: np.ndarray, start_frame: float, scene_fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (T, N, 4) and positions (T, 3) of the model's frames at the scene frames ``frames`` (K,): (K, N, 4), (K, 3).

    Rotations turn evenly between two model frames (slerp), positions follow the cubic through four (Catmull and Rom, 1974).
    Before the first and after the last model frame the motion holds.
    """
    times = np.clip(scene_to_model_frame(np.asarray(frames, dtype=np.float64), start_frame, scene_fps), 0, len(positions) - 1)
    below = np.minimum(times.astype(int), max(len(positions) - 2, 0))
    above = np.minimum(below + 1, len(positions) - 1)
    share = times - below
    return quat.slerp(rotations[below], rotations[above], share[:, None]), _cubic(positions, below, share)


def _cubic(positions: np.ndarray, below: np.ndarray, share: np.ndarray) -> np.ndarray:
    if len(positions) == 1:
        return np.repeat(positions, len(below), axis=0)
    # Straight on beyond both ends.
    padded = np.concatenate([2 * positions[:1] - positions[1:2], positions, 2 * positions[-1:] - positions[-2:-1]])
    before, start, end, after = (padded[below + offset] for offset in range(4))
    s = share[:, None]
    slope_in, slope_out = (end - before) / 2, (after - start) / 2
    cubic, square = s * s * s, s * s
    return (
        (2 * cubic - 3 * square + 1) * start + (cubic - 2 * square + s) * slope_in
        + (3 * square - 2 * cubic) * end + (cubic - square) * slope_out
    )  # fmt: skip
