# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of controls, checked against lines and motions whose answers are known. No Blender."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.capture import pace, paths
from blender_addon.retarget.pose import ground
from blender_addon.shared.errors import BadControl
from blender_addon.shared.skeleton import FPS
from blender_addon.takes.observed import error_summary


def test_walk_along_keeps_an_even_speed_over_uneven_points() -> None:
    line = np.array([[0, 0, 0], [0.1, 0, 0], [0.2, 0, 0], [4, 0, 0], [4, 3, 0]])
    points = paths.points_along(line, np.linspace(0, 1, 8))
    # 7 m of line in 7 equal steps: four along x, three along y.
    assert np.allclose(points[:5, 0], [0, 1, 2, 3, 4])
    assert np.allclose(points[4:, 1], [0, 1, 2, 3])


@pytest.mark.parametrize("line", [np.zeros((0, 3)), np.ones((1, 3)), np.ones((5, 3))])
def test_a_line_without_length_is_refused(line: np.ndarray) -> None:
    with pytest.raises(BadControl, match="fewer than two different points"):
        paths.points_along(line, np.array([0.0, 1.0]))


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 60000 / 1001, 12.0])
def test_keys_between_model_frames_are_carried_along_the_motion(fps: float) -> None:
    """A straight walk at 1.5 m/s, keyed on scene frames: the hints lie on the same walk at the model's own times."""
    times = np.arange(0, 61, 7) / fps
    velocity = np.array([1.5, -0.5, 0.1])
    frames, points, keys = paths.on_model_frames(times, times[:, None] * velocity)
    assert np.all(np.diff(frames) > 0) and np.abs(times[keys] - frames / FPS).max() <= 0.5 / FPS + 1e-9
    assert np.allclose(points, frames[:, None] / FPS * velocity, atol=1e-9)


def test_of_several_keys_in_one_model_frame_the_nearest_stands() -> None:
    times = np.array([0.0, 0.09, 0.101, 0.12])
    frames, _points, keys = paths.on_model_frames(times, np.array([[0, 0, 0], [9, 0, 0], [1, 0, 0], [9, 9, 9]], float))
    assert frames.tolist() == [0, 2] and keys.tolist() == [0, 2]
    single_frame, single_point, _ = paths.on_model_frames(np.array([0.51]), np.array([[1.0, 2.0, 3.0]]))
    assert single_frame.tolist() == [10] and single_point.tolist() == [[1, 2, 3]]


def test_frames_as_people_write_them() -> None:
    assert paths.frame_ranges("1, 25; 60-90, 100 – 110,, -5 - -3, 9 to 7") == [
        (1, 1),
        (25, 25),
        (60, 90),
        (100, 110),
        (-5, -3),
        (7, 9),
    ]
    assert paths.frame_ranges(" ") == []
    assert paths.in_ranges(np.array([0, 1, 59.5, 60, 90, 91]), [(1, 1), (60, 90)]).tolist() == [
        False,
        True,
        False,
        True,
        True,
        False,
    ]
    for nonsense in ("one", "1-", "1.5", "1 25"):
        with pytest.raises(BadControl, match="is not a frame"):
            paths.frame_ranges(nonsense)


def test_points_ride_on_what_carries_them() -> None:
    before, after = np.eye(4), np.stack([np.eye(4)] * 2)
    before[:3, 3] = (1, 0, 0)
    after[1, :3, :3] = [[0, -2, 0], [2, 0, 0], [0, 0, 2]]  # a quarter turn and twice the size
    points = np.array([[2.0, 3, 1], [2.0, 3, 1]])
    assert np.allclose(paths.carried(points, before, after), [[1, 3, 1], [-6, 2, 2]])


