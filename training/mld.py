# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage 2: latent diffusion conditioned on text. ``python -m training.mld --recipe small --data FOLDER --run FOLDER``.

Shapes: B batch, N tokens, D latent width, W text width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.models.denoiser import Denoiser
from engine.sampling import scheduler

from .loop.batch_split import Batch
from .loop.loop import VALIDATION_SEED, run_task, step_generator
from .loop.trainer import Task
from .runs.command_line import command_line
from .runs.run import Run
from .stage_parts.latent_cache import LatentSource, latent_source
from .stage_parts.latents import channel_weights
from .stage_parts.losses import masked_latent_mean, router_term, sum_of
from .stage_parts.modules import mld_config

VALIDATION_TIMES = (199, 499, 699, 799)


def mld_loss(
    denoiser: nn.Module,
    latent: Tensor,
    text_embedding: Tensor,
    timestep: Tensor,
    noise: Tensor,
    latent_mask: Tensor | None = None,
    prediction_type: str = "epsilon",
    weights: Tensor | None = None,
) -> dict[str, Tensor]:
    """Mean squared error of the predicted noise (or, with 'sample', of the predicted clean latent); ``router`` where
    there are mixtures of experts.

    latent, noise (B, N, D); text_embedding (B, 1, W); timestep (B,) in 0..999; ``weights`` (D,): see
    :func:`training.stage_parts.latents.channel_weights`. DDPM, arXiv 2006.11239; MLD, CVPR 2023.
    """
    noisy = scheduler.add_noise(latent, noise, timestep)
    output = denoiser(noisy, timestep, text_embedding, latent_mask=latent_mask)
    target = noise if prediction_type == "epsilon" else latent
    diffusion = masked_latent_mean((output - target).square(), latent_mask, weights)
    return sum_of({"diffusion": diffusion} | router_term(denoiser))


def train(run: Run, max_minutes: float | None = None) -> Denoiser:
    """Run the stage (or what is left of it) in ``run.folder``."""
    recipe, stage = run.recipe, run.recipe.mld
    sampler = latent_source(run, stage, run.device)
    held_out = latent_source(run, stage, torch.device("cpu"), "val")
    torch.manual_seed(run.seed)
    denoiser = Denoiser(mld_config(recipe.model))
    weights = channel_weights(held_out.vae, recipe.channel_power)

    def draw(generator: torch.Generator, step: int) -> Batch:
        batch = sampler.draw(generator, step, recipe.text_dropout)
        shape = sampler.shape_of(batch)
        timestep = torch.randint(0, scheduler.NUM_TRAIN_TIMESTEPS, shape[:1], generator=generator)
        return batch | {"timestep": timestep, "noise": torch.randn(shape, generator=generator)}

    def loss(module: Denoiser, part: Batch, latents: LatentSource = sampler) -> dict[str, Tensor]:
        batch = latents.encode(part)
        kind, counted = recipe.model.prediction_type, None if weights is None else weights.to(batch.latent)
        return mld_loss(
            module, batch.latent, batch.text, part["timestep"], part["noise"], batch.latent_mask, kind, counted
        )

    def validate(module: Denoiser) -> dict[str, float]:
        figures = {}
        for number, time in enumerate(VALIDATION_TIMES):
            generator = step_generator(VALIDATION_SEED, number)
            batch = held_out.draw(generator, number, 0.0)
            shape = held_out.shape_of(batch)
            batch |= {"noise": torch.randn(shape, generator=generator), "timestep": torch.full(shape[:1], time)}
            figures[f"val_t{time}"] = float(loss(module, batch, held_out)["diffusion"])
        return figures

    task = Task(
        "mld", stage, denoiser, draw, loss, validate, tuple(f"val_t{time}" for time in VALIDATION_TIMES),
        lambda batch: sampler.token_counts(batch, "diffusion"), has_unused=recipe.model.moe,
    )  # fmt: skip
    return run_task(task, run.folder, run.seed, max_minutes, recipe.mixed_precision, run.swanlab)


if __name__ == "__main__":
    command_line(train, "Stage 2: train the latent diffusion model")
