# SPDX-License-Identifier: GPL-3.0-or-later
"""Known frames come back as they are; what is joined to them goes on in place and velocity."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared import features as feature_set
from blender_addon.shared import quat
from engine.longform.timeline import Timeline, ease
from engine.longform.windows import Window

from ..helpers.motions import walking_in_a_circle

WALK = np.asarray(walking_in_a_circle(121), np.float64)


def elsewhere(joints: np.ndarray, turn: float, shift: tuple[float, float, float]) -> np.ndarray:
    return quat.rotate(quat.from_yaw(np.asarray(turn)), joints) + np.asarray(shift)


def frames(total: int, *spans: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(total, bool)
    for start, end in spans:
        mask[start:end] = True
    return mask


def test_what_is_kept_comes_back_in_its_place() -> None:
    timeline, there = Timeline(120), elsewhere(WALK[:120], 2.0, (3.0, 0.0, -7.0))
    mask = frames(120, (0, 30), (80, 120))
    timeline.keep(there, mask)
    np.testing.assert_allclose(timeline.joints(0, 120)[mask], there[mask], atol=1e-6)
    assert np.array_equal(timeline.known, mask)


@pytest.mark.parametrize("rubbish", [0.0, np.nan, np.inf])
def test_frames_that_are_not_kept_may_hold_anything(rubbish: float) -> None:
    timeline, mask = Timeline(120), frames(120, (20, 60))
    timeline.keep(np.where(mask[:, None, None], WALK[:120], rubbish), mask)
    np.testing.assert_allclose(timeline.joints(20, 60), WALK[20:60], atol=1e-6)
    assert np.isfinite(timeline.features).all()


def test_a_context_is_the_motion_it_comes_from() -> None:
    """Its features, from its own canonical frame, give the same joints in the world."""
    timeline = Timeline(120)
    timeline.keep(elsewhere(WALK[:120], -2.5, (0.0, 0.0, 9.0)), frames(120, (0, 120)))
    window = Window(20, 60, 60, 60, 0)
    context = timeline.context(window)
    joints = timeline.frame_at(20).to_world(feature_set.features_to_joints(context.features))
    np.testing.assert_allclose(joints, context.joints, atol=1e-5)


def test_the_right_motion_fills_a_gap_as_it_was() -> None:
    timeline = Timeline(120)
    timeline.keep(WALK[:120], frames(120, (0, 50), (90, 120)))
    whole = Timeline(120)
    whole.keep(WALK[:120], frames(120, (0, 120)))
    window = Window(30, 110, 50, 90, 0)
    timeline.write(window, whole.context(window).features, whole.frame_at(30))
    np.testing.assert_allclose(timeline.joints(0, 120), WALK[:120], atol=1e-4)
    assert timeline.known.all()


def test_a_motion_that_is_off_is_joined_in_place_and_velocity_on_both_sides() -> None:
    timeline = Timeline(120)
    timeline.keep(WALK[:120], frames(120, (0, 50), (90, 120)))
    other = Timeline(120)
    other.keep(
        elsewhere(WALK[:120], 0.3, (0.25, 0.0, 0.1)) + 0.02 * np.sin(np.arange(22))[:, None], frames(120, (0, 120))
    )
    window = Window(30, 110, 50, 90, 0)
    timeline.write(window, other.context(window).features, other.frame_at(30))
    joints = timeline.joints(0, 120)
    np.testing.assert_allclose(joints[:50], WALK[:50], atol=1e-6)
    np.testing.assert_allclose(joints[90:], WALK[90:120], atol=1e-6)
    usual = np.linalg.norm(np.diff(WALK, 2, axis=0), axis=-1).max()
    for border in (50, 90):
        near = np.linalg.norm(np.diff(joints[border - 2 : border + 2], 2, axis=0), axis=-1).max()
        assert near < usual + 0.012, f"a step of {100 * near:.1f} cm at frame {border}"


def test_frames_without_a_place_get_it_from_the_motion_before_them() -> None:
    timeline = Timeline(80)
    timeline.keep(WALK[:60], frames(60, (0, 30)))
    timeline.repeat(0, 20, 60, placed=False)
    whole = Timeline(120)
    whole.keep(WALK[:120], frames(120, (0, 120)))
    window = Window(10, 80, 30, 60, 0)
    timeline.write(window, whole.context(window).features, whole.frame_at(10))
    assert timeline.placed.all()
    near = np.linalg.norm(timeline.joints(59, 61)[1, 0] - timeline.joints(59, 61)[0, 0])
    assert near < 2 * np.linalg.norm(np.diff(WALK[:, 0], axis=0), axis=-1).max()
    np.testing.assert_allclose(timeline.features[60:80], timeline.features[0:20])


def test_easing_starts_with_value_and_velocity_and_ends_in_nothing() -> None:
    off = np.array([[0.9], [1.0]])  # at the frame before the border and at the border: 0.1 a frame
    eased = np.concatenate([off, ease(off, 400, 300)])
    np.testing.assert_allclose(np.diff(eased[:3, 0]), 0.1, atol=2e-3)
    assert np.all(eased[302:] == 0) and abs(eased[301, 0] - eased[300, 0]) < 1e-3
    assert not ease(np.zeros((1, 3)), 5, 16).any()
