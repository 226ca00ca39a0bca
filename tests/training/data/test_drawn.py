# SPDX-License-Identifier: GPL-3.0-or-later
"""Hints as people draw them, and ControlNet steps that start from the model's own answer."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from engine.checkpoints.networks import build_networks
from engine.sampling import scheduler
from training.control import ControlBatch, ControlLossConfig, ControlStatistics, control_step_loss
from training.data.drawn_hints import drawn_hints, drawn_paths, smooth_track
from training.recipes import get_recipe
from training.stage_parts.rollout import first_prediction, rolled_config

from ..test_losses import MEAN, STD, a_walk

MODEL = get_recipe("debug").model


def test_a_straight_even_walk_stays_what_it_is() -> None:
    line = np.linspace([0, 0.9, 0], [1, 0.9, 4], 60)
    np.testing.assert_allclose(smooth_track(line, 8.0), line, atol=1e-9)
    np.testing.assert_allclose(smooth_track(line[:3], 8.0), line[:3], atol=1e-9)


def test_sway_is_smoothed_away() -> None:
    frames = np.arange(120)
    sway = np.stack([0.03 * np.sin(2 * np.pi * frames / 10), 0 * frames, 0.05 * frames], -1)
    smooth = smooth_track(sway, 6.0)
    assert np.abs(smooth[24:-24, 0]).max() < 0.001 and np.abs(smooth[:, 2] - sway[:, 2]).max() < 1e-6


def test_drawn_hints_start_over_the_origin_and_change_nothing_but_the_pelvis() -> None:
    joints = torch.from_numpy(a_walk()).repeat(6, 1, 1, 1)
    mask = torch.ones(joints.shape[:2], dtype=torch.bool)
    mask[0, 30:] = False
    generator = torch.Generator().manual_seed(3)
    hints = drawn_hints(joints, mask, 1.0, generator)
    assert torch.equal(hints[:, :, 1:], joints[:, :, 1:]) and torch.equal(hints[0, 30:], joints[0, 30:])
    assert torch.allclose(hints[:, 0, 0][:, [0, 2]], torch.zeros(6, 2), atol=1e-6)
    assert not torch.equal(hints[:, :, 0], joints[:, :, 0])
    assert torch.equal(drawn_hints(joints, mask, 0.0, generator), joints)
    paths = drawn_paths(joints, mask)
    assert torch.allclose(paths[1, :, 0, 1], joints[1, :, 0, 1].mean()) and torch.equal(paths[0, 30:], joints[0, 30:])
    assert torch.equal(paths[:, :, 1:], joints[:, :, 1:]) and torch.allclose(
        paths[:, 0, 0, 0], torch.zeros(6), atol=1e-6
    )


def _inputs(networks):
    generator = torch.Generator().manual_seed(0)
    latent = torch.randn(2, 5, MODEL.latent_width, generator=generator)
    joints = torch.from_numpy(a_walk()).repeat(2, 1, 1, 1)
    mask = torch.ones(joints.shape[:2], dtype=torch.bool)
    hint_mask = torch.zeros(joints.shape[:3], dtype=torch.bool)
    hint_mask[:, ::4, 0] = True
    batch = ControlBatch(
        latent=latent, features=torch.zeros(2, 40, 263), mask=mask, hint=joints, hint_mask=hint_mask,
        text_embedding=torch.randn(2, 1, MODEL.text_width, generator=generator), timestep=torch.tensor([799, 399]),
        noise=torch.randn(latent.shape, generator=generator), w=torch.tensor([1.0, 2.0]),
    )  # fmt: skip
    return batch


def test_origin_and_target_default_to_the_true_latent_and_the_hint() -> None:
    networks = build_networks(MODEL).eval()
    batch = _inputs(networks)
    statistics = ControlStatistics(MEAN, STD, torch.zeros(22, 3), torch.ones(22, 3))
    config = ControlLossConfig(function="l1", motion_weights={"path": 1.0, "planted": 1.0})

    def loss(**changes):
        return control_step_loss(networks, dataclasses.replace(batch, **changes), statistics, config)

    plain = loss()
    same = loss(origin=batch.latent, target=batch.hint)
    assert all(torch.allclose(plain[key], same[key], atol=1e-6) for key in plain)
    moved = loss(target=batch.hint + 1.0)
    assert moved["control"] > plain["control"] + 0.1 and torch.equal(moved["diffusion"], plain["diffusion"])


def test_the_first_prediction_is_the_first_step_of_sampling() -> None:
    from engine.sampling import sample

    networks = build_networks(MODEL).eval()
    given = _inputs(networks)
    start = given.noise
    answer = first_prediction(
        networks, start, given.hint, given.hint_mask, given.text_embedding, torch.tensor([1.5, 1.5]), None
    )
    hint = given.hint * given.hint_mask[..., None]
    with torch.no_grad():
        control = networks.trajectory_encoder(hint, given.hint_mask)
    (only,) = sample(
        networks, given.text_embedding, num_inference_steps=1, guidance_scale=2.5, latent=start,
        control_embedding=control,
    )  # fmt: skip
    assert scheduler.lcm_timesteps(MODEL, 1) == (799,)
    torch.testing.assert_close(answer, only, atol=1e-5, rtol=0)


def test_rolled_samples_are_asked_for_less() -> None:
    config = ControlLossConfig(motion_weights={"path": 3.0, "speed": 1.0, "planted": 1.0, "standing": 0.5})
    rolled = rolled_config(config)
    assert rolled.motion_weights == {"path": 3.0, "standing": 0.5} and 0 < rolled.latent_weight < config.latent_weight
    assert dataclasses.replace(rolled, latent_weight=1.0, motion_weights=config.motion_weights) == config
