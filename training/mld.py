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
from .loop.loop import run_task, step_generator
from .loop.trainer import Task
from .runs.run import Run, command_line
from .stage_parts.latents import LatentSampler
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
) -> dict[str, Tensor]:
    """Mean squared error of the predicted noise (or, with 'sample', of the predicted clean latent); ``router`` where
    there are mixtures of experts.

    latent, noise (B, N, D); text_embedding (B, 1, W); timestep (B,) in 0..999; DDPM, arXiv 2006.11239; MLD, CVPR 2023.
    """
    noisy = scheduler.add_noise(latent, noise, timestep)
    output = denoiser(noisy, timestep, text_embedding, latent_mask=latent_mask)
    target = noise if prediction_type == "epsilon" else latent
    diffusion = masked_latent_mean((output - target).square(), latent_mask)
    return sum_of({"diffusion": diffusion} | router_term(denoiser))


def train(run: Run, max_minutes: float | None = None) -> Denoiser:
    """Run the stage (or what is left of it) in ``run.folder``."""
    recipe, stage = run.recipe, run.recipe.mld
    sampler = LatentSampler(run, stage, run.device)
    held_out = LatentSampler(run, stage, torch.device("cpu"), "val")
    torch.manual_seed(run.seed)
    denoiser = Denoiser(mld_config(recipe.model))

    def draw(generator: torch.Generator, step: int) -> Batch:
        batch = sampler.draw(generator, step, recipe.text_dropout)
        timestep = torch.randint(0, scheduler.NUM_TRAIN_TIMESTEPS, (len(batch["eps"]),), generator=generator)
        return batch | {"timestep": timestep, "noise": torch.randn(batch["eps"].shape, generator=generator)}

    def loss(module: Denoiser, part: Batch, latents: LatentSampler = sampler) -> dict[str, Tensor]:
        batch = latents.encode(part)
        kind = recipe.model.prediction_type
        return mld_loss(module, batch.latent, batch.text, part["timestep"], part["noise"], batch.latent_mask, kind)

    def validate(module: Denoiser) -> dict[str, float]:
        figures = {}
        for number, time in enumerate(VALIDATION_TIMES):
            generator = step_generator(1_000_003, number)
            batch = held_out.draw(generator, number, 0.0)
            batch |= {"noise": torch.randn(batch["eps"].shape, generator=generator)}
            batch |= {"timestep": torch.full((len(batch["eps"]),), time)}
            figures[f"val_t{time}"] = float(loss(module, batch, held_out)["diffusion"])
        return figures

    task = Task(
        "mld", stage, denoiser, draw, loss, validate, tuple(f"val_t{time}" for time in VALIDATION_TIMES),
        lambda batch: sampler.token_counts(batch, "diffusion"), has_unused=recipe.model.moe,
    )  # fmt: skip
    return run_task(task, run.folder, run.seed, max_minutes, recipe.mixed_precision, run.swanlab)


if __name__ == "__main__":
    command_line(train, "Stage 2: train the latent diffusion model")
