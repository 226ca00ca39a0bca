# SPDX-License-Identifier: GPL-3.0-or-later
"""FootPlan that trail behind come under the body, and nothing else moves."""

from __future__ import annotations

import numpy as np

from blender_addon.shared.skeleton import CONTACT_JOINTS, SKELETON
from engine.finishing.feet_under_body import feet_under_body
from engine.finishing.parameters import FOOT_PARAMS

from ..helpers.walking import FRAMES, gliding

FEET = SKELETON.indices(*CONTACT_JOINTS)
FREE = np.zeros((FRAMES, 22), bool)
NONE = np.zeros(FRAMES, bool)


def behind(joints: np.ndarray) -> np.ndarray:
    """How far (T,) the feet are from under the pelvis on average."""
    return np.linalg.norm((joints[:, 0] - joints[:, FEET].mean(1))[:, [0, 2]], axis=-1)


def trailing(by: float) -> np.ndarray:
    joints = gliding().copy()
    joints[:, FEET] -= [0.0, 0.0, by]
    return joints


def test_feet_that_trail_come_under_the_body_and_all_else_stays() -> None:
    joints = trailing(0.45)
    moved = feet_under_body(joints, FREE, NONE)
    assert behind(joints).min() > 0.4
    np.testing.assert_allclose(behind(moved), FOOT_PARAMS.trail_m, atol=0.02)
    others = [joint for joint in range(22) if joint not in FEET]
    np.testing.assert_array_equal(moved[:, others], joints[:, others])
    np.testing.assert_array_equal(moved[..., 1], joints[..., 1])


def test_feet_under_the_body_stay_to_the_bit() -> None:
    joints = trailing(0.0)
    np.testing.assert_array_equal(feet_under_body(joints, FREE, NONE), joints)


def test_frames_that_are_kept_or_held_stay_and_the_change_fades_towards_them() -> None:
    joints = trailing(0.45)
    kept, held = NONE.copy(), FREE.copy()
    kept[:10] = True
    held[FRAMES // 2, SKELETON.index("left_foot")] = True
    moved = feet_under_body(joints, held, kept)
    np.testing.assert_array_equal(moved[:10], joints[:10])
    np.testing.assert_array_equal(moved[FRAMES // 2], joints[FRAMES // 2])
    way = (moved - joints)[:, FEET[0], 2]
    assert way.max() > 0.25 and np.abs(np.diff(way)).max() < 3 * way.max() / (2 * FOOT_PARAMS.stride_frames)


def test_who_sits_lies_or_stands_on_hands_is_left_alone() -> None:
    for change in ([0.0, -0.4, 0.0], [0.0, 0.6, 0.0]):
        joints = trailing(0.45)
        joints[:, [0] if change[1] < 0 else FEET] += change
        np.testing.assert_array_equal(feet_under_body(joints, FREE, NONE), joints)
