# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawn lines become smooth curves of few knots that stay on the line. No Blender."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.capture import stroke
from blender_addon.shared.errors import BadControl


def arc(degrees: float, number: int = 300) -> np.ndarray:
    angles = np.radians(np.linspace(0, degrees, number))
    return np.stack([3 * np.cos(angles), 3 * np.sin(angles), 0 * angles], -1)


def apart(points: np.ndarray, line: np.ndarray) -> float:
    return float(np.linalg.norm(points[:, None] - line[None], axis=-1).min(1).max())


def test_a_straight_line_needs_two_knots() -> None:
    found = stroke.knots(np.array([[0, 0, 1], [0.2, 0, 1], [5, 0, 1]]), tolerance=0.02, smoothing=0.2)
    assert np.allclose(found, [[0, 0, 1], [5, 0, 1]])


@pytest.mark.parametrize("degrees", [60, 180, 330])
def test_an_arc_needs_few_and_keeps_its_ends(degrees: float) -> None:
    line = arc(degrees)
    found = stroke.knots(line, tolerance=0.02, smoothing=0.1)
    assert len(found) <= 4 + degrees // 15
    assert np.allclose(found[[0, -1]], line[[0, -1]])
    assert apart(stroke.curve_through(found), line) < 0.05 and apart(line, stroke.curve_through(found)) < 0.05


def test_the_trembling_of_the_hand_is_taken_out() -> None:
    random = np.random.default_rng(0)
    line = arc(180)
    shaken = line + random.normal(size=line.shape) * [0.02, 0.02, 0]
    found = stroke.knots(shaken, tolerance=0.03, smoothing=0.25)
    curve = stroke.curve_through(found)
    assert len(found) <= 20 and apart(curve, line) < 0.06
    turns = np.diff(np.unwrap(np.arctan2(*np.diff(curve[:, :2], axis=0).T[::-1])))
    assert np.abs(turns).max() < np.radians(10)  # the raw line turns by more than 90 degrees


@pytest.mark.parametrize("points", [[], [[1, 2, 0]], [[1, 2, 0]] * 5])
def test_a_press_without_a_line_is_refused(points) -> None:
    with pytest.raises(BadControl, match="no length"):
        stroke.knots(np.array(points).reshape(-1, 3), 0.02, 0.2)
