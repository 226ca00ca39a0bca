# SPDX-License-Identifier: GPL-3.0-or-later
"""Refinement on the real embedded decoder: hints are reached, nothing gets worse, little moves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from blender_addon.shared import features as feature_set
from blender_addon.shared.skeleton import SKELETON
from engine.checkpoints.folder import EMBEDDED, load_default
from engine.checkpoints.networks import Networks
from engine.control.goals import hint_goals
from engine.control.refine import can_refine, refine
from engine.models.build import build_vae
from engine.models.config import PAPER_V2

PELVIS, WRIST = SKELETON.index("pelvis"), SKELETON.index("left_wrist")
FRAMES = 60


@pytest.fixture(scope="module")
def networks():
    if not (EMBEDDED / "model.safetensors").is_file():
        pytest.skip("needs the embedded weights")
    return load_default()


def joints_of(networks, latent, frames=FRAMES):
    mask = torch.ones(1, frames, dtype=torch.bool)
    statistics = networks.statistics
    with torch.no_grad():
        features = networks.decode(latent, mask) * torch.from_numpy(statistics.feature_std) + torch.from_numpy(
            statistics.feature_mean
        )
    return feature_set.features_to_joints(features)


def draw(networks, seed):
    return 0.5 * torch.randn(
        1,
        networks.config.num_tokens(FRAMES),
        networks.config.latent_width,
        generator=torch.Generator().manual_seed(seed),
    )


def run(networks, latent, hint, asked):
    mask = torch.ones(1, FRAMES, dtype=torch.bool)
    return list(refine(networks, latent, mask, hint_goals(hint[0].numpy(), asked[0].numpy())))


@pytest.mark.parametrize("joints", [(PELVIS,), (WRIST,), (PELVIS, WRIST)])
@pytest.mark.parametrize("every", [1, 15])
def test_hints_are_reached_by_a_small_change(networks, joints, every):
    """The hints are another motion of the same model near the first, so they can be reached."""
    start = draw(networks, 1)
    hint = joints_of(networks, start + 0.2 * draw(networks, 2))
    asked = torch.zeros(1, FRAMES, 22, 3, dtype=torch.bool)
    asked[:, ::every, list(joints)] = True
    latents = run(networks, start, hint, asked)

    def miss(latent):
        return float((joints_of(networks, latent) - hint).norm(dim=-1)[asked.any(-1)].mean())

    misses = [miss(start), *map(miss, latents)]
    assert all(later <= earlier + 1e-6 for earlier, later in itertools.pairwise(misses))
    assert misses[0] > 0.015 and misses[-1] < 0.004
    assert float((latents[-1] - start).std()) < 0.5


def test_coordinates_that_are_not_asked_for_are_free(networks):
    start = draw(networks, 3)
    hint = joints_of(networks, start)
    hint[..., 1] += 5.0
    asked = torch.zeros(1, FRAMES, 22, 3, dtype=torch.bool)
    asked[:, :, PELVIS] = torch.tensor([True, False, True])
    moved = run(networks, start, hint, asked)[-1]
    np.testing.assert_allclose(moved.numpy(), start.numpy(), atol=1e-3)


def test_all_joints_in_all_frames(networks):
    start = draw(networks, 4)
    hint = joints_of(networks, start + 0.1 * draw(networks, 5))
    asked = torch.ones(1, FRAMES, 22, 3, dtype=torch.bool)
    before = float((joints_of(networks, start) - hint).norm(dim=-1).mean())
    after = float((joints_of(networks, run(networks, start, hint, asked)[-1]) - hint).norm(dim=-1).mean())
    assert after < 0.25 * before


def test_it_ends_when_its_time_is_over_with_what_it_has(networks):
    start = draw(networks, 1)
    hint = joints_of(networks, start + 0.2 * draw(networks, 2))
    asked = torch.ones(1, FRAMES, 22, 3, dtype=torch.bool)
    mask = torch.ones(1, FRAMES, dtype=torch.bool)
    goals = hint_goals(hint[0].numpy(), asked[0].numpy())
    assert len(list(refine(networks, start, mask, goals, budget=0.0))) == 1
    assert len(list(refine(networks, start, mask, goals))) > 2


def test_only_time_local_models_are_refined(networks):
    assert can_refine(networks)
    assert not can_refine(Networks(PAPER_V2, build_vae(PAPER_V2)))


def test_who_lifts_a_foot_stands_on_the_other_and_comes_down_again(networks):
    start = torch.zeros_like(draw(networks, 1))  # the middle of all motions
    before = joints_of(networks, start)[0].numpy()
    left, right = SKELETON.indices("left_foot", "right_foot")
    hint, asked = torch.zeros(1, FRAMES, 22, 3), torch.zeros(1, FRAMES, 22, 3, dtype=torch.bool)
    hint[0, 30, right] = torch.from_numpy(before[30, 0] + [-0.1, -0.4, 0.5])
    asked[0, 30, right] = True
    after = joints_of(networks, run(networks, start, hint, asked)[-1])[0].numpy()
    assert np.linalg.norm(after[30, right] - hint[0, 30, right].numpy()) < 0.005
    assert after[20:41, left, 1].max() < before[20:41, left, 1].max() + 0.05
    assert np.abs(after[:, 0, 1] - before[:, 0, 1]).max() < 0.05
    assert after[[5, -5], right, 1].max() < before[:, right, 1].max() + 0.05


def test_a_long_winding_way_is_reached_to_its_end(networks):
    """Rounding must not grow from token to token: a path tells less than a token holds."""
    frames = 196
    angle = np.linspace(0, 2 * np.pi, frames)
    hint, asked = torch.zeros(1, frames, 22, 3), torch.zeros(1, frames, 22, 3, dtype=torch.bool)
    way = 1.5 * np.stack([np.sin(2 * angle), 0.62 + 0 * angle, 1.5 * (1 - np.cos(angle))], -1)
    hint[0, :, PELVIS], asked[0, :, PELVIS] = torch.from_numpy(way).float(), torch.tensor([True, False, True])
    start = torch.zeros(1, networks.config.num_tokens(frames), networks.config.latent_width)
    goals = hint_goals(hint[0].numpy(), asked[0].numpy())
    *_, latent = refine(networks, start, torch.ones(1, frames, dtype=torch.bool), goals)
    missed = ((joints_of(networks, latent, frames) - hint) * asked).norm(dim=-1)[0, :, PELVIS]
    assert missed.max() < 0.02
