# SPDX-License-Identifier: GPL-3.0-or-later
"""When an act begins, so that hands, feet and head are as high as they are told to be when they are told to.

T frames of a clip, J = 22 joints. Metres over the floor, 20 fps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MOST_FRAMES = 80  # that an act begins earlier or later
LATE_M = 0.001  # of height, that a frame of it counts like
FAR_M = 0.4  # farther off is as bad
OUTSIDE_M = 0.3  # of frames that the clip does not have


class Touch(NamedTuple):
    """``joint`` is ``height`` metres over the floor in the motion's frame ``frame``."""

    frame: int
    joint: int
    height: float


def delay_for(heights: np.ndarray, first: int, touches: Sequence[Touch]) -> int:
    """By how many frames a clip with joints at ``heights`` (T, J), played from its frame ``first`` on, begins later for
    the ``touches``; negative: earlier.
    """
    delays = np.arange(-MOST_FRAMES, MOST_FRAMES + 1)
    total = LATE_M * np.abs(delays)
    for touch in touches:
        at = touch.frame + first - delays
        inside = at.clip(0, len(heights) - 1)
        off = np.minimum(np.abs(heights[inside, touch.joint] - touch.height), FAR_M)
        total = total + np.where(at == inside, off, np.maximum(off, OUTSIDE_M)) / len(touches)
    return int(delays[total.argmin()])
