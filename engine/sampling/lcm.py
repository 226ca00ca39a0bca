# SPDX-License-Identifier: GPL-3.0-or-later
"""Latent consistency models: 1 to a few steps, the guidance scale as an embedding (arXiv 2310.04378, algorithm 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from . import scheduler
from .conditioning import Conditioning, Noise
from .step import predict

if TYPE_CHECKING:
    from ..checkpoints.networks import Networks


def sample_lcm(networks: Networks, conditioning: Conditioning, noise: Noise) -> Iterator[Tensor]:
    """Denoise to the end, add less noise, again: yield the latent (B, N, D) after each step.

    A time may stand in the list twice: the index counts.
    """
    config, latent = networks.config, noise.start
    times = scheduler.lcm_timesteps(config, conditioning.num_steps)
    assert config.guidance_width is not None  # ModelConfig: every consistency model has one
    guidance = scheduler.guidance_embedding(conditioning.guidance_scale - 1.0, config.guidance_width).to(latent.device)
    guidance = guidance.expand(latent.shape[0], -1)
    latent = conditioning.with_known(latent, latent, times[0])
    between = noise.for_steps(len(times) - 1)
    for index, time in enumerate(times):
        output = predict(networks, latent, time, conditioning, guidance)
        latent = scheduler.lcm_denoise(latent, output, time, config.prediction_type)
        latent = conditioning.with_known(latent)
        if index + 1 < len(times):
            latent = scheduler.add_noise(latent, between[index].to(latent), times[index + 1])
        yield latent
