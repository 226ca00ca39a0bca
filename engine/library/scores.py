# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sentence says about the clips: the numbers that finding starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .posture import Posture


@dataclass(frozen=True, eq=False)
class ClipScores:
    """How well each of K clips does what a sentence says: rows (2, K), the clips as they are and their mirror images,
    near 1 where it says so in the same words, -inf where a clip may never be taken.

    ``choosing``: for taking one clip; ``matching``: for taking stretches of many. ``going``: the sentence names a way
    of going, such as walking or sneaking; ``posture``: of a clip only the way down or up is asked for.
    """

    choosing: np.ndarray
    matching: np.ndarray
    going: bool
    posture: Posture | None = None
