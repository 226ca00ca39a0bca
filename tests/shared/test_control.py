# SPDX-License-Identifier: GPL-3.0-or-later
"""Control signals: what is accepted, what is refused with which words, and the canonical frame."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared.control import ControlSignal, canonical_frame, control_errors
from blender_addon.shared.errors import BadControl
from blender_addon.shared.skeleton import SKELETON

PELVIS, WRIST = SKELETON.index("pelvis"), SKELETON.index("left_wrist")


def line(start, direction, count=5, seconds=4.0):
    times = np.linspace(0, seconds, count)
    return times, np.asarray(start) + np.asarray(direction) * times[:, None]


def test_points_become_hints_of_the_nearest_frames():
    signal = ControlSignal.from_tracks({"pelvis": line((1, 0.9, 2), (0, 0, 1.0))}, 81)
    np.testing.assert_array_equal(np.flatnonzero(signal.hint_mask[:, PELVIS]), [0, 20, 40, 60, 80])
    np.testing.assert_allclose(signal.hint[40, PELVIS], [1, 0.9, 4], atol=1e-6)
    assert signal.hint_mask.sum() == 5 and not signal.hint[1].any()


def test_every_frame_fills_the_line_between():
    signal = ControlSignal.from_tracks({"pelvis": line((0, 0.9, 0), (0, 0, 1.0), 2)}, 81, every_frame=True)
    assert signal.hint_mask[:, PELVIS].all()
    np.testing.assert_allclose(signal.hint[:, PELVIS, 2], np.arange(81) / 20, atol=1e-6)


@pytest.mark.parametrize(
    ("tracks", "words"),
    [
        ({"pelvis": ([0, 1], [[0, 1, 0], [0, np.nan, 1]])}, "finite"),
        ({"pelvis": ([0, np.inf], [[0, 1, 0], [0, 1, 1]])}, "finite"),
        ({"pelvis": ([], np.zeros((0, 3)))}, "0"),
        ({"pelvis": ([0, 9], [[0, 1, 0], [0, 1, 1]])}, "9.00 s"),
        ({"pelvis": ([-1, 1], [[0, 1, 0], [0, 1, 1]])}, "-1.00 s"),
        ({"pelvis": ([0, 0.1], [[0, 1, 0], [0, 1, 50]])}, "m/s"),
        ({"pelvis": ([0], [[5000, 1, 0]])}, "origin"),
        ({"left_rist": ([0], [[0, 1, 0]])}, "left_rist"),
        ({"pelvis": ([0, 1], [[0, 1], [0, 1]])}, "points"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_a_remedy(tracks, words):
    with pytest.raises(BadControl) as error:
        ControlSignal.from_tracks(tracks, 81)
    assert words in error.value.message and error.value.hint


def test_unknown_joint_suggests_the_nearest_name():
    with pytest.raises(BadControl) as error:
        SKELETON.index("left_rist")
    assert "left_wrist" in error.value.hint


def test_values_outside_the_mask_do_not_matter():
    hint = np.full((10, 22, 3), np.nan, np.float32)
    signal = ControlSignal(hint, np.zeros((10, 22), bool)).validate()
    assert not signal.hint.any()


def test_canonical_frame_starts_at_the_first_hint_along_the_path():
    heading = 2.2
    direction = np.array([np.sin(heading), 0, np.cos(heading)])
    signal = ControlSignal.from_tracks({"pelvis": line((3, 0.9, -7), direction)}, 81)
    frame = canonical_frame(signal)
    assert frame.heading == pytest.approx(heading, abs=1e-6)
    model = frame.to_model(signal.hint[signal.hint_mask])
    np.testing.assert_allclose(model[:, 0], 0, atol=1e-5)
    np.testing.assert_allclose(model[:, 2], np.linspace(0, 4, 5), atol=1e-5)
    np.testing.assert_allclose(model[:, 1], 0.9, atol=1e-6)
    np.testing.assert_allclose(frame.to_world(model), signal.hint[signal.hint_mask], atol=1e-5)


def test_given_heading_wins_over_the_path():
    signal = ControlSignal.from_tracks({"pelvis": line((0, 0.9, 0), (1.0, 0, 0))}, 81)
    assert canonical_frame(signal, heading=0.5).heading == 0.5


def test_a_late_first_key_is_carried_back_along_the_path():
    times = np.array([2.0, 3.0, 4.0])
    points = np.stack([0 * times, 0 * times + 0.9, times], -1)
    frame = canonical_frame(ControlSignal.from_tracks({"pelvis": (times, points)}, 81))
    np.testing.assert_allclose(frame.origin, [0, 0, 0], atol=1e-5)


def test_without_controls_or_movement_nothing_turns():
    empty = canonical_frame(ControlSignal.empty(40))
    assert empty.heading == 0 and not empty.origin.any()
    still = ControlSignal.from_tracks({"left_wrist": ([0, 1], [[1, 1, 1], [1, 1, 1]])}, 41)
    assert canonical_frame(still).heading == 0


def test_errors_are_distances_at_the_hints():
    signal = ControlSignal.from_tracks({"pelvis": ([0, 1], [[0, 1, 0], [0, 1, 1]])}, 41)
    joints = np.zeros((41, 22, 3))
    np.testing.assert_allclose(control_errors(joints, signal), [1, np.sqrt(2)])


def test_the_height_of_a_path_on_the_ground_does_not_count():
    tracks = {"pelvis": ([0, 1], [[0, 1, 0], [0, 1, 1]]), "left_wrist": ([0], [[0, 1, 0]])}
    free = ControlSignal.from_tracks(tracks, 41, free_height=True)
    joints = np.zeros((41, 22, 3))
    np.testing.assert_allclose(control_errors(joints, free), [0, 1, 1])
    assert free.validate().free_height and free.coordinates.sum() == 2 + 2 + 3
