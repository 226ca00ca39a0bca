# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers along time: stretches of True, smooth rises and falls, curves between values. The one place for these.

T frames, N knots, C channels; spans are (first frame, end), the end not included. Numpy.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """First frame and end of every stretch of True in ``mask`` (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def dilate(mask: np.ndarray, radius: int) -> np.ndarray:
    """(T,) bool: the frames of ``mask`` (T,) bool and all within ``radius`` frames of one."""
    return sliding_window_view(np.pad(mask, radius), 2 * radius + 1).any(-1)


def dilate_maximum(values: np.ndarray, radius: int) -> np.ndarray:
    """(T,): the largest of ``values`` (T,) within ``radius`` frames."""
    return sliding_window_view(np.pad(values, radius, mode="edge"), 2 * radius + 1).max(-1)


def envelope(needed: np.ndarray, radius: int, early: int = 0) -> np.ndarray:
    """A smooth curve (T,) that is nowhere below ``needed`` (T,), zero or more: it rises over ``2 * radius`` frames, and
    is up ``early`` frames before it must be.
    """
    largest = dilate_maximum(needed, radius + early)
    return np.convolve(np.pad(largest, radius, mode="edge"), _hann(radius), "valid")


def hann_smooth(values: np.ndarray, radius: int) -> np.ndarray:
    """``values`` (T, C) without what is faster than some ``radius`` frames; the ends are held."""
    padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, _hann(radius), mode="valid") for column in padded.T], -1)


def gaussian_smooth(values: np.ndarray, width: float) -> np.ndarray:
    """``values`` (T, C) under a Gaussian of ``width`` frames; the ends stay, since the values go on mirrored through
    them.
    """
    reach = min(int(3 * width), len(values) - 1)
    if reach < 1:
        return values
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    before, after = 2 * values[0] - values[reach:0:-1], 2 * values[-1] - values[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, values, after])
    return np.stack([np.convolve(column, weights / weights.sum(), mode="valid") for column in padded.T], -1)


def smoothstep(u: np.ndarray) -> np.ndarray:
    """0 at 0, 1 at 1, level at both."""
    return u * u * (3 - 2 * u)


def hermite_basis(s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """How much the value and the slope at the start, and the value and the slope at the end, count at ``s`` in 0..1 of
    a span (slopes a span).
    """
    square, cubic = s * s, s * s * s
    return 2 * cubic - 3 * square + 1, cubic - 2 * square + s, 3 * square - 2 * cubic, cubic - square


def _hann(radius: int) -> np.ndarray:
    weights = np.hanning(2 * radius + 3)[1:-1]
    return weights / weights.sum()
