# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints to rotations and back: synthetic poses whose rotations are known, and real motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blender_addon.shared import pose, quat
from blender_addon.shared.limbs import LIMBS, bend_angle
from blender_addon.shared.skeleton import SKELETON

UPPER = [SKELETON.index(limb.upper) for limb in LIMBS]
MIDDLE = [SKELETON.index(limb.middle) for limb in LIMBS]
ENDS = [SKELETON.index(limb.end) for limb in LIMBS]


def degrees_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(quat.angle(quat.multiply(quat.conjugate(a), b)))


def random_local(rng: np.random.Generator, num_poses: int, spread: float, flexion: tuple[float, float]) -> np.ndarray:
    """Random parent-relative rotations (T, 22, 4); knees and elbows bend only about their hinges, by ``flexion``
    degrees."""
    vectors = rng.normal(size=(num_poses, 22, 3)) * np.radians(spread)
    angles = np.linalg.norm(vectors, axis=-1)
    local = quat.from_axis_angle(vectors / angles[..., None], angles)
    for limb, joint in zip(LIMBS, MIDDLE, strict=True):
        bends = np.radians(rng.uniform(*flexion, num_poses))
        local[:, joint] = quat.from_axis_angle(np.array([limb.hinge]), bends)
    return local


def pose_from(local: np.ndarray, yaw: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Joints and global rotations of ``local`` turned by ``yaw`` degrees."""
    local = local.copy()
    local[:, 0] = quat.multiply(quat.from_yaw(np.full(len(local), np.radians(yaw))), local[:, 0])
    joints = pose.forward_kinematics(local, np.zeros((len(local), 3)), SKELETON.offsets.astype(np.float64))
    rotations = [local[:, 0]]
    for joint in range(1, 22):
        rotations.append(quat.multiply(rotations[SKELETON.parents[joint]], local[:, joint]))
    return joints, np.stack(rotations, 1)


def clips(shared_dir: Path, step: int) -> list[np.ndarray]:
    data = np.load(shared_dir / "data" / "cmu" / "clips.npz")
    positions, offset, unit = data["pos"], data["offset"], float(data["unit"])
    return [positions[a:b] * unit for a, b in zip(offset[:-1:step], offset[1::step], strict=False)]


def test_t_pose_is_the_identity_and_turns_with_the_body():
    turned = quat.rotate(quat.from_yaw(np.radians(np.array([0.0, 90.0, 180.0])))[:, None], pose.T_POSE)
    rotations = pose.global_rotations(turned)
    for rotation, yaw in zip(rotations, (0.0, 90.0, 180.0), strict=True):
        assert degrees_between(rotation, quat.from_yaw(np.radians(np.full(22, yaw)))).max() < 1e-3


@pytest.mark.parametrize("yaw", [0, 90, 180])
def test_known_limb_rotations_are_found_at_every_heading(yaw):
    local = random_local(np.random.default_rng(1), 200, 25, (8.5, 120))
    joints, truth = pose_from(local, yaw)
    # One pose at a time: nothing may lean on neighbours here.
    found = np.concatenate([pose.global_rotations(one[None]) for one in joints])
    error = degrees_between(found, truth)
    assert error[:, [SKELETON.index("pelvis"), SKELETON.index("spine3")]].max() < 1e-3
    # Arms hang on collars whose own twist no joint shows; legs hang on the pelvis, which is known wholly.
    assert error[:, UPPER + MIDDLE].max() < 0.01


@pytest.mark.parametrize("yaw", [0, 90, 180])
def test_straight_limbs_fall_back_to_the_parents_swing(yaw):
    local = random_local(np.random.default_rng(2), 100, 25, (0, 3))
    joints, truth = pose_from(local, yaw)
    found = np.concatenate([pose.global_rotations(one[None]) for one in joints])
    error = degrees_between(found, truth)[:, UPPER].mean(0)
    assert error.max() < 30  # what is left is the twist that was drawn, whatever the heading


def test_forward_kinematics_returns_the_joints():
    local = random_local(np.random.default_rng(3), 120, 30, (0, 130))
    joints, _ = pose_from(local)
    joints = joints + np.random.default_rng(4).normal(size=(120, 1, 3))
    rotations = pose.local_rotations(pose.global_rotations(joints))
    offsets = pose.bone_offsets(joints)
    assert abs(offsets - SKELETON.offsets).max() < 1e-5
    assert abs(pose.forward_kinematics(rotations, joints[:, 0], offsets) - joints).max() < 1e-5


def test_signs_are_continuous():
    spin = quat.from_yaw(np.linspace(0, 6 * np.pi, 100))
    joints = quat.rotate(spin[:, None], pose.T_POSE)
    for rotations in (pose.global_rotations(joints), pose.local_rotations(pose.global_rotations(joints))):
        assert ((rotations[1:] * rotations[:-1]).sum(-1) > 0).all()


def arm_motion(flexion: np.ndarray, twist: np.ndarray) -> np.ndarray:
    """A body whose left arm twists about itself and bends, in degrees per frame; everything else stands still."""
    local = quat.identity((len(flexion), 22))
    local[:, SKELETON.index("left_shoulder")] = quat.from_axis_angle(np.array([[1.0, 0, 0]]), np.radians(twist))
    local[:, SKELETON.index("left_elbow")] = quat.from_axis_angle(np.array([[0, -1.0, 0]]), np.radians(flexion))
    return local


def test_twist_is_led_over_a_straight_arm():
    flexion = np.concatenate([np.full(10, 60.0), np.zeros(10), np.full(10, 60.0)])
    twist = np.concatenate(
        [np.full(10, -60.0), np.zeros(10), np.full(10, 30.0)]
    )  # the 0 cannot be seen: the arm is straight
    joints, truth = pose_from(arm_motion(flexion, twist))
    shoulder = pose.global_rotations(joints)[:, SKELETON.index("left_shoulder")]
    assert degrees_between(shoulder, truth[:, SKELETON.index("left_shoulder")])[[0, 5, 24, 29]].max() < 1
    assert degrees_between(shoulder[1:], shoulder[:-1]).max() < 15  # 90 degrees over 11 steps


@pytest.mark.parametrize("limb", range(4))
def test_overstretched_limb_does_not_turn_around(limb):
    flexion = 25 * np.sin(np.linspace(0, 4 * np.pi, 80)) + 18  # from -7 to 43 degrees
    local = quat.identity((80, 22))
    local[:, MIDDLE[limb]] = quat.from_axis_angle(np.array([LIMBS[limb].hinge]), np.radians(flexion))
    joints, truth = pose_from(local)
    noisy = joints + np.random.default_rng(5).normal(size=joints.shape) * 0.002
    assert degrees_between(pose.global_rotations(noisy), truth)[:, UPPER[limb]].max() < 25


def test_real_motion_is_reproduced(shared_dir):
    """Every limb points exactly where it did; positions differ by what real trunks bend inside one segment."""
    for joints in clips(shared_dir, 25):
        rotations = pose.local_rotations(pose.global_rotations(joints))
        again = pose.forward_kinematics(rotations, joints[:, 0], pose.bone_offsets(joints))
        for above, below in ((UPPER, MIDDLE), (MIDDLE, ENDS)):
            assert (
                np.degrees(bend_angle(again[:, below] - again[:, above], joints[:, below] - joints[:, above])).max()
                < 0.1
            )
        assert np.linalg.norm(again - joints, axis=-1).mean() < 0.025


def test_real_motion_does_not_flip(shared_dir):
    """A limb may turn as fast as its bones and its parent do; a frame in which it turns 60 degrees more is a flip."""
    flips, frames = 0, 0
    for joints in clips(shared_dir, 5):
        rotations = pose.global_rotations(joints)
        turned = degrees_between(rotations[1:], rotations[:-1])
        upper, lower = joints[:, MIDDLE] - joints[:, UPPER], joints[:, ENDS] - joints[:, MIDDLE]
        moved = np.degrees(np.maximum(bend_angle(upper[1:], upper[:-1]), bend_angle(lower[1:], lower[:-1])))
        parents = turned[:, [SKELETON.parents[joint] for joint in UPPER]]
        flips += int((turned[:, UPPER] > moved + parents + 60).sum())
        frames += moved.size
    assert flips <= frames * 1e-4, f"{flips} flips in {frames} limb frames"
