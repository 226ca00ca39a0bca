# SPDX-License-Identifier: GPL-3.0-or-later
"""Lead changes that are needed in some frames smoothly over to the frames between them.

K scene frames, C channels. Numpy only.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


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
    """How much (K,), 0..1, of what is led over by :func:`spread` is felt."""
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
    place = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    span = np.maximum(times[place + 1] - times[place], 1e-9)[:, None]
    s = np.clip((at[:, None] - times[place, None]) / span, 0.0, 1.0)
    square, cubic = s * s, s * s * s
    curve = (2 * cubic - 3 * square + 1) * heights[place] + (cubic - 2 * square + s) * span * slopes[place]
    return curve + (3 * square - 2 * cubic) * heights[place + 1] + (cubic - square) * span * slopes[place + 1]


def envelope(needed: np.ndarray, radius: int) -> np.ndarray:
    """A smooth line (K,) nowhere below ``needed`` (K,), which rises and falls within ``radius`` frames of a peak."""
    padded = np.pad(needed, 2 * radius, mode="edge")
    highest = sliding_window_view(padded, 2 * radius + 1).max(-1)
    weights = np.hanning(2 * radius + 3)[1:-1]
    return np.convolve(highest, weights / weights.sum(), mode="valid")


def spread_maximum(values: np.ndarray, radius: int) -> np.ndarray:
    """The largest of ``values`` (K,) within ``radius`` frames."""
    return sliding_window_view(np.pad(values, radius, mode="edge"), 2 * radius + 1).max(-1)


def smooth(values: np.ndarray, radius: int) -> np.ndarray:
    """``values`` (K, C) without what is faster than some ``radius`` frames."""
    weights = np.hanning(2 * radius + 3)[1:-1]
    padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, weights / weights.sum(), mode="valid") for column in padded.T], -1)