def test_the_ground_is_the_origin_unless_the_feet_are_elsewhere() -> None:
    assert ground.ground_height(origin=2.0, soles=(2.05, 2.05), leg_length=0.8) == 2.0
    assert ground.ground_height(origin=0.9, soles=(0.02, 0.02), leg_length=0.8) == 0.02
    assert ground.ground_height(origin=0.0, soles=(0.26, 0.03), leg_length=0.8) == 0.0  # a rest pose in mid-stride


def test_marks_on_the_floor_are_told_from_a_line_at_hip_height() -> None:
    flat = np.array([[0, 0, 0.0], [3, 1, 0.05]])
    assert ground.lies_on_ground(flat, ground=0.0, leg_length=0.8)
    assert not ground.lies_on_ground(flat + np.array([0, 0, 0.9]), ground=0.0, leg_length=0.8)
    assert ground.lies_on_ground(flat + np.array([0, 0, 2.0]), ground=2.0, leg_length=0.8)


COURSE = np.linspace(0, 6, 121)
COURSES = {
    "a ramp": (0.3 * COURSE, True),
    "down a ramp": (1.8 - 0.3 * COURSE, True),
    "stairs": (0.17 * np.floor(COURSE / 0.3), True),
    "hills": (0.4 * np.sin(COURSE), True),
    "a bump": (0.14 * np.exp(-((COURSE - 3) ** 2)), True),
    "into a cellar": (-0.5 * COURSE, True),
    "in a cellar": (0 * COURSE - 2.6, True),
    "on a balcony": (0 * COURSE + 3.0, True),
    "hips": (0 * COURSE + 0.93, False),
    "hips up a ramp": (0.93 + 0.3 * COURSE, False),
    "hips down into a cellar": (0.93 - 0.4 * COURSE, False),
    "hips over hills": (0.93 + 0.3 * np.sin(COURSE), False),
    "hips that sit down": (0.93 - 0.45 * (COURSE > 4), False),
}


@pytest.mark.parametrize("name", COURSES)
def test_a_path_on_the_ground_is_told_by_its_course(name: str) -> None:
    heights, on_ground = COURSES[name]
    points = np.stack([0 * COURSE, -COURSE, heights], -1)
    assert ground.lies_on_ground(points, ground=0.0, leg_length=0.85) == on_ground


def test_who_falls_down_or_jumps_is_no_path_on_the_ground() -> None:
    seconds = np.linspace(0, 1, 21)
    fall = np.stack([0.3 * seconds, 0 * seconds, 0.9 - 0.8 * seconds], -1)
    assert not ground.lies_on_ground(fall, ground=0.0, leg_length=0.85)
    assert not ground.lies_on_ground(np.array([[0, 0, 1.4]]), ground=0.0, leg_length=0.85)


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 179.0, -120.0])
def test_facing_is_measured_from_blenders_front(degrees: float) -> None:
    """A character whose left is +X looks along -Y, which is heading 0; turning left in the model is +Y."""
    angle = np.radians(degrees)
    left = np.array([np.cos(angle), np.sin(angle), 1.0])
    assert np.isclose(np.degrees(ground.facing(left, -left * [1, 1, -1])), degrees)


def test_who_goes_up_or_down_is_slower_and_stairs_are_as_steep_as_their_slope() -> None:
    def line(*points: tuple[float, float, float]) -> np.ndarray:
        return np.array(points)

    assert pace.speed_on(line((0, 0, 1), (3, 4, 1))) == 1
    up, down = pace.speed_on(line((0, 0, 0), (4, 0, 2))), pace.speed_on(line((0, 0, 2), (4, 0, 0)))
    stairs = pace.speed_on(line((0, 0, 0), (2, 0, 0), (2, 0, 1), (4, 0, 1), (4, 0, 2)))
    assert 0.5 < up < 0.6 and up == pytest.approx(down) and stairs == pytest.approx(up)


def test_error_summary() -> None:
    summary = error_summary(np.arange(101) / 100)
    assert summary == pytest.approx({"average": 0.5, "percentile95": 0.95, "maximum": 1.0})
