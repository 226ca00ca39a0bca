# SPDX-License-Identifier: GPL-3.0-or-later
"""Inverses, closed forms, and diffusers' own schedulers as a second opinion."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
import torch

from blender_addon.shared.errors import BadRequest
from engine.models.config import PAPER_V1, PAPER_V2
from engine.models.sinusoid import frequencies
from engine.sampling import scheduler

TIMES = torch.tensor([0, 259, 799, 999])


def noise(seed: int) -> torch.Tensor:
    return torch.randn(4, 3, 8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", ["epsilon", "sample"])
def test_clean_and_noise_are_recovered(kind: str) -> None:
    clean, eps = noise(0), noise(1)
    noisy = scheduler.add_noise(clean, eps, TIMES)
    output = eps if kind == "epsilon" else clean
    # Dividing by sqrt(abar) (0.068 at t = 999) or by sqrt(1 - abar) (0.029 at t = 0) enlarges rounding.
    torch.testing.assert_close(scheduler.predict_clean(noisy, output, TIMES, kind), clean, rtol=0, atol=3e-5)
    torch.testing.assert_close(scheduler.predict_noise(noisy, output, TIMES, kind), eps, rtol=0, atol=3e-5)


def test_a_timestep_for_each_sample_is_the_same_as_one_by_one() -> None:
    clean, eps = noise(0), noise(1)
    for function in (scheduler.add_noise, scheduler.lcm_denoise):
        together = function(clean, eps, TIMES)
        alone = torch.stack([function(c, e, int(t)) for c, e, t in zip(clean, eps, TIMES, strict=True)])
        torch.testing.assert_close(together, alone, rtol=1e-6, atol=1e-6)


def test_the_boundary_condition() -> None:
    c_skip, c_out = scheduler.boundary_scalings(0)
    assert (float(c_skip), float(c_out)) == (1.0, 0.0)
    x = noise(0)
    assert torch.equal(scheduler.lcm_denoise(x, noise(1), 0), x)


def test_an_ideal_network_gives_the_clean_latent_in_one_step() -> None:
    clean, eps = noise(0), noise(1)
    noisy = scheduler.add_noise(clean, eps, 799)
    torch.testing.assert_close(scheduler.lcm_denoise(noisy, eps, 799), clean, rtol=0, atol=1e-4)
    torch.testing.assert_close(scheduler.lcm_denoise(noisy, clean, 799, "sample"), clean, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["epsilon", "sample"])
@pytest.mark.parametrize("steps", [1, 2, 4, 7])
def test_the_lcm_step_is_that_of_diffusers(steps: int, kind: str) -> None:
    from diffusers.schedulers.scheduling_lcm import LCMScheduler

    other = LCMScheduler(
        beta_start=0.00085, beta_end=0.012, clip_sample=False, set_alpha_to_one=False, prediction_type=kind
    )
    other.set_timesteps(steps, original_inference_steps=50)
    times = scheduler.lcm_timesteps(PAPER_V1, steps)
    assert list(times) == other.timesteps.tolist()
    ours = theirs = noise(0)
    random = torch.Generator().manual_seed(5)
    drawn = torch.Generator().manual_seed(5)
    for index, time in enumerate(times):
        ours = scheduler.lcm_denoise(ours, noise(index + 1), time, kind)
        if index + 1 < steps:
            ours = scheduler.add_noise(ours, torch.randn(ours.shape, generator=drawn), times[index + 1])
        theirs = other.step(noise(index + 1), time, theirs, generator=random).prev_sample
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(("config", "steps"), [(PAPER_V2, 0), (PAPER_V2, 11), (PAPER_V1, 51), (PAPER_V1, -1)])
def test_counts_that_a_consistency_model_does_not_have(config: object, steps: int) -> None:
    with pytest.raises(BadRequest, match=f"in {steps} steps") as caught:
        scheduler.lcm_timesteps(config, steps)
    assert "1 to" in caught.value.hint


@pytest.mark.parametrize("steps", [0, 1000])
def test_counts_that_ddim_does_not_have(steps: int) -> None:
    with pytest.raises(BadRequest):
        scheduler.ddim_scheduler(steps)


@pytest.mark.parametrize("steps", [1, 50, 999])
def test_ddim_times_are_in_the_table(steps: int) -> None:
    times = scheduler.ddim_scheduler(steps).timesteps
    assert len(times) == steps
    assert 0 <= int(times.min()) <= int(times.max()) < 1000


def test_other_counts_than_the_listed_follow_the_plain_rule() -> None:
    plain = dataclasses.replace(PAPER_V2, timesteps_map=None)
    assert scheduler.lcm_timesteps(PAPER_V2, 3) == scheduler.lcm_timesteps(plain, 3) == (999, 699, 399)


@pytest.mark.parametrize("original", [10, 50])
def test_the_plain_rule_is_that_of_diffusers(original: int) -> None:
    from diffusers.schedulers.scheduling_lcm import LCMScheduler

    other = LCMScheduler(beta_start=0.00085, beta_end=0.012)
    config = dataclasses.replace(PAPER_V1, original_inference_steps=original)
    for steps in range(1, original + 1):
        other.set_timesteps(steps, original_inference_steps=original)
        assert list(scheduler.lcm_timesteps(config, steps)) == other.timesteps.tolist()


def test_consistency_models_do_not_import_diffusers() -> None:
    program = (
        "import sys; from engine.sampling import sampler, scheduler; from engine.models.config import PAPER_V2\n"
        "scheduler.lcm_timesteps(PAPER_V2, 4), scheduler.lcm_timesteps(PAPER_V2, 3)\n"
        "sys.exit('diffusers' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_frequencies_are_right_to_the_last_place() -> None:
    for half, spacing in ((384, 384), (128, 127)):
        exact = torch.exp(torch.arange(half).double() * -(torch.tensor(10000.0).double().log() / spacing))
        actual = frequencies(half, spacing, torch.device("cpu"))
        # The float32 exponent (up to 9.2) is good to 5e-7, and that is what shows.
        torch.testing.assert_close(actual.double(), exact, rtol=1e-6, atol=0)


def test_guidance_embedding_is_sines_then_cosines() -> None:
    embedding = scheduler.guidance_embedding(torch.tensor([0.0, 6.5]), 8)
    assert embedding.shape == (2, 8)
    assert torch.equal(embedding[0], torch.tensor([0.0] * 4 + [1.0] * 4))
    angle = torch.tensor(6500.0)
    torch.testing.assert_close(embedding[1, [0, 4]], torch.stack([angle.sin(), angle.cos()]))
