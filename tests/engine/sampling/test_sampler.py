# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampling loop: seeds, noise, guidance, controls at every step, masks, gradients, and requests it refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from blender_addon.shared.errors import BadRequest
from engine.checkpoints.folder import Networks
from engine.models.config import as_mld, text_only, vae_only
from engine.sampling import sample, scheduler

from ..conftest import TINY_V2, tiny_networks
from ..models.test_models import PATCH

TEXT = torch.randn(2, 1, TINY_V2.text_width, generator=torch.Generator().manual_seed(1))
EMPTY = torch.randn(1, 1, TINY_V2.text_width, generator=torch.Generator().manual_seed(2))
CONTROL = torch.randn(2, 4, TINY_V2.latent_width, generator=torch.Generator().manual_seed(3))
LATENT = torch.randn(2, 4, TINY_V2.latent_width, generator=torch.Generator().manual_seed(4))


@pytest.fixture(scope="module")
def lcm() -> Networks:
    return tiny_networks()


@pytest.fixture(scope="module")
def mld() -> Networks:
    return tiny_networks(as_mld(TINY_V2))


def result(networks: Networks, text: torch.Tensor = TEXT, **options: Any) -> torch.Tensor:
    *_, last = sample(networks, text, **options)
    return last


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 10])
def test_a_latent_a_step(lcm: Networks, steps: int) -> None:
    latents = list(sample(lcm, TEXT, num_inference_steps=steps))
    assert len(latents) == steps
    assert all(x.shape == LATENT.shape and x.dtype == torch.float32 for x in latents)
    assert not latents[-1].requires_grad


