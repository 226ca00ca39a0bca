# SPDX-License-Identifier: GPL-3.0-or-later
"""A facing as a goal, and the latent that is turned onto it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from blender_addon.shared import features as feature_set
from blender_addon.shared import quat
from engine.checkpoints.folder import EMBEDDED, load_default
from engine.control.facing_goal import TOLERANCE_RAD, FacingGoal
from engine.control.goals import Goals
from engine.control.turn_latent import turn_latent
from engine.sampling.latents import decode_features, encode_known

from ..helpers.motions import standing

FRAMES = 40


def body(angles: np.ndarray) -> np.ndarray:
    """Joints (T, 22, 3) of somebody who stands and faces along ``angles`` (T,)."""
    return quat.rotate(quat.from_yaw(angles)[:, None], standing(len(angles)).astype(np.float64))


def test_what_is_missing_counts_beyond_the_tolerance_and_over_whole_turns() -> None:
    angles = np.linspace(0.0, 8.0, FRAMES)
    goal = FacingGoal(np.where(np.arange(FRAMES) < 30, 0.0, np.nan))
    missing = goal.missing(body(angles))
    np.testing.assert_allclose(missing[30:], 0.0)
    np.testing.assert_allclose(missing[:30], -np.maximum(angles[:30] - TOLERANCE_RAD, 0.0), atol=0.02)


def test_the_gradient_is_the_slope_of_the_cost() -> None:
    nothing = np.zeros((FRAMES, 22, 3))
    goals = Goals(nothing, nothing.astype(bool), nothing[..., 0], facing=FacingGoal(np.linspace(0.5, 2.0, FRAMES)))
    joints = body(np.linspace(0.0, 2.5, FRAMES)) + 0.01 * np.random.default_rng(0).normal(size=(FRAMES, 22, 3))
    cost = goals.linearize(joints, np.zeros(FRAMES))
    move = 1e-6 * np.random.default_rng(1).normal(size=joints.shape)
    before, after = (goals.cost(moved, np.zeros(FRAMES)) for moved in (joints - move, joints + move))
    assert (after - before) / 2 == pytest.approx(
        (cost.gradient * move[:, cost.joints].reshape(FRAMES, -1)).sum(), rel=1e-4
    )


@pytest.mark.skipif(not (EMBEDDED / "model.safetensors").is_file(), reason="needs the embedded weights")
def test_a_latent_is_turned_about_and_keeps_its_way() -> None:
    networks = load_default()
    walked = standing(FRAMES + 1).astype(np.float64)
    walked[..., 2] += 0.05 * np.arange(FRAMES + 1)[:, None]
    features = feature_set.joints_to_features(walked)
    known = encode_known(networks, features, np.ones(len(features), bool))
    assert known is not None
    latent, mask = known.latent, torch.ones(1, len(features), dtype=torch.bool)
    wanted = np.linspace(0.0, -np.pi, len(features))
    turned = turn_latent(networks, latent, mask, FacingGoal(wanted))
    before, after = (
        feature_set.features_to_joints(decode_features(networks, one, mask).astype(np.float64))
        for one in (latent, turned)
    )
    goal = FacingGoal(wanted)
    assert np.abs(goal.missing(before)).max() > 2.5 and np.abs(goal.missing(after)).max() < 0.35
    assert np.linalg.norm(after[:, 0] - before[:, 0], axis=-1).max() < 0.15  # of two metres
