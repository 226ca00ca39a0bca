# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage 2: latent diffusion conditioned on text. ``python -m training.mld --recipe small --data FOLDER --run FOLDER``.

Shapes: B batch, N tokens, D latent width, W text width.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from engine import scheduler
from engine.models.config import ModelConfig, as_mld
from engine.models.denoiser import Denoiser

from .latents import LatentSampler
from .loop import run_stage, step_generator
from .losses import masked_latent_mean
from .run_folder import Run, command_line


def mld_config(model: ModelConfig) -> ModelConfig:
    """The diffusion model that is distilled into ``model`` later: no guidance embedding yet."""
    return dataclasses.replace(as_mld(model), name=model.name)


def mld_loss(
    denoiser: nn.Module,
    latent: Tensor,
    text_embedding: Tensor,
    timestep: Tensor,
    noise: Tensor,
    latent_mask: Tensor | None = None,
    prediction_type: str = "epsilon",
) -> dict[str, Tensor]:
    """Mean squared error of the predicted noise (or, with 'sample', of the predicted clean latent).

    latent, noise (B, N, D); text_embedding (B, 1, W); timestep (B,) in 0..999; DDPM, arXiv 2006.11239; MLD, CVPR 2023.
    """
    noisy = scheduler.add_noise(latent, noise, timestep)
    output = denoiser(noisy, timestep, text_embedding, latent_mask=latent_mask)
    target = noise if prediction_type == "epsilon" else latent
    diffusion = masked_latent_mean((output - target).square(), latent_mask)
    return {"diffusion": diffusion, "loss": diffusion}


def train(run: Run, max_minutes: float | None = None) -> nn.Module:
    """Run the stage (or what is left of it) in ``run.folder``."""
    recipe, stage = run.recipe, run.recipe.mld
    sampler = LatentSampler(run, stage)
    torch.manual_seed(run.seed)
    denoiser = Denoiser(mld_config(recipe.model))

    def loss(module: nn.Module, generator: torch.Generator, text_dropout: float) -> dict[str, Tensor]:
        batch = sampler.draw(generator, text_dropout)
        timestep = torch.randint(0, scheduler.NUM_TRAIN_TIMESTEPS, (len(batch.latent),), generator=generator)
        noise = torch.randn(batch.latent.shape, generator=generator)
        kind = recipe.model.prediction_type
        return mld_loss(module, batch.latent, batch.text, timestep, noise, batch.latent_mask, kind)

    held_out = LatentSampler(run, stage)
    held_out.crops = sampler.crops.on_clips(run.clips["val"], run.texts)

    def validate(module: nn.Module) -> dict[str, float]:
        draws = []
        for number in range(4):
            generator = step_generator(1_000_003, number)
            batch = held_out.draw(generator, 0.0)
            timestep = torch.full((len(batch.latent),), (199, 499, 699, 799)[number])
            noise = torch.randn(batch.latent.shape, generator=generator)
            kind = recipe.model.prediction_type
            draws.append(
                float(mld_loss(module, batch.latent, batch.text, timestep, noise, batch.latent_mask, kind)["loss"])
            )
        return {f"val_t{time}": value for time, value in zip((199, 499, 699, 799), draws, strict=True)}

    return run_stage(
        "mld", stage, denoiser, lambda module, generator: loss(module, generator, recipe.text_dropout), validate,
        run.folder, run.seed, max_minutes, recipe.mixed_precision,
    )  # fmt: skip


if __name__ == "__main__":
    command_line(train, "Stage 2: train the latent diffusion model")
