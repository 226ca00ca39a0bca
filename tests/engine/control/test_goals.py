# SPDX-License-Identifier: GPL-3.0-or-later
"""Goals: residuals and quadratic costs agree with each other; solids from all sides."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from blender_addon.shared import quat
from blender_addon.shared.errors import BadRequest
from blender_addon.shared.protocol import Obstacle, RelativeTarget
from blender_addon.shared.solids import check_obstacle, penetration
from engine.control.goals import EXTRA_DEPTH_M, OBSTACLE_WEIGHT, Goals

FRAMES = 12
RANDOM = np.random.default_rng(0)
TURNED = tuple(quat.from_axis_angle(np.array([0.6, 0.0, 0.8]), np.asarray(0.7)).tolist())
SOLIDS = [
    Obstacle("sphere", (0.1, 0.2, 0.3), (0.5, 0.0, 0.0), margin=0.1),
    Obstacle("capsule", (0.1, 0.2, 0.3), (0.3, 0.6, 0.0), TURNED),
    Obstacle("box", (0.1, 0.2, 0.3), (0.3, 0.6, 0.4), TURNED, margin=0.05),
]


@pytest.mark.parametrize("solid", SOLIDS, ids=lambda solid: solid.kind)
def test_the_way_out_of_a_solid_leads_to_its_surface(solid: Obstacle) -> None:
    points = RANDOM.uniform(-1, 1, (500, 3))
    depth, way = penetration(solid, points)
    assert (depth > 0).any() and (depth < 0).any()
    np.testing.assert_allclose(np.linalg.norm(way, axis=-1), 1)
    after, _ = penetration(solid, points + way * depth[:, None])
    np.testing.assert_allclose(after, 0, atol=1e-9)
    middle, _ = penetration(solid, np.asarray(solid.centre))
    assert np.isfinite(middle) and middle >= min(size for size in solid.size if size)


@pytest.mark.parametrize(
    "change",
    [{"kind": "cone"}, {"size": (0.0, 1.0, 1.0)}, {"size": (math.nan, 1.0, 1.0)}, {"margin": -1.0}],
    ids=str,
)
def test_what_is_no_solid_is_refused(change: dict) -> None:
    for solid in SOLIDS:
        check_obstacle(solid)
    with pytest.raises(BadRequest):
        check_obstacle(dataclasses.replace(SOLIDS[2], **change))


def goals(**options) -> Goals:
    hint, asked = RANDOM.normal(size=(FRAMES, 22, 3)), RANDOM.random((FRAMES, 22, 3)) < 0.2
    tolerance = np.where(RANDOM.random((FRAMES, 22)) < 0.5, 0.0, 0.1)
    return Goals(hint, asked, tolerance, **options)


def test_the_gradient_is_the_slope_of_the_squared_residuals() -> None:
    held = (RelativeTarget("left_wrist", "left_hip", (0.1, 0.0, 0.2), 2, 5),)
    joints, yaw = RANDOM.normal(size=(FRAMES, 22, 3)), RANDOM.normal(size=FRAMES)
    for asked in (goals(), goals(relative=held)):
        cost = asked.linearize(joints, yaw)
        assert cost.joints == list(range(22))
        move = 1e-6 * RANDOM.normal(size=joints.shape)
        before, after = ((asked.residuals(j, yaw) ** 2).sum() / 2 for j in (joints - move, joints + move))
        slope = (cost.gradient * move.reshape(FRAMES, -1)).sum()
        assert (after - before) / 2 == pytest.approx(slope, rel=1e-4)


def test_the_cost_of_an_obstacle_leads_out() -> None:
    nothing = np.zeros((FRAMES, 22, 3))
    asked = Goals(nothing, nothing.astype(bool), nothing[..., 0], obstacles=(SOLIDS[2],))
    joints = RANDOM.uniform(-0.5, 0.7, (FRAMES, 22, 3))
    cost = asked.linearize(joints, np.zeros(FRAMES))
    step = np.linalg.lstsq(cost.matrix[0], -cost.gradient[0], rcond=None)[0].reshape(22, 3)
    inside = penetration(SOLIDS[2], joints[0])[0] > 0
    depth, _ = penetration(SOLIDS[2], joints[0] + step)
    assert inside.any() and not step[~inside].any()
    np.testing.assert_allclose(depth[inside], -EXTRA_DEPTH_M, atol=1e-9)
    assert OBSTACLE_WEIGHT > 1


def test_hints_within_their_tolerance_are_met_and_those_that_steer_do_not_count() -> None:
    joints = np.zeros((FRAMES, 22, 3))
    hint, asked = joints + np.array([0.3, 0.0, 0.4]), np.zeros(joints.shape, bool)
    asked[3, 5] = asked[4, 5] = asked[5, 5] = True
    tolerance = np.zeros((FRAMES, 22))
    tolerance[3, 5], tolerance[4, 5] = 0.6, np.inf
    met = Goals(hint, asked, tolerance)
    np.testing.assert_allclose(met.residuals(joints, np.zeros(FRAMES)), [0, 0.5])
    assert met.joints == [5] and not Goals(hint, 0 * asked > 0, tolerance)
    tolerance[3, 5] = 0.2
    closer = Goals(hint, asked, tolerance).residuals(joints, np.zeros(FRAMES))
    np.testing.assert_allclose(closer, [0.3, 0.5])


def test_a_cost_is_the_same_among_more_joints_and_a_joint_can_be_drawn_to_a_place() -> None:
    joints, yaw = RANDOM.normal(size=(FRAMES, 22, 3)), np.zeros(FRAMES)
    requested = np.zeros((FRAMES, 22, 3), bool)
    requested[:, [3, 7]] = True
    cost = Goals(RANDOM.normal(size=(FRAMES, 22, 3)), requested, np.zeros((FRAMES, 22))).linearize(joints, yaw)
    more = cost.embed([0, 3, 5, 7], weight=2.0)
    rows = np.r_[3:6, 9:12]
    np.testing.assert_array_equal(more.gradient[:, rows], 2 * cost.gradient)
    np.testing.assert_array_equal(more.matrix[:, rows[:, None], rows], 2 * cost.matrix)
    assert not more.gradient[:, [0, 1, 2, 6, 7, 8]].any()
    offset = RANDOM.normal(size=(FRAMES, 1))
    more.add(5, [1], offset, 3.0)
    np.testing.assert_array_equal(more.gradient[:, 7], 3 * offset[:, 0])
    assert (more.matrix[:, 7, 7] == 3).all() and not more.matrix[:, 6, 6].any()
