# SPDX-License-Identifier: GPL-3.0-or-later
"""Rise in time for what is needed later, smoothly, and come down as smoothly behind it."""

from __future__ import annotations

import numpy as np


def ramped(needed: np.ndarray, width: int, early: int = 0) -> np.ndarray:
    """A smooth curve (T,) that is nowhere below ``needed`` (T,), zero or more: it rises over ``2 * width`` frames, and
    is up ``early`` frames before it must be.
    """
    reach = width + early
    largest = np.lib.stride_tricks.sliding_window_view(np.pad(needed, reach), 2 * reach + 1).max(-1)
    kernel = np.hanning(2 * width + 3)[1:-1]
    return np.convolve(np.pad(largest, width, mode="edge"), kernel / kernel.sum(), "valid")
