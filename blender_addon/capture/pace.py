# SPDX-License-Identifier: GPL-3.0-or-later
"""The speed along a curve: how it begins and ends. No bpy. Metres and seconds."""

from __future__ import annotations

import numpy as np

STANDING_EASE_S = (0.65, 1.3)
"""Shortest and longest time in which a body comes to its speed, or from it to a stand: a step or two of a walk."""
STANDING_M_PER_S2 = 2.2
"""How fast its speed changes between the two."""
STANDING_REST_S, REST_SHARE = 0.2, 0.1
"""For how long a body stands when it has arrived, in which the last foot comes beside the other; of a path at most."""


SLOPE_SLOWS = 3.0
"""Times the square of the slope: on stairs half as fast as on the level, on a ramp of 15 degrees a fifth less."""


def speed_on(line: np.ndarray) -> float:
    """The speed along a ``line`` (P, 3), Z up, beside that on the level: less where it is steep up or down."""
    steps = np.diff(np.asarray(line, np.float64), axis=0)
    slope = np.abs(steps[:, 2]).sum() / max(float(np.linalg.norm(steps[:, :2], axis=-1).sum()), 1e-9)
    return 1.0 / (1.0 + SLOPE_SLOWS * min(float(slope), 1.0) ** 2)


def progress(times: np.ndarray, duration: float, ease_in: float = 0.0, ease_out: float = 0.0) -> np.ndarray:
    """Fraction of the path (N,) that is covered at ``times`` (N,) of ``duration``, all in seconds.

    The speed rises evenly from 0 during ``ease_in``, is constant, and falls evenly to 0 during ``ease_out``. When the
    two do not fit into the duration both are shortened by the same factor.
    """
    times = np.clip(np.asarray(times, np.float64), 0.0, duration)
    shorter = min(1.0, duration / max(ease_in + ease_out, 1e-9))
    rise, fall = ease_in * shorter, ease_out * shorter
    full = 1.0 / (duration - (rise + fall) / 2)
    covered = full * (times - rise / 2)
    if rise > 0:
        covered = np.where(times < rise, full * times**2 / (2 * rise), covered)
    if fall > 0:
        left = duration - times
        covered = np.where(left < fall, 1.0 - full * left**2 / (2 * fall), covered)
    return covered


def standing_ease(speed: float) -> float:
    """Seconds in which a person who stands comes to ``speed``, or from it to a stand."""
    return float(np.clip(speed / STANDING_M_PER_S2, *STANDING_EASE_S))


def standing_times(length: float, duration: float, stands: tuple[bool, bool]) -> tuple[float, float, float]:
    """How long the speed rises, falls, and is nothing at the end, of a path of that ``length`` in that ``duration``
    that starts from a stand and comes to one, as ``stands`` says: the speed in between is a little higher for it.
    """
    ends = sum(stands)
    rest = min(STANDING_REST_S, REST_SHARE * duration) * stands[1]
    ease = STANDING_EASE_S[0]
    for _ in range(4):  # it settles: a longer ease asks for a little more speed
        ease = standing_ease(length / max(duration - rest - ends * ease / 2, duration / 2))
    return ease * stands[0], ease * stands[1], rest


def standing_duration(length: float, speed: float, stands: tuple[bool, bool]) -> float:
    """The duration of such a path on which the speed in between is ``speed``."""
    duration = length / speed + sum(stands) * standing_ease(speed) / 2
    return duration + stands[1] * min(STANDING_REST_S, REST_SHARE * duration)
