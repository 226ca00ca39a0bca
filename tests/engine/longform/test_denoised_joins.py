# SPDX-License-Identifier: GPL-3.0-or-later
"""Joins of captured motion are made anew by the embedded model, and nothing else is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from blender_addon.shared import features as feature_set
from engine.checkpoints.folder import EMBEDDED, load_default
from engine.checkpoints.networks import Networks
from engine.longform.denoised_joins import can_denoise_joins, denoised_joins

from ..helpers.walking import gliding

FRAMES, JOIN = 100, 48


@pytest.fixture(scope="module")
def networks() -> Networks:
    if not (EMBEDDED / "model.safetensors").is_file():
        pytest.skip("needs the embedded weights")
    return load_default()


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """A glide whose arms jump at the join."""
    motion = feature_set.joints_to_features(gliding(0.9, frames=FRAMES + 1)).astype(np.float64)
    motion[JOIN:, feature_set.JOINT_POSITIONS.stop - 6 : feature_set.JOINT_POSITIONS.stop] += 0.1
    return motion


def joined(networks: Networks, features: np.ndarray, known: np.ndarray) -> np.ndarray:
    text = torch.zeros(1, networks.config.text_width)
    work = denoised_joins(networks, features, [JOIN], known, text, torch.Generator().manual_seed(1))
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value


def test_the_pose_changes_around_the_join_and_nowhere_else(networks, features) -> None:
    made = joined(networks, features, np.zeros(FRAMES, bool))
    changed = np.abs(made - features).max(1) > 1e-3
    assert changed[JOIN - 4 : JOIN + 4].all()
    assert not changed[: JOIN - 24].any() and not changed[JOIN + 24 :].any()
    np.testing.assert_array_equal(made[:, :3], features[:, :3])
    np.testing.assert_array_equal(made, joined(networks, features, np.zeros(FRAMES, bool)))


def test_known_frames_stay(networks, features) -> None:
    made = joined(networks, features, np.arange(FRAMES) < JOIN)
    np.testing.assert_array_equal(made[:JOIN], features[:JOIN])
    np.testing.assert_array_equal(joined(networks, features, np.ones(FRAMES, bool)), features)


def test_other_models_leave_captured_motion_as_it_is(networks) -> None:
    assert can_denoise_joins(networks)
    other = dataclasses.replace(networks, config=dataclasses.replace(networks.config, refining_steps=0))
    assert not can_denoise_joins(other)
