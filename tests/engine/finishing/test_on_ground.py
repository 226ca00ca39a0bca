# SPDX-License-Identifier: GPL-3.0-or-later
"""A level motion on ground that is not: feet on it, on whole treads, clear of edges; hips as high above as before."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared.ground import heights_at
from blender_addon.shared.protocol import Ground
from blender_addon.shared.skeleton import SKELETON
from engine.finishing.knees import knees_ahead
from engine.finishing.treads import Footprint, Places, footprints_of

from ..helpers.on_ground import finished, ground
from ..helpers.walking import FRAMES, stepping

TOES, ANKLES = SKELETON.indices("left_foot", "right_foot"), SKELETON.indices("left_ankle", "right_ankle")


@pytest.mark.parametrize("kind", ["stairs up", "stairs down", "ramp", "bump", "balcony"])
def test_feet_stand_on_the_ground_and_hips_are_as_high_above_it(kind: str) -> None:
    level, _ = finished(None)
    joints, contacts = finished(ground(kind))
    frames = np.arange(FRAMES)
    stands = contacts[:, 1::2]
    toes = joints[:, TOES]
    over = toes[..., 1] - heights_at(ground(kind), frames, toes[..., [0, 2]])
    level_toe = np.median(level[:, TOES, 1][stands])
    assert np.abs(over[stands] - level_toe).max() < 0.035
    assert over[~stands].min() > -0.01
    assert knees_ahead(joints)[0].min() > -0.02
    both = [np.where(stands, joints[:, TOES, 1], np.nan), np.where(stands, level[:, TOES, 1], np.nan)]
    hips, before = (np.nanmean(j[:, :1, 1] - foot, axis=1) for j, foot in zip((joints, level), both, strict=True))
    assert abs(np.nanmean(hips) - np.nanmean(before)) < 0.06
    slide = np.linalg.norm(np.diff(toes, axis=0), axis=-1)[stands[1:] & stands[:-1]]
    assert np.percentile(slide, 90) < 0.006


def footprint(on: Ground, *toes: float) -> list[Footprint]:
    """Of feet with their toes so far along the path."""
    return footprints_of([Places.of(on, 0, np.array([0, toe - 0.13]), np.array([0, toe])) for toe in toes])


def test_a_sole_is_put_on_one_tread_and_lies_along_a_slope() -> None:
    for place in np.arange(1.2, 2.0, 0.05):
        (mark,) = footprint(ground("stairs up"), place)
        sole = np.array([[0, place - 0.17], [0, place], [0, place + 0.06]]) + mark.offset
        assert np.ptp(heights_at(ground("stairs up"), np.array([0]), sole[None])) < 1e-6
        assert abs(mark.offset[1]) <= 0.2 and mark.pitch == pytest.approx(0, abs=1e-3)
    (mark,) = footprint(ground("ramp"), 2.03)
    assert np.tan(mark.pitch) == pytest.approx(0.27, abs=0.01) and np.abs(mark.offset).max() < 0.011
    assert mark.height == pytest.approx(0.27 * 1.03, abs=0.01)


def test_steps_from_tread_to_tread_are_even() -> None:
    toes = 1.2 + 0.35 * np.arange(6) + np.array([0, 0.06, -0.06, 0.08, -0.05, 0])
    marks = footprint(ground("stairs up"), *toes)
    np.testing.assert_allclose(np.diff([mark.height for mark in marks]), 0.17, atol=1e-3)


def test_final_frames_on_the_ground_stay_as_they_are() -> None:
    on = ground("stairs up")
    joints, _ = finished(on)
    frozen = np.arange(FRAMES) < 40
    again, _ = finished(on, frozen, np.where(frozen[:, None, None], joints, stepping()))
    np.testing.assert_allclose(again[:40], joints[:40], atol=1e-6)
    assert np.abs(np.diff(again, 2, axis=0))[35:45].max() < np.abs(np.diff(joints, 2, axis=0)).max() + 0.03