def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_numbers_alone(lcm: Networks) -> None:
    before = torch.get_rng_state()
    first, again, other = (
        result(lcm, num_inference_steps=4, generator=torch.Generator().manual_seed(seed)) for seed in (7, 7, 8)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert torch.equal(result(lcm), result(lcm, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), before)


def test_given_noise_is_the_noise_that_would_have_been_drawn(lcm: Networks) -> None:
    drawn = torch.Generator().manual_seed(7)
    latent = torch.randn(LATENT.shape, generator=drawn)
    between = torch.stack([torch.randn(LATENT.shape, generator=drawn) for _ in range(3)])
    expected = result(lcm, num_inference_steps=4, generator=torch.Generator().manual_seed(7))
    assert torch.equal(result(lcm, num_inference_steps=4, latent=latent, step_noise=between), expected)
    assert torch.equal(result(lcm, num_inference_steps=4, latent=latent, step_noise=list(between)), expected)


def test_a_generator_for_each_sample_draws_what_it_would_alone(lcm: Networks) -> None:
    def drawn(*seeds: int) -> torch.Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        *_, latent = sample(lcm, TEXT[:1], num_inference_steps=4, generator=generators)
        return latent

    together = drawn(7, 8, 9)
    assert together.shape == (3, *LATENT.shape[1:])
    torch.testing.assert_close(together, torch.cat([drawn(7), drawn(8), drawn(9)]), atol=1e-5, rtol=1e-5)


def test_the_generator_stops_where_its_owner_stops(lcm: Networks) -> None:
    calls = []
    handle = lcm.denoiser.register_forward_hook(lambda *_: calls.append(1))
    run = sample(lcm, TEXT, num_inference_steps=4)
    next(run)
    run.close()
    handle.remove()
    assert len(calls) == 1


def test_guidance_is_the_models_own_unless_given(lcm: Networks) -> None:
    assert torch.equal(result(lcm, num_inference_steps=2), result(lcm, num_inference_steps=2, guidance_scale=12.5))
    assert not torch.equal(result(lcm, num_inference_steps=2), result(lcm, num_inference_steps=2, guidance_scale=5.0))


@torch.no_grad()
def test_lcm_step_by_step(lcm: Networks) -> None:
    between = torch.randn(1, *LATENT.shape)
    guidance = scheduler.guidance_embedding(11.5, 8).expand(2, -1)
    latent = LATENT
    for index, time in enumerate((699, 299)):
        residuals = lcm.controlnet(latent, time, TEXT, guidance, CONTROL)
        output = lcm.denoiser(latent, time, TEXT, guidance, residuals)
        latent = scheduler.lcm_denoise(latent, output, time)
        if index == 0:
            latent = scheduler.add_noise(latent, between[0], 299)
    options = {"latent": LATENT, "step_noise": between, "control_embedding": CONTROL}
    assert torch.equal(result(lcm, num_inference_steps=2, **options), latent)


@torch.no_grad()
@pytest.mark.parametrize("controlled", [False, True])
def test_ddim_step_by_step(mld: Networks, controlled: bool) -> None:
    """Equation 12 of DDIM with eta 0, guidance as u + scale (c - u), by hand."""
    abar = scheduler.alphas_cumprod()
    latent = LATENT
    for time, before in ((751, 501), (501, 251), (251, 1), (1, -249)):
        outputs = []
        for text in (TEXT, EMPTY.expand(2, -1, -1)):
            residuals = mld.controlnet(latent, time, text, None, CONTROL) if controlled else None
            outputs.append(mld.denoiser(latent, time, text, None, residuals))
        eps = outputs[1] + 7.5 * (outputs[0] - outputs[1])
        clean = (latent - (1 - abar[time]).sqrt() * eps) / abar[time].sqrt()
        latent = abar[max(before, 0)].sqrt() * clean + (1 - abar[max(before, 0)]).sqrt() * eps
    options = {"num_inference_steps": 4, "latent": LATENT, "control_embedding": CONTROL if controlled else None}
    torch.testing.assert_close(result(mld, uncond_embedding=EMPTY, **options), latent, rtol=1e-4, atol=1e-4)
    doubled = torch.cat([TEXT, EMPTY.expand(2, -1, -1)])
    assert torch.equal(result(mld, doubled, **options), result(mld, uncond_embedding=EMPTY, **options))


@torch.no_grad()
def test_a_models_own_times_end_in_its_clean_answer() -> None:
    """Where a model lists its times its last answer is the result; what refines it is asked at every step."""
    times, seen = (999, 499), []
    config = dataclasses.replace(as_mld(PATCH), prediction_type="sample", timesteps_map={2: times}, refining_steps=1)
    networks = tiny_networks(config)
    latent = torch.randn(2, 6, config.latent_width)

    def refining(clean: torch.Tensor) -> Iterator[torch.Tensor]:
        seen.append(clean)
        yield clean + 1

    options = {"num_inference_steps": 2, "guidance_scale": 1.0, "latent": latent}
    steps = list(sample(networks, TEXT, refining=refining, **options))
    expected = latent
    for time, after in zip(times, (499, None), strict=True):
        answer = networks.denoiser(expected, time, TEXT, None, None)
        torch.testing.assert_close(answer, seen.pop(0), rtol=1e-5, atol=1e-5)
        clean, left = answer + 1, scheduler.predict_noise(expected, answer, time, "sample")
        expected = clean if after is None else scheduler.add_noise(clean, left, after)
    assert len(steps) == 4
    torch.testing.assert_close(steps[-1], expected, rtol=1e-5, atol=1e-5)


def test_mld_defaults_and_no_guidance(mld: Networks) -> None:
    assert len(list(sample(mld, TEXT, uncond_embedding=EMPTY))) == 50
    alone = result(mld, num_inference_steps=3, guidance_scale=1.0, latent=LATENT)
    assert torch.equal(
        alone, result(mld, num_inference_steps=3, guidance_scale=1.0, latent=LATENT, uncond_embedding=EMPTY)
    )


def test_controls_act(lcm: Networks) -> None:
    assert not torch.allclose(result(lcm), result(lcm, control_embedding=CONTROL))


@pytest.mark.parametrize("kind", ["lcm", "mld"])
def test_predicting_the_clean_latent(kind: str) -> None:
    """A network that answers with the truth is believed at once, whichever way it says it."""
    networks = tiny_networks(
        dataclasses.replace(TINY_V2 if kind == "lcm" else as_mld(TINY_V2), prediction_type="sample")
    )
    truth = torch.randn(LATENT.shape)
    networks.denoiser.forward = lambda *_: truth
    options = {"guidance_scale": 1.0, "num_inference_steps": 10}
    # DDIM ends at abar_0 = 0.99915, so a little of the starting noise stays.
    torch.testing.assert_close(result(networks, **options), truth, rtol=0, atol=1e-3 if kind == "lcm" else 0.15)


def test_patch_layout_masks_padding() -> None:
    networks = tiny_networks(PATCH)
    mask = torch.arange(6) < torch.tensor([[6], [4]])
    latent, between = torch.randn(2, 6, PATCH.latent_width), torch.randn(1, 2, 6, PATCH.latent_width)
    control = torch.randn(2, 6, PATCH.latent_width)
    together = result(
        networks, num_inference_steps=2, latent=latent, step_noise=between, control_embedding=control, latent_mask=mask
    )
    alone = result(
        networks,
        TEXT[1:],
        num_inference_steps=2,
        latent=latent[1:, :4],
        step_noise=between[:, 1:, :4],
        control_embedding=control[1:, :4],
    )
    torch.testing.assert_close(together[1:, :4], alone, rtol=0, atol=1e-4)
    assert result(networks, num_tokens=9).shape[1] == 9
    assert result(networks, latent_mask=mask).shape[1] == 6
    with pytest.raises(BadRequest, match="number of latent tokens"):
        result(networks)


def test_flat_text_embeddings(lcm: Networks) -> None:
    assert torch.equal(result(lcm, TEXT[:, 0]), result(lcm, TEXT))


def test_text_guides_where_controls_lead() -> None:
    """By as much as the sentence changes the answer without controls; not without them, nor without an empty text."""

    def answer(scale: float, **options: Any) -> torch.Tensor:
        networks = tiny_networks(dataclasses.replace(TINY_V2, text_guidance=scale))
        return result(networks, latent=LATENT, num_inference_steps=1, **options)

    led = {"control_embedding": CONTROL, "uncond_embedding": EMPTY}
    plain, once, twice = (answer(scale, **led) for scale in (0.0, 1.0, 2.0))
    alone, empty = answer(0.0), result(tiny_networks(), EMPTY.expand(2, -1, -1), latent=LATENT, num_inference_steps=1)
    torch.testing.assert_close(once - plain, alone - empty, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(twice - plain, 2 * (once - plain), atol=1e-5, rtol=1e-4)
    assert torch.equal(answer(1.0, control_embedding=CONTROL), plain)
    assert torch.equal(answer(1.0, uncond_embedding=EMPTY), alone)


def test_gradients_flow_when_asked_for(lcm: Networks) -> None:
    latent = LATENT.clone().requires_grad_()
    result(lcm, latent=latent, num_inference_steps=2).sum().backward()
    assert latent.grad.abs().sum() > 0
    with torch.no_grad():
        assert not result(lcm, latent=latent, num_inference_steps=2).requires_grad


def test_gradients_are_not_switched_in_the_callers_code(lcm: Networks) -> None:
    for _ in sample(lcm, TEXT, num_inference_steps=2):
        assert torch.is_grad_enabled()


def test_bfloat16_networks_keep_a_float32_latent() -> None:
    networks = tiny_networks().to(dtype=torch.bfloat16)
    low = result(networks, num_inference_steps=2, control_embedding=CONTROL, latent=LATENT)
    assert low.dtype == torch.float32
    full = result(tiny_networks(), num_inference_steps=2, control_embedding=CONTROL, latent=LATENT)
    assert float((low - full).norm() / full.norm()) < 0.1


def test_requests_that_do_not_fit(lcm: Networks, mld: Networks) -> None:
    cases = [
        (lcm, {"num_inference_steps": 0}, "0 steps"),
        (lcm, {"num_inference_steps": 11}, "11 steps"),
        (mld, {"num_inference_steps": 3}, "empty sentence"),
        (tiny_networks(text_only(TINY_V2)), {"control_embedding": CONTROL}, "no controls"),
        (tiny_networks(vae_only(TINY_V2)), {}, "only an autoencoder"),
    ]
    for networks, options, match in cases:
        with pytest.raises(BadRequest, match=match) as caught:
            result(networks, **options)
        assert caught.value.hint
