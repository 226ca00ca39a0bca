# SPDX-License-Identifier: GPL-3.0-or-later
"""The speed along a curve: its easing, and the usual speed for what the prompt says. No bpy."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

WALKING_M_PER_S = 1.2

SPEEDS_M_PER_S = {
    "sprint": 4.5,
    "run": 3.0,
    "jog": 2.3,
    "march": 1.2,
    "stride": 1.5,
    "sneak": 0.5,
    "stealth": 0.5,
    "tiptoe": 0.6,
    "creep": 0.4,
    "crawl": 0.4,
    "crouch": 0.5,
    "limp": 0.7,
    "stroll": 0.9,
    "skip": 1.5,
    "dribbl": 0.8,
    "cartwheel": 0.9,
    "hop": 0.5,
    "jump": 0.5,
    "danc": 0.5,
    "salsa": 0.5,
    "ballet": 0.4,
    "box": 0.4,
    "punch": 0.4,
    "kick": 0.5,
    "karate": 0.4,
    "climb": 0.25,
    "mop": 0.3,
    "walk": WALKING_M_PER_S,
}
"""Beginning of a word -> metres a second: the mean over the clips of the CMU data base with that word in their
descriptions, rounded; for words that do not occur there an estimate.
"""

SLOW_FACTOR, FAST_FACTOR = 0.75, 1.3


def usual_speed(prompts: Iterable[str]) -> float:
    """Metres a second at which a person does what the prompts say: that of the first word for a gait, slower or faster
    with a word for that; walking without.
    """
    words = re.findall(r"[a-z]+", " ".join(prompts).lower())
    found = (speed for word in words for beginning, speed in SPEEDS_M_PER_S.items() if word.startswith(beginning))
    speed = next(found, WALKING_M_PER_S)
    if any(word.startswith("slow") for word in words):
        speed *= SLOW_FACTOR
    if any(word.startswith(("fast", "quick", "brisk", "rapid")) for word in words):
        speed *= FAST_FACTOR
    return speed


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
