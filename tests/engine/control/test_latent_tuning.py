# SPDX-License-Identifier: GPL-3.0-or-later
"""Latent tuning against the rule written out by hand, on networks with the published parts; and that it helps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from blender_addon.shared import features as feature_set
from blender_addon.shared.errors import BadRequest
from engine.checkpoints.folder import Networks
from engine.checkpoints.networks import Statistics
from engine.control.latent_tuning import correlation, tune_latent
from engine.sampling import sample

from ..conftest import TINY_V2, tiny_networks

FRAMES = 24
CONFIG = dataclasses.replace(TINY_V2, num_latent_tokens=8)


def draw(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def networks() -> Networks:
    return tiny_networks(CONFIG)


def joints_of(networks: Networks, text: torch.Tensor, noise: torch.Tensor, **options: torch.Tensor) -> torch.Tensor:
    *_, clean = sample(networks, text, num_inference_steps=1, latent=noise, **options)
    statistics = networks.statistics
    assert statistics is not None
    decoded = networks.decode(clean, torch.ones(len(noise), FRAMES, dtype=torch.bool))
    vectors = decoded * torch.from_numpy(statistics.feature_std) + torch.from_numpy(statistics.feature_mean)
    return feature_set.features_to_joints(vectors)


def by_hand(networks, text, hint, asked, noise, steps, lr, warmup) -> list[torch.Tensor]:
    """One sample: Adam (Kingma and Ba, algorithm 1) in float64, diffusers' schedule."""
    from diffusers.optimization import get_scheduler

    parameter = torch.nn.Parameter(torch.zeros(1))
    rates = torch.optim.SGD([parameter], lr=lr)
    schedule = get_scheduler("cosine", rates, num_warmup_steps=warmup, num_training_steps=steps)
    first, second, path = 0.0, 0.0, []
    for step in range(1, steps + 1):
        z = noise.clone().requires_grad_(True)
        squares = (joints_of(networks, text, z) - hint) ** 2
        loss = squares[asked].sum() / asked.sum()
        level, correlated = z, 0.0
        for _ in range(2):  # eight tokens, then four
            correlated += (
                sum((level[:, i] * level[:, i - 1]).sum() for i in range(level.shape[1])) ** 2 / level.numel() ** 2
            )
            level = (level[:, ::2] + level[:, 1::2]) / 2
        (loss + 100 * correlated).backward()
        gradient = (z.grad / z.grad.norm()).double()
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        move = (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
        noise = noise - (schedule.get_last_lr()[0] * move).float()
        rates.step()
        schedule.step()
        path.append(noise)
    return path


def test_every_step_is_that_of_the_rule(networks: Networks) -> None:
    text, noise = draw(1, 1, CONFIG.text_width, seed=1), draw(1, 8, CONFIG.latent_width, seed=2)
    hint = joints_of(networks, text, draw(1, 8, CONFIG.latent_width, seed=3)).detach()
    asked = torch.zeros(1, FRAMES, 22, 3, dtype=torch.bool)
    asked[:, ::5, [0, 15, 20]] = True
    expected = by_hand(networks, text, hint, asked, noise, 40, 0.1, 10)
    tuned = list(tune_latent(networks, text, hint, asked, noise, 40, 0.1, warmup=10))
    torch.testing.assert_close(tuned[0], noise)  # the first step has rate 0
    for got, wanted in zip(tuned, expected, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-3, rtol=0)
    assert not torch.allclose(tuned[-1], noise, atol=0.1)


def test_samples_of_a_batch_do_not_see_each_other(networks: Networks) -> None:
    text, noise = draw(2, 1, CONFIG.text_width, seed=4), draw(2, 8, CONFIG.latent_width, seed=5)
    hint, asked = draw(2, FRAMES, 22, 3, seed=6), torch.zeros(2, FRAMES, 22, dtype=torch.bool)
    asked[0, ::2, 0] = asked[1, 3, 5] = True
    control = draw(2, 8, CONFIG.latent_width, seed=7)
    run: Callable = lambda b: list(  # noqa: E731
        tune_latent(networks, text[b], hint[b], asked[b], noise[b], 12, warmup=2, control_embedding=control[b])
    )[-1]
    together = run(slice(None))
    torch.testing.assert_close(together, torch.cat([run(slice(0, 1)), run(slice(1, 2))]), atol=1e-3, rtol=0)


def test_the_reduced_reference_model_comes_nearer(reference_networks: Networks, reference, shared_dir) -> None:
    data = reference("v1_control_t_sample_hint")
    folder = shared_dir / "data" / "humanml3d_sample"
    mean, std = (np.load(folder / f"{name}.npy").astype(np.float32) for name in ("Mean", "Std"))
    networks = dataclasses.replace(reference_networks, statistics=Statistics(mean, std))
    asked, mask = data["hint_mask"].bool(), data["mask"].bool()
    hint, noise = data["s1_joints"] + 0.2, data["init_latents"]
    tuned = list(tune_latent(networks, data["text_emb"], hint, asked, noise, 60, mask=mask))

    @torch.no_grad()
    def miss(noise: torch.Tensor) -> float:
        *_, clean = sample(networks, data["text_emb"], num_inference_steps=1, latent=noise)
        vectors = networks.decode(clean, mask) * torch.from_numpy(std) + torch.from_numpy(mean)
        return float((feature_set.features_to_joints(vectors) - hint)[asked].abs().mean())

    assert len(tuned) == 60 and miss(tuned[-1]) < miss(noise)


def test_white_noise_is_uncorrelated_and_equal_tokens_are_not() -> None:
    noise = draw(3, 64, 256, seed=8)
    assert float(correlation(noise).max()) < 1e-3
    assert float(correlation(noise[:, :1].expand(-1, 64, -1)).min()) > 1
    assert correlation(noise[:, :1]).tolist() == [0, 0, 0]
    filled = correlation(noise[:, :11], torch.Generator().manual_seed(1))
    assert torch.equal(filled, correlation(noise[:, :11], torch.Generator().manual_seed(1)))
    assert not torch.equal(filled, correlation(noise[:, :11], torch.Generator().manual_seed(2)))


def test_a_spent_budget_ends_it_after_a_step(networks: Networks) -> None:
    text, noise = draw(1, 1, CONFIG.text_width, seed=1), draw(1, 8, CONFIG.latent_width, seed=2)
    hint, asked = torch.zeros(1, FRAMES, 22, 3), torch.ones(1, FRAMES, 22, dtype=torch.bool)
    assert len(list(tune_latent(networks, text, hint, asked, noise, 5, budget=0.0))) == 1
    assert len(list(tune_latent(networks, text, hint, asked, noise, 5, budget=60.0))) == 5


def test_what_cannot_be_tuned_is_refused(networks: Networks) -> None:
    text, noise = draw(1, 1, CONFIG.text_width, seed=1), draw(1, 8, CONFIG.latent_width, seed=2)
    hint, nothing = torch.zeros(1, FRAMES, 22, 3), torch.zeros(1, FRAMES, 22, dtype=torch.bool)
    with pytest.raises(BadRequest, match="without targets"):
        next(iter(tune_latent(networks, text, hint, nothing, noise)))
    with pytest.raises(BadRequest, match="noise"):
        next(iter(tune_latent(networks, text, hint, ~nothing, noise, num_inference_steps=2)))
