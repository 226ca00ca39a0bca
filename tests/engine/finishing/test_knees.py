# SPDX-License-Identifier: GPL-3.0-or-later
"""Knees that bend backward are mirrored, and nothing else moves."""

from __future__ import annotations

import numpy as np

from blender_addon.shared.skeleton import SKELETON
from engine.finishing.knees import KNEES, knees_ahead, mirror_backward_knees

from ..helpers.walking import FRAMES, gliding, stepping
from .test_fit_body import NO_BELIEF, ask, finished, lengths


def test_a_knee_behind_its_line_comes_as_far_before_it_and_bones_keep_their_lengths() -> None:
    joints = stepping()
    by, ahead = knees_ahead(joints)
    assert by.min() > 0.01
    backward = joints.copy()
    backward[20:40, KNEES[0]] -= 2 * by[20:40, :1] * ahead[20:40, 0]
    assert knees_ahead(backward)[0][20:40, 0].max() < -0.01
    may = np.ones((FRAMES, 2), bool)
    np.testing.assert_allclose(mirror_backward_knees(backward, may), joints, atol=1e-9)
    np.testing.assert_allclose(lengths(backward), lengths(joints), atol=1e-9)
    may[39, 0] = False  # half of it would be a jump
    np.testing.assert_array_equal(mirror_backward_knees(backward, may), backward)


def test_knees_of_who_runs_on_planned_steps_bend_forward() -> None:
    for speed in (1.2, 2.6, 3.6):
        joints = gliding(speed)
        joints[..., 1] -= 0.04  # long steps under low hips
        request, _ = ask({"pelvis": dict(enumerate(joints[:, 0]))}, free_height=True)
        done, _ = finished(request, joints, NO_BELIEF)
        assert knees_ahead(done)[0].min() > -1e-6
        assert np.linalg.norm(np.diff(done[:, KNEES], 2, axis=0), axis=-1).max() * 400 < 84


def test_a_straight_leg_is_no_trouble() -> None:
    joints = np.repeat(stepping()[:1], 3, 0)
    hip, ankle = SKELETON.indices("left_hip", "left_ankle")
    joints[:, ankle] = joints[:, hip] + [0.5, 0.0, 0.0]  # straight across
    assert np.isfinite(mirror_backward_knees(joints, np.ones((3, 2), bool))).all()
