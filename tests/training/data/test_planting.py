# SPDX-License-Identifier: GPL-3.0-or-later
"""Planted feet: what slides is stopped, what is asked for is kept, legs keep their lengths."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared import pose, quat
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.metrics import foot_skating_ratio
from training.data.plant_feet import plant_feet

FRAMES = 80
NOBODY = np.zeros((FRAMES, 22), bool)
LEFT = SKELETON.indices("left_hip", "left_knee", "left_ankle", "left_foot")


def gliding(speed: float = 0.6, knees: float = 0.5) -> np.ndarray:
    """Joints (T, 22, 3) of a figure that stands with bent knees and is carried ahead at ``speed`` m/s."""
    local = quat.identity((FRAMES, 22))
    for side in ("left", "right"):
        for joint, turn in (("hip", -knees), ("knee", 2 * knees), ("ankle", -knees)):
            axis = np.tile([1.0, 0.0, 0.0], (FRAMES, 1))
            local[:, SKELETON.index(f"{side}_{joint}")] = quat.from_axis_angle(axis, np.full(FRAMES, turn))
    joints = pose.forward_kinematics(local, np.zeros((FRAMES, 3)), SKELETON.offsets)
    joints[..., 1] -= joints[..., 1].min() - 0.01
    joints[..., 2] += (speed * np.arange(FRAMES) / FPS)[:, None]
    return joints


def sawtooth(knees: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """The same, but with feet that are believed planted for ten frames in twenty, and lifted in between."""
    joints, contacts = gliding(knees=knees), np.zeros((FRAMES, 4))
    phase = np.arange(FRAMES) % 20
    for side, start in ((0, 0), (1, 10)):
        stands = (phase - start) % 20 < 10
        contacts[:, 2 * side : 2 * side + 2] = stands[:, None]
        lift = np.where(stands, 0.0, 0.15 * np.sin(np.pi * ((phase - start) % 20 - 9) / 11))
        ankle = SKELETON.index("left_ankle" if side == 0 else "right_ankle")
        joints[:, [ankle, ankle + 3], 1] += lift[:, None]
    return joints, contacts


def test_standing_feet_stop_and_the_body_goes_on() -> None:
    joints, contacts = sawtooth()
    planted = plant_feet(joints, contacts, NOBODY)
    assert foot_skating_ratio(joints) > 0.5 and foot_skating_ratio(planted) == 0
    toe = SKELETON.index("left_foot")
    steps = np.linalg.norm(np.diff(planted[:, toe], axis=0)[:, [0, 2]], axis=-1) * FPS
    stands = contacts[1:, 1] * contacts[:-1, 1] > 0
    assert steps[stands].mean() < 0.15  # of 0.6
    others = [j for j in range(22) if not SKELETON.names[j].endswith(("knee", "ankle", "foot"))]
    np.testing.assert_array_equal(planted[:, others][..., [0, 2]], joints[:, others][..., [0, 2]])


def test_the_body_is_lowered_for_legs_that_are_too_short_unless_its_height_is_asked_for() -> None:
    joints, contacts = sawtooth(knees=0.1)  # nearly straight
    held = NOBODY.copy()
    held[:, 0] = True
    free, ground, fixed = (
        plant_feet(joints, contacts, mask, free) for mask, free in ((NOBODY, False), (held, True), (held, False))
    )
    drop = joints[:, 0, 1] - free[:, 0, 1]
    assert 0.005 < drop.max() <= 0.07 and drop.min() >= 0
    np.testing.assert_array_equal(ground, free)
    np.testing.assert_array_equal(fixed[:, 0], joints[:, 0])
    assert foot_skating_ratio(free) <= foot_skating_ratio(fixed)


def test_legs_keep_their_lengths_and_knees_bend_the_same_way() -> None:
    joints, contacts = sawtooth()
    planted = plant_feet(joints, contacts, NOBODY)
    for parent, child in ((0, 1), (1, 2), (2, 3)):
        before, after = (np.linalg.norm(j[:, LEFT[child]] - j[:, LEFT[parent]], axis=-1) for j in (joints, planted))
        np.testing.assert_allclose(after, before, atol=1e-6)
    ahead = planted[:, LEFT[1], 2] - (planted[:, LEFT[0], 2] + planted[:, LEFT[2], 2]) / 2
    assert (ahead > 0).all()


def test_nothing_moves_without_contact_or_where_a_control_holds_the_foot() -> None:
    joints, contacts = sawtooth()
    joints[:, :, 1] += 0.1  # clear of the floor
    np.testing.assert_allclose(plant_feet(joints, 0 * contacts, NOBODY), joints, atol=1e-9)
    joints[:, :, 1] -= 0.1
    held = NOBODY.copy()
    held[:, LEFT[3]] = True
    planted = plant_feet(joints, contacts, held)
    assert np.abs(planted - joints)[:, LEFT].max() < 1e-3
    assert np.abs(planted - joints).max() > 0.05  # the other foot is free


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_few_frames_are_left_alone(frames: int) -> None:
    joints, contacts = sawtooth()
    np.testing.assert_array_equal(plant_feet(joints[:frames], contacts[:frames], NOBODY[:frames]), joints[:frames])
