# SPDX-License-Identifier: GPL-3.0-or-later
"""Axes, units and time between the model and Blender; the skeleton's table."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared import quat, space
from blender_addon.shared.skeleton import SKELETON


def test_forward_up_and_left_land_on_blenders_axes():
    np.testing.assert_array_equal(
        space.model_to_blender([[0, 0, 1], [0, 1, 0], [1, 0, 0]]), [[0, -1, 0], [0, 0, 1], [1, 0, 0]]
    )


@pytest.mark.parametrize("scale", [1.0, 0.01, 2.5])
def test_blender_and_back(scale):
    points = np.random.default_rng(0).normal(size=(4, 22, 3))
    np.testing.assert_allclose(space.blender_to_model(space.model_to_blender(points, scale), scale), points)


def test_a_metre_is_a_hundred_units_in_a_centimetre_scene():
    assert space.model_to_blender(np.array([1.0, 0, 0]), 0.01)[0] == pytest.approx(100)


def test_rotations_change_axes_with_the_points():
    q = quat.normalize(np.random.default_rng(1).normal(size=(10, 4)))
    v = np.random.default_rng(2).normal(size=(10, 3))
    turned = space.model_to_blender(quat.rotate(q, v))
    np.testing.assert_allclose(
        quat.rotate(space.model_to_blender_rotation(q), space.model_to_blender(v)), turned, atol=1e-12
    )


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 60 / 1.001])
def test_frames_there_and_back(fps):
    frames = np.array([1.0, 7.5, 250.0])
    assert space.scene_to_model_frame(1.0 + fps, 1.0, fps) == pytest.approx(20)
    np.testing.assert_allclose(
        space.model_to_scene_frame(space.scene_to_model_frame(frames, 1.0, fps), 1.0, fps), frames
    )


@pytest.mark.parametrize(("seconds", "frames"), [(0.0, 1), (1.0, 21), (6.0, 121), (0.049, 1)])
def test_seconds_to_frames(seconds, frames):
    assert space.seconds_to_num_frames(seconds) == frames


def test_skeleton_is_a_tree_with_two_sides():
    assert SKELETON.num_joints == 22 and SKELETON.parents[0] == -1
    assert all(parent < joint for joint, parent in enumerate(SKELETON.parents))
    mirror = np.array(SKELETON.mirror)
    np.testing.assert_array_equal(mirror[mirror], np.arange(22))
    assert SKELETON.names[mirror[SKELETON.index("left_wrist")]] == "right_wrist"
    lengths = np.linalg.norm(SKELETON.offsets, axis=-1)
    np.testing.assert_allclose(lengths, lengths[mirror], atol=0.01)


def test_t_pose_stands_and_faces_z():
    pose = np.zeros((22, 3))
    for joint in range(1, 22):
        pose[joint] = pose[SKELETON.parents[joint]] + SKELETON.offsets[joint]
    assert pose[SKELETON.index("left_wrist"), 0] > 0.7 > -0.7 > pose[SKELETON.index("right_wrist"), 0]
    assert pose[SKELETON.index("left_foot"), 2] > pose[SKELETON.index("left_ankle"), 2]
    assert SKELETON.standing_height == pytest.approx(-pose[SKELETON.index("left_foot"), 1], abs=1e-6)
