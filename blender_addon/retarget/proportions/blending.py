# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that are needed in some frames, blended smoothly into the frames between them.

Rotations are blended as rotation vectors, axis times angle. K scene frames, C channels. Numpy only.
"""

from __future__ import annotations

import numpy as np

from ...shared import quat
from ...shared.series import hermite_basis

CONTROL_FADE_S = 0.5


def spread(known: np.ndarray, values: np.ndarray, reach: int) -> np.ndarray:
    """(K, C): ``values`` where ``known`` (K,) says so, and between by cubics that do not overshoot (Fritsch and
    Carlson, 1980).

    Farther than ``reach`` frames from every known one it is zero.
    """
    frames = np.flatnonzero(known)
    values = np.asarray(values, dtype=np.float64)
    if len(frames) == 0:
        return np.zeros_like(values)
    # Zeros stand where the change has died away: around all, and inside gaps that are wide enough.
    wide = np.flatnonzero(np.diff(frames) > 2 * reach)
    rests = np.concatenate([[frames[0] - reach], frames[wide] + reach, frames[wide + 1] - reach, [frames[-1] + reach]])
    times = np.concatenate([frames, rests]).astype(float)
    heights = np.concatenate([values[frames], np.zeros((len(rests), values.shape[1]))])
    order = np.argsort(times, kind="stable")
    times, heights, resting = times[order], heights[order], (np.arange(len(times)) >= len(frames))[order]
    slopes = _slopes(times, heights)
    slopes[resting] = 0.0
    return _hermite(times, heights, slopes, np.arange(len(values), dtype=float))


def fade(known: np.ndarray, reach: int) -> np.ndarray:
    """How much (K,), 0..1, of a change blended by :func:`spread` is left."""
    return spread(known, known[:, None].astype(float), reach)[:, 0]


def _slopes(times: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Slopes (N, C) at the points: harmonic means of the neighbouring secants, none where these disagree in sign."""
    spans = np.maximum(np.diff(times), 1e-9)[:, None]
    secants = np.diff(heights, axis=0) / spans
    before, after = secants[:-1], secants[1:]
    w_before, w_after = 2 * spans[1:] + spans[:-1], spans[1:] + 2 * spans[:-1]
    agree = before * after > 0
    harmonic = (w_before + w_after) / (w_before / np.where(agree, before, 1) + w_after / np.where(agree, after, 1))
    inner = np.where(agree, harmonic, 0.0)
    return np.concatenate([np.zeros((1, heights.shape[1])), inner, np.zeros((1, heights.shape[1]))])


def _hermite(times: np.ndarray, heights: np.ndarray, slopes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The piecewise cubic (K, C) at ``at`` (K,); beyond the first and the last point their heights."""
    index = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    span = np.maximum(times[index + 1] - times[index], 1e-9)[:, None]
    s = np.clip((at[:, None] - times[index, None]) / span, 0.0, 1.0)
    value, slope, next_value, next_slope = hermite_basis(s)
    curve = value * heights[index] + slope * span * slopes[index]
    return curve + next_value * heights[index + 1] + next_slope * span * slopes[index + 1]


def to_rotation_vector(rotation: np.ndarray) -> np.ndarray:
    """Axis times angle (..., 3) of a rotation (..., 4), the shorter way round."""
    rotation = rotation * np.where(rotation[..., :1] < 0, -1.0, 1.0)
    sine = np.linalg.norm(rotation[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, rotation[..., :1])
    return rotation[..., 1:] * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 2.0)


def from_rotation_vector(vector: np.ndarray) -> np.ndarray:
    """Inverse of :func:`to_rotation_vector`."""
    angle = np.linalg.norm(vector, axis=-1)
    return quat.from_axis_angle(quat.normalize(vector), angle)


def num_frames(seconds: float, fps: float) -> int:
    """Scene frames that a blend of so many seconds takes, one at least."""
    return max(round(seconds * fps), 1)


def control_fade(fps: float) -> int:
    """Scene frames within which the correction for a control fades in and out."""
    return num_frames(CONTROL_FADE_S, fps)
