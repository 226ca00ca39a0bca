# SPDX-License-Identifier: GPL-3.0-or-later
"""The half of a clip in which somebody goes down, or comes up: of "sits down and gets up again" the one that is asked
for.

T frames; metres over the floor, 20 fps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

from blender_addon.shared.series import gaussian_smooth

from .goals import Goal

LOW_M = 0.08  # over the lowest point of the hips: so long somebody is down
DEEP_M = 0.2  # hips that come less far down than this do not change the posture
BEFORE_FRAMES, AFTER_FRAMES = 50, 40  # of the way down or up, and of staying there

Posture = Literal["down", "up"]


def posture_of(goals: Iterable[Goal]) -> Posture | None:
    """Whether the sentence ends down (sits down, falls), begins down (stands up), or neither, or both."""
    high = {goal.fact for goal in goals if goal.fact in ("hips_start", "hips_end") and np.isfinite(goal.low)}
    low = any(goal.fact == "hips_lowest" and np.isfinite(goal.high) for goal in goals)
    if not low or len(high) != 1:
        return None
    return "down" if high == {"hips_start"} else "up"


def posture_part(posture: Posture, hips: np.ndarray) -> tuple[int, int] | None:
    """First frame and end of the way down with what follows it, or of the way up with what is before it, by the height
    of the hips (T,); None where the hips do not come down that far.
    """
    if posture == "up":
        part = posture_part("down", hips[::-1])
        return None if part is None else (len(hips) - part[1], len(hips) - part[0])
    height = gaussian_smooth(np.asarray(hips, np.float64)[:, None], 2.0)[:, 0]
    down = int(np.argmax(height <= height.min() + LOW_M))
    if height[: down + 1].max() - height[down] < DEEP_M:
        return None
    again = np.flatnonzero(height[down:] > height.min() + 2 * LOW_M)
    stays = int(again[0]) if len(again) else len(hips) - down
    return max(0, down - BEFORE_FRAMES), min(len(hips), down + min(stays, AFTER_FRAMES))
