# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffusion models: DDIM with eta 0 and classifier-free guidance. DDIM, arXiv 2010.02502.

A model that lists its own times is run at these. Its clean answer may be brought onto hints at each step; the noise of
the step stays, and what comes after fits itself to the hints (after "replacement" and "reconstruction guidance", Ho et
al., Video Diffusion Models, arXiv 2204.03458, with a solver in place of a gradient).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from blender_addon.shared.errors import BadRequest

from ..models.config import ModelConfig
from . import scheduler
from .conditioning import Conditioning, Noise
from .step import predict

if TYPE_CHECKING:
    from ..checkpoints.networks import Networks

MAX_OWN_STEPS = 50


def sample_ddim(networks: Networks, conditioning: Conditioning, noise: Noise) -> Iterator[Tensor]:
    """Yield the latent (B, N, D) after each step; with guidance the batch is doubled, conditional half first:
    u + scale (c - u).
    """
    config, latent = networks.config, noise.start
    doubled = _doubled(conditioning, len(latent))
    times = ddim_timesteps(config, conditioning.num_steps)
    rule = None if config.timesteps_map else scheduler.ddim_scheduler(len(times), config.prediction_type)
    for time, after in zip(times, (*times[1:], None), strict=True):
        latent = conditioning.with_known(latent, noise.start, time)
        output = _guided_output(networks, latent, time, doubled)
        if rule is not None:
            latent = rule.step(output, time, latent, return_dict=False)[0]
        else:
            clean = scheduler.predict_clean(latent, output, time, config.prediction_type)
            if conditioning.refining is not None:
                for refined in conditioning.refining(conditioning.with_known(clean)):
                    clean = refined
                    yield clean
            left = scheduler.predict_noise(latent, output, time, config.prediction_type)
            latent = clean if after is None else scheduler.add_noise(clean, left, after)
        yield conditioning.with_known(latent) if after is None else latent


@torch.no_grad()
def denoised(networks: Networks, conditioning: Conditioning, latent: Tensor, time: int) -> Tensor:
    """The clean latent (B, N, D) that ``latent`` with the noise of ``time`` is taken for, in one guided step."""
    output = _guided_output(networks, latent, time, _doubled(conditioning, len(latent)))
    return scheduler.predict_clean(latent, output, time, networks.config.prediction_type)


def _guided_output(networks: Networks, latent: Tensor, time: int, doubled: Conditioning) -> Tensor:
    """The networks' output (B, N, D); of twice the batch where ``doubled`` is."""
    if len(doubled.text) != 2 * len(latent):
        return predict(networks, latent, time, doubled)
    conditional, unconditional = predict(networks, latent.repeat(2, 1, 1), time, doubled).chunk(2)
    return unconditional + doubled.guidance_scale * (conditional - unconditional)


def ddim_timesteps(config: ModelConfig, num_inference_steps: int) -> tuple[int, ...]:
    """The times of a DDIM run, noisiest first: the model's own list, else, of a model that has one, as many evenly from
    pure noise on, of others diffusers' rule. Raises BadRequest for a count that the schedule cannot be cut into.
    """
    if config.timesteps_map and num_inference_steps in config.timesteps_map:
        return config.timesteps_map[num_inference_steps]
    if config.timesteps_map and 1 <= num_inference_steps <= MAX_OWN_STEPS:
        last, count = scheduler.NUM_TRAIN_TIMESTEPS - 1, num_inference_steps
        return tuple(last - scheduler.NUM_TRAIN_TIMESTEPS * step // count for step in range(count))
    if config.timesteps_map:
        raise BadRequest(
            f"This model cannot sample in {num_inference_steps} steps.", f"Ask for 1 to {MAX_OWN_STEPS}; 4 is usual."
        )
    return tuple(scheduler.ddim_scheduler(num_inference_steps).timesteps.tolist())


def _doubled(conditioning: Conditioning, batch: int) -> Conditioning:
    """What the networks are given: of twice the batch when guidance is on, else of the conditional half."""
    text, control, mask = conditioning.text, conditioning.control, conditioning.latent_mask
    if conditioning.guidance_scale <= 1.0:
        return replace(conditioning, text=text[:batch], empty_text=None)
    if len(text) != 2 * batch:
        empty = conditioning.empty_text
        if empty is None:
            raise BadRequest(
                "Guidance needs the embedding of the empty sentence.",
                "Give uncond_embedding, or a guidance scale of 1.",
            )
        empty = empty[:, None] if empty.dim() == 2 else empty
        text = torch.cat([text, empty.to(text).expand(batch, -1, -1)])
    mask = None if mask is None else mask.repeat(2, 1)
    if control is not None and len(control) == batch:
        control = control.repeat(2, 1, 1)
    return replace(conditioning, text=text, control=control, latent_mask=mask, empty_text=None)
