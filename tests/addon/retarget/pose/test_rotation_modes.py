# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks and rotation modes: what is written into the F-curves."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest

from blender_addon.retarget.pose.resample import resample, scene_frames
from blender_addon.retarget.pose.rotation_modes import EULER_MODES, to_axis_angle, to_euler
from blender_addon.shared import quat

AXES = {"X": np.array([1.0, 0, 0]), "Y": np.array([0, 1.0, 0]), "Z": np.array([0, 0, 1.0])}


def tumbling(num_frames: int = 400) -> np.ndarray:
    """Rotations (T, 4) that pass through many poses, the gimbal locks of all orders included, 6 degrees a frame."""
    rng = np.random.default_rng(0)
    legs = [quat.identity()]
    for axis in permutations("XYZ"):
        for name in axis:
            legs.append(quat.multiply(legs[-1], quat.from_axis_angle(AXES[name], np.asarray(np.pi / 2))))
    legs += list(quat.normalize(rng.normal(size=(8, 4))))
    path = [quat.slerp(a[None], b[None], np.linspace(0, 1, 16)[:-1]) for a, b in pairwise(legs)]
    return np.concatenate(path)[:num_frames]


def from_euler(angles: np.ndarray, mode: str) -> np.ndarray:
    """Blender's meaning of Euler angles (T, 3): the first axis of the name is turned about first."""
    turn = quat.identity((len(angles),))
    for name in mode:
        turn = quat.multiply(quat.from_axis_angle(AXES[name][None], angles[:, "XYZ".index(name)]), turn)
    return turn


def degrees_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(quat.angle(quat.multiply(quat.conjugate(a), b)))


@pytest.mark.parametrize("mode", EULER_MODES)
def test_euler_angles_mean_the_same_rotation(mode):
    rotations = tumbling()
    assert degrees_between(from_euler(to_euler(rotations, mode), mode), rotations).max() < 1e-3


@pytest.mark.parametrize("mode", EULER_MODES)
def test_euler_angles_run_on_over_full_turns(mode):
    for name in "XYZ":
        spin = quat.from_axis_angle(AXES[name][None], np.linspace(0, 6 * np.pi, 200))
        angles = to_euler(spin, mode)
        assert abs(np.diff(angles, axis=0)).max() < 0.2
        # Three turns, however they are shared out: in gimbal lock two axes may take part.
        assert abs(angles[-1]).sum() >= 6 * np.pi - 1e-6


def test_axis_and_angle_mean_the_same_rotation_and_run_on():
    values = to_axis_angle(tumbling())
    assert degrees_between(quat.from_axis_angle(values[:, 1:], values[:, 0]), tumbling()).max() < 1e-3
    spin = quat.from_axis_angle(AXES["Y"][None], np.linspace(-4 * np.pi, 4 * np.pi, 161))
    values = to_axis_angle(spin)
    assert abs(np.diff(values[:, 0])).max() < 0.2
    assert np.ptp(values[:, 1:], axis=0).max() < 1e-6


@pytest.mark.parametrize("fps", [12, 20, 24, 25, 29.97, 30, 59.94, 60, 120])
@pytest.mark.parametrize("start", [1, -7, 10.5])
def test_scene_frames_cover_the_motion_and_no_more(fps, start):
    frames = scene_frames(61, start, fps)
    end = start + 3 * fps
    assert frames[0] <= start < frames[0] + 1 and end - 1e-6 <= frames[-1] < end + 1 + 1e-6
    assert (np.diff(frames) == 1).all()


@pytest.mark.parametrize("fps", [20, 24, 30, 59.94])
@pytest.mark.parametrize("start", [1, 0.4])
def test_resampling_follows_a_smooth_motion(fps, start):
    seconds = np.arange(61) / 20
    positions = np.stack([1.2 * seconds, np.sin(4 * seconds), np.cos(4 * seconds)], -1)
    rotations = quat.from_yaw(2.5 * np.sin(3 * seconds))[:, None]
    frames = scene_frames(61, start, fps)
    turned, moved = resample(rotations, positions, frames, start, fps)
    at = (frames - start) / fps
    inside = (at >= 0.05) & (at <= 2.95)
    wanted = np.stack([1.2 * at, np.sin(4 * at), np.cos(4 * at)], -1)
    assert abs(moved - wanted)[inside].max() < 0.001
    assert degrees_between(turned[:, 0], quat.from_yaw(2.5 * np.sin(3 * at)))[inside].max() < 0.3
    # The ends go straight on to the next whole frame.
    assert abs(moved - wanted).max() < 0.03


def test_model_frames_on_scene_frames_are_kept_exactly():
    rng = np.random.default_rng(1)
    rotations, positions = (
        quat.make_continuous(quat.normalize(rng.normal(size=(10, 22, 4)) + np.array([4, 0, 0, 0]))),
        rng.normal(size=(10, 3)),
    )
    turned, moved = resample(rotations, positions, scene_frames(10, 5, 60), 5, 60)
    assert np.allclose(moved[::3], positions) and np.allclose(turned[::3], rotations)


def test_a_single_frame_is_a_pose():
    rotations, positions = quat.identity((1, 22)), np.array([[1.0, 2, 3]])
    frames = scene_frames(1, 4.0, 24)
    turned, moved = resample(rotations, positions, frames, 4.0, 24)
    assert list(frames) == [4] and np.allclose(moved, positions) and np.allclose(turned, rotations)
