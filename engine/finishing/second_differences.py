# SPDX-License-Identifier: GPL-3.0-or-later
"""Second differences over time, which say how much a motion bends, and the matrix of their squares.

D (T-2, T) takes second differences along the first axis: (D x)[t] = x[t] - 2 x[t+1] + x[t+2], as numpy's diff does.
D' D has five diagonals, so nothing here is ever as large as T by T.
"""

from __future__ import annotations

import numpy as np

_ROW = (1.0, -2.0, 1.0)


def apply_transposed(bends: np.ndarray) -> np.ndarray:
    """D' times ``bends`` (T-2, ...): (T, ...)."""
    edge = [(2, 2)] + [(0, 0)] * (bends.ndim - 1)
    return np.diff(np.pad(bends, edge), n=2, axis=0)


def gram_band(frames: int) -> np.ndarray:
    """The lower diagonals (3, T) of D' D, from the main one on, as scipy's solveh_banded takes them."""
    band = np.zeros((3, frames))
    for away in range(3):
        for place in range(3 - away):
            band[away, place : max(place + frames - 2, place)] += _ROW[place] * _ROW[place + away]
    return band
