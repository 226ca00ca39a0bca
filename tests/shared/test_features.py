# SPDX-License-Identifier: GPL-3.0-or-later
"""The 263 features against the data set's own sample, in both directions, and by inverses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from blender_addon.shared import features as f
from blender_addon.shared import quat
from blender_addon.shared.skeleton import SKELETON

GROUPS = (
    f.YAW_VELOCITY,
    f.GROUND_VELOCITY,
    f.ROOT_HEIGHT,
    f.JOINT_POSITIONS,
    f.JOINT_ROTATIONS,
    f.JOINT_VELOCITIES,
    f.FOOT_CONTACTS,
)


@pytest.fixture(scope="module")
def sample(shared_dir):
    folder = shared_dir / "humanml3d_sample"
    if not folder.is_dir():
        folder = shared_dir / "data" / "humanml3d_sample"
    return np.load(folder / "new_joints_012314.npy"), np.load(folder / "new_joint_vecs_012314.npy")


def walking(num_frames: int = 80) -> np.ndarray:
    """A made-up motion: the T-pose carried along a curve, turning, with swinging arms."""
    time = np.arange(num_frames) / 20.0
    pose = np.zeros((22, 3))
    for joint, parent in enumerate(SKELETON.parents):
        pose[joint] = SKELETON.offsets[joint] + (pose[parent] if parent >= 0 else 0)
    turned = quat.rotate(quat.from_yaw(0.4 * np.sin(time))[:, None], np.broadcast_to(pose, (num_frames, 22, 3)))
    path = np.stack([np.sin(0.4 * time), 0.95 + 0.02 * np.sin(6 * time), time], -1)
    joints = turned + path[:, None]
    for name, phase in (("left_wrist", 0.0), ("right_wrist", np.pi)):
        joints[:, SKELETON.index(name), 2] += 0.2 * np.sin(5 * time + phase)
    return joints


def test_groups_cover_every_feature_once():
    covered = np.concatenate([np.arange(f.NUM_FEATURES)[group] for group in GROUPS])
    np.testing.assert_array_equal(covered, np.arange(263))


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor], ids=["numpy", "torch"])
def test_features_to_joints_gives_the_shipped_joints(sample, convert):
    joints, vectors = sample
    assert np.abs(np.asarray(f.features_to_joints(convert(vectors))) - joints).max() < 1e-5


def test_joints_to_features_gives_the_shipped_features(sample):
    """The shipped joints lack the original's last frame, which the smoothed heading of the ends would need: they differ
    a little there.
    """
    joints, vectors = sample
    ours = f.joints_to_features(joints)
    assert np.abs(ours - vectors[:-1])[5:-60].max() < 5e-5
    assert np.abs(ours - vectors[:-1]).max() < 2e-2
    np.testing.assert_array_equal(ours[:, f.FOOT_CONTACTS], vectors[:-1, f.FOOT_CONTACTS])


def test_joints_come_back_from_their_features(sample):
    joints, _ = sample
    assert np.abs(f.features_to_joints(f.joints_to_features(joints)) - joints[:-1]).max() < 1e-4


def test_made_up_motion_comes_back():
    joints = f.canonicalize(walking())
    assert np.abs(f.features_to_joints(f.joints_to_features(joints)) - joints[:-1]).max() < 1e-9


def test_canonical_motion_starts_at_the_origin_with_heading_z():
    turn = quat.from_yaw(np.asarray(2.0))
    joints = quat.rotate(turn, walking()) + np.array([5.0, 0, -3.0])
    canonical = f.canonicalize(joints)
    np.testing.assert_allclose(canonical[0, 0, [0, 2]], 0, atol=1e-9)
    np.testing.assert_allclose(f.heading_rotation(canonical)[0], [1, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(canonical, f.canonicalize(walking()), atol=1e-9)


def test_heading_velocity_of_a_constant_turn():
    """A T-pose that turns by 0.1 rad a frame has a heading velocity of half that, away from the smoothed ends."""
    base = walking(1)[:1] - walking(1)[:1, :1] * [1, 0, 1]
    frames = 400
    joints = quat.rotate(quat.from_yaw(0.02 * np.arange(frames))[:, None], np.repeat(base, frames, 0))
    vectors = f.joints_to_features(joints)
    # The data set turns world into heading axes: the sign is that of the inverse rotation.
    np.testing.assert_allclose(vectors[100:300, 0], -0.01, atol=1e-6)


def test_batches_and_gradients():
    vectors = torch.tensor(f.joints_to_features(f.canonicalize(walking())), requires_grad=True)
    batch = torch.stack([vectors, vectors])
    joints = f.features_to_joints(batch)
    assert joints.shape == (2, 79, 22, 3)
    joints[:, -1, 0].sum().backward()
    # The last position hangs on every earlier velocity, and not on the last one.
    assert (vectors.grad[:-1, 2].abs() > 0).all() and vectors.grad[-1, 2] == 0


def test_joints_to_features_differentiates():
    joints = torch.tensor(f.canonicalize(walking(40)), requires_grad=True)
    f.joints_to_features(joints)[:, :67].square().sum().backward()
    assert torch.isfinite(joints.grad).all() and joints.grad.abs().max() > 0
