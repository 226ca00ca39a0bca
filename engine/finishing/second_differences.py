# SPDX-License-Identifier: GPL-3.0-or-later
"""Second differences over time, which say how much a motion bends, and the Gram matrix that sums their squares.

D (T-2, T) takes second differences along the first axis: (D x)[t] = x[t] - 2 x[t+1] + x[t+2], as numpy's diff does.
D' D has five diagonals, so nothing here is ever as large as T by T.
"""

from __future__ import annotations

import numpy as np

_ROW = (1.0, -2.0, 1.0)


def apply_transposed(values: np.ndarray) -> np.ndarray:
    """D' times ``values`` (T-2, ...): (T, ...)."""
    edge = [(2, 2)] + [(0, 0)] * (values.ndim - 1)
    return np.diff(np.pad(values, edge), n=2, axis=0)


def gram_band(frames: int) -> np.ndarray:
    """The lower diagonals (3, T) of D' D, from the main one on, as scipy's solveh_banded takes them."""
    band = np.zeros((3, frames))
    for away in range(3):
        for i in range(3 - away):
            band[away, i : max(i + frames - 2, i)] += _ROW[i] * _ROW[i + away]
    return band
