# SPDX-License-Identifier: GPL-3.0-or-later
"""Consistency latent tuning as published: Adam on the starting noise, through sampling and decoding, onto the hints.

The pipeline does not use it: only tests, and those who compare with the published method, do.

The noise z_T that a consistency model starts from decides the whole motion, and everything from it to the joints can
be differentiated. So the noise itself is moved until the joints are where the hints are (MotionLCM, arXiv
2404.19759, section 3.4; the scheme and the decorrelation penalty are those of DNO, arXiv 2312.11994). It works for
every model that can be sampled, with or without a ControlNet, and costs a whole pass there and back a step; models
with time-local latents have :mod:`engine.control.refine`, which is some hundred times faster.

Shapes: B batch, T frames, J = 22 joints, N latent tokens, D latent width, W text width.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from blender_addon.shared import features as feature_set
from blender_addon.shared.errors import BadCheckpoint, BadRequest

from ..checkpoints.networks import Networks
from ..compute.device import threads_for
from ..sampling import sample

TUNING_STEPS = 400
LEARNING_RATE = 0.1
SMALLEST_SIZE = 2  # tokens at which the noise is no longer halved

_DISTANCES = {"l1": functional.l1_loss, "l1_smooth": functional.smooth_l1_loss, "l2": functional.mse_loss}


@dataclass(frozen=True)
class TuningOptions:
    """What is minimised, on which learning rates, for how long.

    ``warmup`` steps in which the rate rises; it falls until ``schedule_steps`` (default: the number of steps).
    ``decorrelation`` and ``proximity``: weights. ``distance``: of joints from hints. ``budget``: seconds.
    """

    warmup: int = 50
    schedule_steps: int | None = None
    decorrelation: float = 100.0
    proximity: float = 0.0
    distance: Literal["l1", "l1_smooth", "l2"] = "l2"
    budget: float | None = None


@dataclass(frozen=True, eq=False)
class TuningConditions:
    """What the noise is sampled under, as in :func:`engine.sampling.sample`. ``mask`` (B, T): real frames, all by
    default. ``step_noise`` (num_inference_steps-1, B, N, D) is needed for more than one step, since the noise between
    the steps must stay the same. ``generator`` only serves token counts that are no power of two.
    """

    mask: Tensor | None = None
    num_inference_steps: int = 1
    guidance_scale: float | None = None
    control_embedding: Tensor | None = None
    uncond_embedding: Tensor | None = None
    step_noise: Tensor | None = None
    generator: torch.Generator | None = None


# Seven parameters, those of the published method; all others are options.
def tune_latent(
    networks: Networks,
    text_embedding: Tensor,
    hint: Tensor,
    hint_mask: Tensor,
    latent: Tensor,
    steps: int = TUNING_STEPS,
    lr: float = LEARNING_RATE,
    **options: Any,
) -> Iterator[Tensor]:
    """Yield the starting noise (B, N, D) after each of ``steps`` steps; sample and decode the last one for the motion.

    text_embedding (B, L, W) or (B, W); hint (B, T, J, 3) metres in the canonical frame; hint_mask (B, T, J) or
    (B, T, J, 3), True or 1 where there is a hint; latent (B, N, D) the noise z_T to start from. ``options``: the fields
    of :class:`TuningOptions` and :class:`TuningConditions`.

    Each step minimises, for every sample by itself,

        sum(distance(joints, hint) mask) / sum(mask) + decorrelation decorrelate(z) + proximity |z - z_T|

    by Adam on the gradient divided by its own length, with ``lr`` rising linearly from 0 and falling along half a
    cosine. It ends early when the budget is spent. Nothing of the networks changes. Raises BadCheckpoint when the model
    has no statistics, BadRequest when there is no hint, TypeError for an option that does not exist.
    """
    known = {field.name for field in fields(TuningOptions)}
    tuning = TuningOptions(**{name: value for name, value in options.items() if name in known})
    conditions = TuningConditions(**{name: value for name, value in options.items() if name not in known})
    loss_of = _Loss(networks, text_embedding, hint, hint_mask, latent.detach(), tuning, conditions)
    began = time.perf_counter()
    tuned = latent.detach().clone().requires_grad_(True)
    optimizer = torch.optim.Adam([tuned], lr=lr)
    total = tuning.schedule_steps or steps
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmup_cosine(step, tuning.warmup, total))
    for _ in range(steps):
        (gradient,) = loss_of.gradient(tuned)
        length = torch.linalg.vector_norm(gradient, dim=(1, 2), keepdim=True)
        tuned.grad = torch.where(length > 0, gradient / length, gradient)
        optimizer.step()
        schedule.step()
        yield tuned.detach().clone()
        if tuning.budget is not None and time.perf_counter() - began > tuning.budget:
            return


class _Loss:
    """By how much the motions of a starting noise miss their hints, and what else counts."""

    # Seven parameters: all that tune_latent() is given, but the learning rate and the number of steps.
    def __init__(
        self,
        networks: Networks,
        text_embedding: Tensor,
        hint: Tensor,
        hint_mask: Tensor,
        start: Tensor,
        options: TuningOptions,
        conditions: TuningConditions,
    ) -> None:
        if networks.statistics is None:
            raise BadCheckpoint(
                f"The model '{networks.config.name}' comes without the statistics of its training data.",
                "Import published files with 'gaitway import-checkpoint', then load the folder.",
            )
        self.networks, self.text, self.hint, self.start = networks, text_embedding, hint, start
        self.options, self.conditions = options, conditions
        self.mean, self.std = networks.feature_scale(start)
        self.counts = (hint_mask if hint_mask.dim() == 4 else hint_mask[..., None].expand(hint.shape)).to(start)
        self.requested = self.counts.sum((1, 2, 3))
        if not bool((self.requested > 0).all()):
            raise BadRequest("A motion without targets cannot be tuned.", "Set at least one joint in one frame.")
        if conditions.num_inference_steps > 1 and conditions.step_noise is None:
            raise BadRequest(
                "Tuning over several sampling steps needs their noise.", "Give step_noise, or use one step."
            )
        all_frames = torch.ones(hint.shape[:2], dtype=torch.bool, device=hint.device)
        self.mask = all_frames if conditions.mask is None else conditions.mask

    def gradient(self, noise: Tensor) -> tuple[Tensor, ...]:
        """Of the loss, by ``noise`` (B, N, D)."""
        with torch.enable_grad(), threads_for(self.mask.numel()):
            return torch.autograd.grad(self(noise).sum(), noise)

    def __call__(self, noise: Tensor) -> Tensor:
        """(B,)"""
        given = self.conditions
        *_, clean = sample(
            self.networks,
            self.text,
            num_inference_steps=given.num_inference_steps,
            guidance_scale=given.guidance_scale,
            latent=noise,
            step_noise=given.step_noise,
            control_embedding=given.control_embedding,
            uncond_embedding=given.uncond_embedding,
        )
        dtype = next(self.networks.vae.parameters()).dtype
        features = self.networks.decode(clean.to(dtype), self.mask).to(self.start) * self.std + self.mean
        joints = feature_set.features_to_joints(features)
        missed = _DISTANCES[self.options.distance](joints, self.hint.to(joints), reduction="none") * self.counts
        loss = missed.sum((1, 2, 3)) / self.requested
        if self.options.decorrelation:
            loss = loss + self.options.decorrelation * correlation(noise, given.generator)
        if self.options.proximity:
            loss = loss + self.options.proximity * torch.linalg.vector_norm(noise - self.start, dim=(1, 2))
        return loss


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
