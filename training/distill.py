# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage 3: consistency distillation with guidance. ``python -m training.distill --recipe small --data FOLDER --run
FOLDER``.

Latent consistency models, arXiv 2310.04378 (algorithm 1, skipping steps of DDIM); MotionLCM, arXiv 2404.19759.
Shapes: B batch, N tokens, D latent width, W text width.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from engine import scheduler
from engine.models.denoiser import Denoiser

from .latents import LatentSampler
from .loop import load_exported, run_stage, step_generator
from .losses import huber, masked_latent_mean
from .mld import mld_config
from .run_folder import Run, command_line


def ddim_grid(num_ddim_steps: int) -> Tensor:
    """The DDIM times (i + 1) * 1000 / N - 1, ascending, and so the times a consistency model is distilled at."""
    stride = scheduler.NUM_TRAIN_TIMESTEPS // num_ddim_steps
    return torch.arange(1, num_ddim_steps + 1) * stride - 1


def distill_loss(
    student: nn.Module,
    teacher: nn.Module,
    ema_target: nn.Module,
    latent: Tensor,
    text_embedding: Tensor,
    uncond_embedding: Tensor,
    index: Tensor,
    noise: Tensor,
    w: Tensor,
    num_ddim_steps: int,
    huber_c: float,
    latent_mask: Tensor | None = None,
    prediction_type: str = "epsilon",
) -> dict[str, Tensor]:
    """Pseudo-Huber distance of the student's answer at t from the target network's at the teacher's previous DDIM time.

    latent, noise (B, N, D); index (B,) in 0..num_ddim_steps-1; w (B,) guidance weight (scale - 1); uncond_embedding
    (1 or B, 1, W). The previous sample and the target are float64, as in the published training.
    """
    grid = ddim_grid(num_ddim_steps)
    start = grid.to(index.device)[index]
    end = (start - scheduler.NUM_TRAIN_TIMESTEPS // num_ddim_steps).clamp(min=0)
    embedding = scheduler.guidance_embedding(w, student.config.guidance_width)
    noisy = scheduler.add_noise(latent, noise, start)
    output = student(noisy, start, text_embedding, embedding, latent_mask=latent_mask)
    prediction = scheduler.lcm_denoise(noisy, output, start, prediction_type)
    with torch.no_grad():
        halves = [
            teacher(noisy, start, text, latent_mask=latent_mask)
            for text in (text_embedding, uncond_embedding.expand_as(text_embedding))
        ]
        cleans = [scheduler.predict_clean(noisy, half, start, prediction_type) for half in halves]
        noises = [scheduler.predict_noise(noisy, half, start, prediction_type) for half in halves]
        weight = w[:, None, None]
        clean = cleans[0] + weight * (cleans[0] - cleans[1])
        direction = noises[0] + weight * (noises[0] - noises[1])
        table = scheduler.alphas_cumprod().double().to(index.device)
        before = torch.cat([table[:1], table[grid[:-1]]])[index][:, None, None]
        previous = before.sqrt() * clean + (1 - before).sqrt() * direction
        answer = ema_target(previous.float(), end, text_embedding, embedding, latent_mask=latent_mask)
        target = scheduler.lcm_denoise(previous, answer, end, prediction_type)
    distance = masked_latent_mean(huber(prediction.float() - target.float(), huber_c), latent_mask)
    return {"consistency": distance, "loss": distance}


def train(run: Run, max_minutes: float | None = None) -> nn.Module:
    """Run the stage (or what is left of it) in ``run.folder``."""
    recipe, stage = run.recipe, run.recipe.distill
    sampler = LatentSampler(run, stage)
    teacher = load_exported(run.folder / "mld.pt", Denoiser(mld_config(recipe.model))).requires_grad_(False)
    student = Denoiser(recipe.model)
    student.load_state_dict(teacher.state_dict(), strict=False)  # all but cond_proj, which starts at zero
    target = copy.deepcopy(student).requires_grad_(False).eval()
    low, high = recipe.guidance_range

    def loss(module: nn.Module, generator: torch.Generator, clips: LatentSampler) -> dict[str, Tensor]:
        batch = clips.draw(generator, 0.0)
        size = len(batch.latent)
        index = torch.randint(0, recipe.num_ddim_steps, (size,), generator=generator)
        noise = torch.randn(batch.latent.shape, generator=generator)
        w = low + (high - low) * torch.rand(size, generator=generator)
        return distill_loss(
            module, teacher, target, batch.latent, batch.text, clips.uncond, index, noise, w, recipe.num_ddim_steps,
            recipe.huber_c, batch.latent_mask, recipe.model.prediction_type,
        )  # fmt: skip

    def step(module: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
        # The target follows the student: the average of the weights that the last step left.
        with torch.no_grad():
            for average, value in zip(target.parameters(), module.parameters(), strict=True):
                average.lerp_(value.detach(), 1 - recipe.distill_ema)
        return loss(module, generator, sampler)

    held_out = LatentSampler(run, stage)
    held_out.crops = sampler.crops.on_clips(run.clips["val"], run.texts)

    def validate(module: nn.Module) -> dict[str, float]:
        values = [float(loss(module, step_generator(1_000_003, number), held_out)["loss"]) for number in range(4)]
        return {"val_consistency": sum(values) / len(values)}

    return run_stage(
        "distill", stage, student, step, validate, run.folder, run.seed, max_minutes, recipe.mixed_precision, target
    )


if __name__ == "__main__":
    command_line(train, "Stage 3: distil the diffusion model into a consistency model")
