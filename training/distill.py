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

from engine.models.denoiser import Denoiser
from engine.sampling import scheduler

from .loop.batch_split import Batch
from .loop.checkpoints import load_exported
from .loop.loop import VALIDATION_SEED, run_task, step_generator
from .loop.trainer import Task, on_cpu
from .runs.command_line import command_line
from .runs.run import Run
from .stage_parts.latent_cache import LatentSource, latent_source
from .stage_parts.latents import channel_weights
from .stage_parts.losses import elementwise_distance, masked_latent_mean, router_term, sum_of
from .stage_parts.modules import mld_config


def ddim_grid(num_ddim_steps: int) -> Tensor:
    """The DDIM times (i + 1) * 1000 / N - 1, ascending, and so the times a consistency model is distilled at."""
    stride = scheduler.NUM_TRAIN_TIMESTEPS // num_ddim_steps
    return torch.arange(1, num_ddim_steps + 1) * stride - 1


# A pure function of every random draw, each a tensor of its own: it is held against the published loss.
def distill_loss(
    student: Denoiser,
    teacher: Denoiser,
    ema_target: Denoiser,
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
    kind: str = "huber",
    weights: Tensor | None = None,
) -> dict[str, Tensor]:
    """Distance of the student's answer at t from the target network's at the teacher's previous DDIM time: pseudo-Huber
    with ``huber_c``, or with ``kind`` 'l2' the mean square; ``router`` where there are mixtures of experts.

    latent, noise (B, N, D); index (B,) in 0..num_ddim_steps-1; w (B,) guidance weight (scale - 1); uncond_embedding
    (1 or B, 1, W); ``weights`` (D,): see :func:`training.stage_parts.latents.channel_weights`. The previous
    sample and the target are float64, as in the published training.
    """
    grid = ddim_grid(num_ddim_steps)
    start = grid.to(index.device)[index]
    end = (start - scheduler.NUM_TRAIN_TIMESTEPS // num_ddim_steps).clamp(min=0)
    width = student.config.guidance_width
    assert width is not None  # a student is a consistency model
    embedding = scheduler.guidance_embedding(w, width)
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
    away = elementwise_distance(prediction.float() - target.float(), kind, huber_c)
    return sum_of({"consistency": masked_latent_mean(away, latent_mask, weights)} | router_term(student))


def follow(target: nn.Module, student: nn.Module, decay: float) -> None:
    """target <- decay target + (1 - decay) student."""
    with torch.no_grad():
        for average, value in zip(target.parameters(), student.parameters(), strict=True):
            average.lerp_(value.detach(), 1 - decay)


def train(run: Run, max_minutes: float | None = None) -> Denoiser:
    """Run the stage (or what is left of it) in ``run.folder``."""
    recipe, stage = run.recipe, run.recipe.distill
    sampler = latent_source(run, stage, run.device)
    held_out = latent_source(run, stage, torch.device("cpu"), "val")
    teacher = load_exported(run.folder / "mld.pt", Denoiser(mld_config(recipe.model)), recipe.mld.use)
    teacher.requires_grad_(False)
    student = Denoiser(recipe.model)
    student.load_state_dict(teacher.state_dict(), strict=False)  # all but cond_proj, which starts at zero
    target = copy.deepcopy(student).requires_grad_(False).eval()
    low, high = recipe.guidance_range
    weights = channel_weights(held_out.vae, recipe.channel_power)
    trained = teacher.to(run.device), target.to(run.device)

    def draw(generator: torch.Generator, step: int, latents: LatentSource = sampler) -> Batch:
        batch = latents.draw(generator, step, 0.0)
        shape = latents.shape_of(batch)
        size = shape[0]
        index = torch.randint(0, recipe.num_ddim_steps, (size,), generator=generator)
        noise = torch.randn(shape, generator=generator)
        w = low + (high - low) * torch.rand(size, generator=generator)
        return batch | {"index": index, "noise": noise, "w": w}

    def loss(module: Denoiser, part: Batch) -> dict[str, Tensor]:
        return terms(module, part, sampler, *trained)

    def terms(
        module: Denoiser, part: Batch, latents: LatentSource, guide: Denoiser, slow: Denoiser
    ) -> dict[str, Tensor]:
        batch = latents.encode(part)
        return distill_loss(
            module, guide, slow, batch.latent, batch.text, latents.uncond, part["index"], part["noise"], part["w"],
            recipe.num_ddim_steps, recipe.huber_c, batch.latent_mask, recipe.model.prediction_type, recipe.distance,
            None if weights is None else weights.to(batch.latent),
        )  # fmt: skip

    def validate(module: Denoiser) -> dict[str, float]:
        here = [on_cpu(network) for network in trained]
        draws = [draw(step_generator(VALIDATION_SEED, number), number, held_out) for number in range(4)]
        values = [float(terms(module, part, held_out, *here)["consistency"]) for part in draws]
        return {"val_consistency": sum(values) / len(values)}

    task = Task(
        "distill", stage, student, draw, loss, validate, ("val_consistency",),
        lambda batch: sampler.token_counts(batch, "consistency"), target,
        lambda module: follow(target, module, recipe.distill_ema),  # the weights that the last step left
        recipe.model.moe,
    )  # fmt: skip
    return run_task(task, run.folder, run.seed, max_minutes, recipe.mixed_precision, run.swanlab)


if __name__ == "__main__":
    command_line(train, "Stage 3: distil the diffusion model into a consistency model")
