# SPDX-License-Identifier: GPL-3.0-or-later
"""Consistency latent tuning as published: Adam on the starting noise, through sampling and decoding, onto the hints.

The noise z_T that a consistency model starts from decides the whole motion, and everything from it to the joints can
be differentiated. So the noise itself is moved until the joints are where they are asked to be (MotionLCM, arXiv
2404.19759, section 3.4; the scheme and the decorrelation penalty are those of DNO, arXiv 2312.11994). It works for
every model that can be sampled, with or without a ControlNet, and costs a whole pass there and back a step; models
with time-local latents have :mod:`engine.control.refine`, which is some hundred times faster.

Shapes: B batch, T frames, J = 22 joints, N latent tokens, D latent width, W text width.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from blender_addon.shared import features as feature_set
from blender_addon.shared.errors import BadCheckpoint, BadRequest

from ..checkpoints.networks import Networks
from ..compute.device import threads_for
from ..sampling.sampler import sample

STEPS = 400
LEARNING_RATE = 0.1
WARMUP = 50
DECORRELATION = 100.0
SMALLEST_SIZE = 2  # tokens at which the noise is no longer halved

_DISTANCES = {"l1": functional.l1_loss, "l1_smooth": functional.smooth_l1_loss, "l2": functional.mse_loss}


def tune_latent(
    networks: Networks,
    text_embedding: Tensor,
    hint: Tensor,
    hint_mask: Tensor,
    latent: Tensor,
    steps: int = STEPS,
    lr: float = LEARNING_RATE,
    *,
    warmup: int = WARMUP,
    schedule_steps: int | None = None,
    decorrelation: float = DECORRELATION,
    proximity: float = 0.0,
    distance: Literal["l1", "l1_smooth", "l2"] = "l2",
    mask: Tensor | None = None,
    num_inference_steps: int = 1,
    guidance_scale: float | None = None,
    control_embedding: Tensor | None = None,
    uncond_embedding: Tensor | None = None,
    step_noise: Tensor | None = None,
    generator: torch.Generator | None = None,
    budget: float | None = None,
) -> Iterator[Tensor]:
    """Yield the starting noise (B, N, D) after each of ``steps`` steps; sample and decode the last one for the motion.

    text_embedding (B, L, W) or (B, W); hint (B, T, J, 3) metres in the canonical frame; hint_mask (B, T, J) or
    (B, T, J, 3), True or 1 where asked; latent (B, N, D) the noise z_T to start from; mask (B, T) real frames, all by
    default. The rest as in :func:`engine.sampling.sampler.sample`; ``step_noise`` (num_inference_steps-1, B, N, D) is needed for
    more than one step, since the noise between the steps must stay the same.

    Each step minimises, for every sample by itself,

        sum(distance(joints, hint) mask) / sum(mask) + decorrelation decorrelate(z) + proximity |z - z_T|

    by Adam on the gradient divided by its own length, with ``lr`` rising linearly from 0 over ``warmup`` steps and
    falling along half a cosine until ``schedule_steps`` (default: ``steps``). ``generator`` only serves token counts
    that are no power of two. It ends early after ``budget`` seconds. Nothing of the networks changes. Raises
    BadCheckpoint when the model has no statistics, BadRequest when nothing is asked for.
    """
    if networks.statistics is None:
        raise BadCheckpoint(
            f"The model '{networks.config.name}' comes without the statistics of its training data.",
            "Bring published files in with 'gaitway import-checkpoint', then load the folder.",
        )
    mean, std = networks.feature_scale(latent)
    counts = (hint_mask if hint_mask.dim() == 4 else hint_mask[..., None].expand(hint.shape)).to(latent)
    asked = counts.sum((1, 2, 3))
    if not bool((asked > 0).all()):
        raise BadRequest("A motion without hints cannot be tuned.", "Ask for at least one joint in one frame.")
    if mask is None:
        mask = torch.ones(hint.shape[:2], dtype=torch.bool, device=hint.device)
    if num_inference_steps > 1 and step_noise is None:
        raise BadRequest("Tuning over several sampling steps needs their noise.", "Give step_noise, or use one step.")
    dtype, began = next(networks.vae.parameters()).dtype, time.perf_counter()
    start = latent.detach()
    tuned = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([tuned], lr=lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: warmup_cosine(step, warmup, schedule_steps or steps)
    )
    for _ in range(steps):
        with torch.enable_grad(), threads_for(mask.numel()):
            *_, clean = sample(
                networks,
                text_embedding,
                num_inference_steps=num_inference_steps,
                guidance_scale=guidance_scale,
                latent=tuned,
                step_noise=step_noise,
                control_embedding=control_embedding,
                uncond_embedding=uncond_embedding,
            )
            vectors = networks.decode(clean.to(dtype), mask).to(latent) * std + mean
            joints = feature_set.features_to_joints(vectors)
            missed = _DISTANCES[distance](joints, hint.to(joints), reduction="none") * counts
            loss = missed.sum((1, 2, 3)) / asked
            if decorrelation:
                loss = loss + decorrelation * correlation(tuned, generator)
            if proximity:
                loss = loss + proximity * torch.linalg.vector_norm(tuned - start, dim=(1, 2))
            (gradient,) = torch.autograd.grad(loss.sum(), tuned)
        length = torch.linalg.vector_norm(gradient, dim=(1, 2), keepdim=True)
        tuned.grad = torch.where(length > 0, gradient / length, gradient)
        optimizer.step()
        schedule.step()
        yield tuned.detach().clone()
        if budget is not None and time.perf_counter() - began > budget:
            return


def warmup_cosine(step: int, warmup: int, total: int) -> float:
    """Share of the learning rate at ``step``: rising linearly from 0, then falling along half a cosine to 0."""
    if step < warmup:
        return step / max(1, warmup)
    progress = (step - warmup) / max(1, total - warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * progress)))


def correlation(noise: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """How far neighbouring tokens of ``noise`` (B, N, D) say the same, at all scales: (B,), 0 for white noise.

    The squared mean of x x', where x' is x moved on by one token, is added up while tokens are averaged in pairs down
    to two. A number of tokens that is no power of two is first filled up with fresh noise.
    """
    batch, tokens, width = noise.shape
    size = 1 << (tokens - 1).bit_length()
    if size > tokens:
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        fresh = torch.randn(batch, size - tokens, width, generator=generator, device=generator.device)
        noise = torch.cat([noise, fresh.to(noise)], 1)
    total = noise.new_zeros(batch)
    while size > SMALLEST_SIZE:
        total = total + (noise * noise.roll(1, 1)).mean((1, 2)) ** 2
        noise = noise.view(batch, size // 2, 2, width).mean(2)
        size //= 2
    return total
