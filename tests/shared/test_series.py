# SPDX-License-Identifier: GPL-3.0-or-later
"""Series along time against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared import series

MASK = np.array([1, 1, 0, 0, 1, 0, 1], bool)
RANDOM = np.random.default_rng(0)


def test_runs_are_the_stretches_of_true():
    assert series.runs(MASK) == [(0, 2), (4, 5), (6, 7)]
    assert series.runs(np.zeros(3, bool)) == []
    assert series.runs(np.ones(3, bool)) == [(0, 3)]


@pytest.mark.parametrize("radius", [0, 1, 4, 9])
def test_dilate_reaches_the_radius(radius):
    frames = np.flatnonzero(MASK)
    expected = [bool((np.abs(frames - frame) <= radius).any()) for frame in range(len(MASK))]
    assert series.dilate(MASK, radius).tolist() == expected


@pytest.mark.parametrize("early", [0, 3])
def test_the_envelope_is_nowhere_below(early):
    needed = np.maximum(RANDOM.normal(size=60), 0)
    curve = series.envelope(needed, 5, early)
    assert curve.shape == needed.shape and (curve >= needed - 1e-12).all()
    peak = np.zeros(60)
    peak[30] = 1.0
    rise = series.envelope(peak, 5, early)
    assert rise[30 - early] == pytest.approx(1.0) and rise[30 - early - 11] == 0.0 == rise[30 + early + 11]


def test_smoothing_keeps_straight_lines_and_ends():
    line = np.linspace(0, 5, 40)[:, None] * [1.0, -2.0]
    assert np.allclose(series.gaussian_smooth(line, 3.0), line)
    assert np.allclose(series.hann_smooth(line, 4)[4:-4], line[4:-4])
    wild = RANDOM.normal(size=(40, 2))
    assert np.allclose(series.gaussian_smooth(wild, 3.0)[[0, -1]], wild[[0, -1]])
    assert np.abs(np.diff(series.hann_smooth(wild, 4), axis=0)).max() < np.abs(np.diff(wild, axis=0)).max() / 2
    assert np.array_equal(series.gaussian_smooth(wild[:1], 3.0), wild[:1])


def test_the_hermite_basis_is_a_cubic_with_these_values_and_slopes():
    s, step = np.array([0.0, 1.0]), 1e-6
    basis = np.array(series.hermite_basis(s))
    slopes = (np.array(series.hermite_basis(s + step)) - np.array(series.hermite_basis(s - step))) / (2 * step)
    assert np.allclose(basis, [[1, 0], [0, 0], [0, 1], [0, 0]])
    assert np.allclose(slopes, [[0, 0], [1, 0], [0, 0], [0, 1]], atol=1e-6)
    assert series.smoothstep(np.array([0.0, 0.5, 1.0])).tolist() == [0.0, 0.5, 1.0]
