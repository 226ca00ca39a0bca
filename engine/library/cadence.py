# SPDX-License-Identifier: GPL-3.0-or-later
"""How people go at another speed: partly by quicker steps, partly by longer ones.

Who walks faster does both in about equal shares; a runner mostly takes longer steps. So a clip that goes along a faster
or slower path is played at the tempo that brings its steps nearest to those that people take at that speed, and its
stride does the rest.

Shapes: n clips, B frames of all of them. Metres, seconds, 20 fps.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.skeleton import FPS

# Medians of captured walks and runs that go straight, by speed (m/s).
_SPEEDS = (0.0, 0.6, 0.8, 1.0, 1.2, 1.6, 1.9, 2.0, 2.7, 3.5, 5.0)
_STEPS_PER_S = (0.75, 1.25, 1.47, 1.65, 1.76, 1.9, 2.2, 2.57, 2.7, 2.97, 3.4)
MISSTEP = 0.2  # farther off is as bad
LONGEST_FRAMES = 30  # of a step; who takes longer has stood
APART_M = 0.05  # by which one ankle comes ahead of the other in a step


def usual_cadence(speed: np.ndarray) -> np.ndarray:
    """Steps a second of people who go at ``speed`` (n,) m/s."""
    return np.interp(speed, _SPEEDS, _STEPS_PER_S)


def tempo_for(pace: float, speed: np.ndarray, cadence: np.ndarray) -> np.ndarray:
    """(n,): how fast clips of ``speed`` (n,) and ``cadence`` (n,), NaN where no steps are seen, are played to go
    ``pace`` times as fast, between 1 and ``pace``.
    """
    wanted = usual_cadence(speed * pace) / cadence
    return np.where(np.isnan(wanted), pace, np.clip(wanted, min(1.0, pace), max(1.0, pace)))


def misstep(speed: np.ndarray, cadence: np.ndarray) -> np.ndarray:
    """(n,): how far ``cadence`` (n,) is from the usual one at ``speed`` (n,), as a logarithm, up to a limit: many ways
    of going have a cadence of their own. Half of that where it is NaN: who shuffles is no better than who steps.
    """
    off = np.minimum(np.abs(np.log(cadence / usual_cadence(speed))), MISSTEP)
    return np.where(np.isnan(off), MISSTEP / 2, off)


def steps_of(ahead: np.ndarray, way: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) and (n,): steps a second of clips in the frames from ``first`` (n,) to ``last`` (n,), and the speed that
    they go at meanwhile; NaN without a step. The left ankle is ``ahead`` (B,) metres of the right one; ``way`` (B,):
    how far the bodies have gone.
    """
    far = np.flatnonzero(np.abs(ahead) > APART_M)
    one, other = far[:-1], far[1:]
    passes = ahead[one] * ahead[other] < 0  # another foot has come ahead
    one, other = one[passes], other[passes]
    times = one + (other - one) * ahead[one] / (ahead[one] - ahead[other])
    clip = np.searchsorted(first, times, side="right") - 1
    took, gone = np.diff(times), np.diff(np.interp(times, np.arange(len(way)), way))
    steps = (clip[1:] == clip[:-1]) & (times[1:] <= last[clip[1:]]) & (took < LONGEST_FRAMES)
    count, frames, metres = (
        np.bincount(clip[1:][steps], weights, len(first)) for weights in (None, took[steps], gone[steps])
    )
    seconds = np.where(count > 0, frames / FPS, np.nan)
    return count / seconds, metres / seconds
