# SPDX-License-Identifier: GPL-3.0-or-later
"""Where and when feet strike the ground, told by how far they are ahead of the pelvis, in walks and runs alike.

A foot strikes where it is farthest ahead of the pelvis (Zeni, Richards and Higginson, "Two simple methods for
determining gait events during treadmill and overground walking using kinematic data", Gait & Posture 27, 2008): no
threshold of height or speed is needed, so that sliding and floating feet are counted too.

Shapes: T frames, J = 22 joints, S strikes. Metres, seconds; 20 fps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.signal import find_peaks

from blender_addon.shared.series import runs
from blender_addon.shared.skeleton import FPS, SKELETON

LEAST_SWING_M = 0.08  # by which a foot comes ahead and falls back between two strikes
LEAST_FRAMES = 5  # between two strikes of a foot
TOUCHES_M, LOWEST_PERCENT = 0.03, 5.0  # over the lowest 5 % of the toes' heights
_PELVIS = SKELETON.index("pelvis")
_ANKLES = SKELETON.indices("left_ankle", "right_ankle")
_TOES = SKELETON.indices("left_foot", "right_foot")


@dataclass(frozen=True, eq=False)
class Strikes:
    """``times`` (S,) in seconds, in order; ``feet`` (S,) 0 left, 1 right; ``places`` (S,): how far along the way."""

    times: np.ndarray
    feet: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, joints: np.ndarray) -> Strikes:
        """Of joints (T, J, 3) that go straight."""
        ground = np.asarray(joints, np.float64)[..., [0, 2]]
        way = ground[-1, _PELVIS] - ground[0, _PELVIS]
        along = ground @ (way / max(float(np.linalg.norm(way)), 1e-9))
        found: list[tuple[float, int, float]] = []
        for foot, ankle in enumerate(_ANKLES):
            ahead = along[:, ankle] - along[:, _PELVIS]
            peaks, _ = find_peaks(ahead, prominence=LEAST_SWING_M, distance=LEAST_FRAMES)
            for peak in peaks:
                time = peak + _vertex(ahead[peak - 1 : peak + 2])
                found.append((time / FPS, foot, float(np.interp(time, np.arange(len(along)), along[:, ankle]))))
        found.sort()
        times, feet, places = (np.array(column) for column in zip(*found, strict=True)) if found else [np.zeros(0)] * 3
        return cls(times, feet, places)

    @cached_property
    def _alternate(self) -> np.ndarray:
        """(S - 1,) bool: the next strike is the other foot's."""
        return np.diff(self.feet) != 0

    @property
    def cadence(self) -> float:
        """Steps a second; NaN without two strikes."""
        if len(self.times) < 2:
            return float("nan")
        return float((len(self.times) - 1) / (self.times[-1] - self.times[0]))

    @property
    def step_length(self) -> float:
        """Metres; NaN without a step."""
        steps = np.abs(np.diff(self.places))[self._alternate]
        return float(steps.mean()) if len(steps) else float("nan")

    @property
    def stride_variation(self) -> float:
        """Coefficient of variation of the strides' lengths, from a foot's strike to its next; NaN with fewer than
        two.
        """
        strides = np.concatenate([np.abs(np.diff(self.places[self.feet == foot])) for foot in (0, 1)])
        return float(strides.std() / strides.mean()) if len(strides) > 1 else float("nan")


def _vertex(three: np.ndarray) -> float:
    """Frames from the middle one of three values to the top of the parabola through them."""
    bend = three[0] - 2 * three[1] + three[2]
    return float(np.clip(0.5 * (three[0] - three[2]) / bend, -0.5, 0.5)) if bend else 0.0


def standing_slides(joints: np.ndarray) -> np.ndarray:
    """(N,) m/s: of each contact of a foot with the ground of motion (T, J, 3), how fast the toe goes over it in the
    slower half of its frames. A toe touches within 3 cm of where the toes are lowest (captured ones may stand over the
    floor); those that swing low count with their slowest part.
    """
    toes = np.asarray(joints, np.float64)[:, _TOES]
    speed = np.linalg.norm(np.diff(toes[..., [0, 2]], axis=0), axis=-1) * FPS
    reach = np.percentile(toes[..., 1], LOWEST_PERCENT) + TOUCHES_M
    low = (toes[1:, :, 1] < reach) & (toes[:-1, :, 1] < reach)
    found = []
    for foot in range(2):
        for start, end in runs(low[:, foot]):
            own = np.sort(speed[start:end, foot])
            found.append(own[: max(len(own) // 2, 1)].mean())
    return np.array(found)
