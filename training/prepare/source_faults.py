# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known to be wrong in published motion data, each with where it is known from, and what is done about it."""

from __future__ import annotations

import re

import numpy as np

from ..data.augment import change_tempo

CMU_AT_60 = frozenset(
    {33, 34, 60, 61, 74, 75, 77, 84, 87, 88, 89, 93, 103, 106, 115, 139, 141, 143}
)  # fmt: skip
"""Subjects of the CMU Graphics Lab Motion Capture Database that were captured at 60 frames a second, where all others,
and the headers of the BVH release, say 120: played as 120 they take 5 to 6 steps a second and fall at four times
gravity. (Subject 115 is told by its accelerations alone.)"""

PLAYED_TOO_FAST = {"006810": 2.0}
"""Clips of HumanML3D -> how many times too fast they play. 006810 (CMU 93_06, lindy hop) comes from a subject of
``CMU_AT_60``: ankles at 8 m/s, twice those of the same dancer's other takes."""

_CMU_TAKE = re.compile(r"^(\d{1,3})_\d{1,2}$")
_CMU_FPS = 120.0


def true_rate(take: str, fps: float) -> float:
    """The rate that the take called ``take`` was captured at, where its file says ``fps`` frames a second."""
    match = _CMU_TAKE.match(take)
    wrong = match is not None and int(match[1]) in CMU_AT_60 and abs(fps - _CMU_FPS) < 1.0
    return fps / 2 if wrong else fps


def at_true_tempo(clip: str, joints: np.ndarray) -> np.ndarray:
    """The motion (T, J, 3) of HumanML3D's ``clip``, slowed where it is known to play too fast."""
    factor = PLAYED_TOO_FAST.get(clip)
    return joints if factor is None else change_tempo(joints, 1 / factor)
