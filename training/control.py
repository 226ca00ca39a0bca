# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage 4: the motion ControlNet. ``python -m training.control --recipe small --data FOLDER --run FOLDER``.

The consistency model and the autoencoder are frozen; ControlNet and trajectory encoder learn to hit the hints,
supervised in the latent and, through the decoder, in joint space (MotionLCM, arXiv 2404.19759, section 3.3). Shapes: B
batch, T frames, J = 22 joints, F = 263 features, N tokens, D latent width, W text width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from blender_addon.shared import features as feature_set
from engine.checkpoints.networks import Networks, Statistics
from engine.models.corrector import Corrector
from engine.models.denoiser import Denoiser
from engine.models.patch_vae import PatchVae
from engine.models.vae import MldVae
from engine.sampling import scheduler

from .data.drawn_hints import drawn_hints
from .evaluation.control_accuracy import quick_control_figures
from .loop.batch_split import Batch
from .loop.checkpoints import load_exported
from .loop.loop import run_task, step_generator
from .loop.trainer import Task, on_cpu
from .recipes import Recipe
from .runs.command_line import command_line
from .runs.run import Run
from .stage_parts.latents import LatentBatch, LatentSampler
from .stage_parts.losses import (
    COUNT,
    ControlLossConfig,
    control_loss,
    joints_of,
    masked_latent_mean,
    motion_terms,
    planted_feet,
    router_term,
    sum_of,
)
from .stage_parts.modules import ControlParts, base_config, build_parts
from .stage_parts.rollout import LATER_STEPS, first_prediction, rolled_config

CPU = torch.device("cpu")


def control_step_loss(
    networks: Networks,
    latent: Tensor,
    features: Tensor,
    mask: Tensor,
    hint: Tensor,
    hint_mask: Tensor,
    text_embedding: Tensor,
    timestep: Tensor,
    noise: Tensor,
    w: Tensor | None,
    mean: Tensor,
    std: Tensor,
    spatial_mean: Tensor,
    spatial_std: Tensor,
    config: ControlLossConfig,
    latent_mask: Tensor | None = None,
    origin: Tensor | None = None,
    wanted: Tensor | None = None,
) -> dict[str, Tensor]:
    """Terms ``diffusion``, ``control`` (and others that are switched on) and their sum ``loss``.

    latent, noise (B, N, D); features (B, T, F) normalised, mask (B, T); hint (B, T, J, 3) normalised with mask (B, T,
    J) or, coordinate by coordinate, (B, T, J, 3); text_embedding (B, 1, W); timestep (B,); w (B,) guidance weight, None
    for a diffusion model; mean, std (F,); spatial_mean, spatial_std (J, 3). A consistency model is supervised in the
    clean latent, a diffusion model in the noise. MotionLCM, arXiv 2404.19759, section 3.3.
    ``origin`` (B, N, D): the latent that noise is added to, where it is not the true one; ``wanted`` (B, T, J, 3):
    where the hinted joints shall come to in metres, where that is not the hint itself. Entries
    ``count/...`` are no terms (see :mod:`training.loop.batch_split`).
    """
    model = networks.config
    assert networks.denoiser and networks.controlnet and networks.trajectory_encoder
    hint_mask = (hint_mask.any(-1) if hint_mask.dim() == 4 else hint_mask).bool()
    points = hint_mask[..., None]
    hint = hint * points
    width = model.guidance_width
    embedding = None if w is None or width is None else scheduler.guidance_embedding(w, width)
    noisy = scheduler.add_noise(latent if origin is None else origin, noise, timestep)
    control = networks.trajectory_encoder(hint, hint_mask)
    residuals = networks.controlnet(noisy, timestep, text_embedding, embedding, control, latent_mask)
    output = networks.denoiser(noisy, timestep, text_embedding, embedding, residuals, latent_mask)
    clean = scheduler.predict_clean(noisy, output, timestep, model.prediction_type)
    in_noise = model.kind == "mld" and model.prediction_type == "epsilon"
    difference = output - noise if in_noise else clean - latent
    terms = {"diffusion": config.latent_weight * masked_latent_mean(difference.square(), latent_mask)}
    terms |= router_term(networks.controlnet)

    decoded = networks.vae.decode(clean / model.vae_scale_factor, mask)
    joints = joints_of(decoded, mean, std)
    asked = (hint * spatial_std + spatial_mean) * points if config.use_3d else hint
    given = joints if config.use_3d else (joints - spatial_mean) / spatial_std
    if wanted is not None:
        asked, given = wanted * points, joints
    terms["control"] = config.cond_ratio * control_loss(given, asked, points, config.kind, config.function)
    if config.rot_ratio:
        terms["rotation"] = config.rot_ratio * control_loss(
            decoded, features, mask[..., None], config.kind, config.function
        )
    if config.motion_weights:
        contacts = (decoded * std + mean)[..., feature_set.FOOT_CONTACTS]
        extra = motion_terms(joints, joints_of(features, mean, std), mask, contacts)
        terms |= {key: config.motion_weights[key] * extra[key] for key in config.motion_weights}
        named = [f"{COUNT}{key}" for key in config.motion_weights]
        return sum_of(terms) | {key: extra[key] for key in named if key in extra}
    return sum_of(terms)


def load_base(run: Run) -> Denoiser:
    """The denoiser that the ControlNet is trained on. Raises BadCheckpoint when its stage has not been run."""
    name = "mld" if run.recipe.control_base == "mld" else "distill"
    use = getattr(run.recipe, name).use
    return load_exported(run.folder / f"{name}.pt", Denoiser(base_config(run.recipe)), use)


def hint_statistics(run: Run) -> tuple[Tensor, Tensor]:
    """Mean and deviation (J, 3) that hints are normalised with: published layouts use the data's (or the checkpoint's
    that a run was initialised from), the patch layout metres.
    """
    joints = run.recipe.model.num_joints
    if run.hint_statistics is not None:
        return run.hint_statistics
    if run.recipe.model.token_layout == "patch":
        return torch.zeros(joints, 3), torch.ones(joints, 3)
    frames = torch.cat([torch.from_numpy(clip.joints) for clip in run.clips["train"]])
    return frames.mean(0), frames.std(0)


def assemble(
    run: Run, vae: MldVae | PatchVae, denoiser: Denoiser, parts: ControlParts, hints: tuple[Tensor, Tensor],
    corrector: Corrector | None = None,
) -> Networks:  # fmt: skip
    """The networks of a run as the engine knows them."""
    mean, std = (value.numpy() for value in run.statistics)
    return Networks(
        base_config(run.recipe),
        vae,
        denoiser,
        parts.controlnet,
        parts.trajectory_encoder,
        corrector,
        Statistics(mean, std, *(value.numpy() for value in hints)),
    )


def loss_config(recipe: Recipe) -> ControlLossConfig:
    """What the recipe says about the loss; the stage's weights that are not named here are motion terms."""
    weights = dict(recipe.control.weights)
    return ControlLossConfig(
        recipe.control_loss_kind,
        recipe.control_loss_function,
        recipe.control_use_3d,
        cond_ratio=weights.pop("control", 1.0),
        rot_ratio=weights.pop("rotation", 0.0),
        latent_weight=weights.pop("latent", 1.0),
        motion_weights=weights,
    )


@dataclass(frozen=True, eq=False)
class ControlDraws:
    """Random draws of the stage: motions, hints, times, noise, guidance."""

    run: Run
    sampler: LatentSampler
    hints: tuple[Tensor, Tensor]

    def __call__(self, generator: torch.Generator, step: int) -> Batch:
        recipe = self.run.recipe
        batch = self.sampler.draw(generator, step, recipe.control_text_dropout)
        size = len(batch["eps"])
        joints = joints_of(batch["features"], *self.run.statistics)
        points = drawn_hints(joints, batch["mask"], recipe.drawn_share, generator)
        hint = (points - self.hints[0]) / self.hints[1]
        hint_mask = recipe.control_task.draw(batch["mask"], generator)
        if recipe.control_times == "uniform" or recipe.control_base == "mld":
            timestep = torch.randint(0, scheduler.NUM_TRAIN_TIMESTEPS, (size,), generator=generator)
        else:
            stride = scheduler.NUM_TRAIN_TIMESTEPS // recipe.num_ddim_steps
            timestep = (torch.randint(0, recipe.num_ddim_steps, (size,), generator=generator) + 1) * stride - 1
        noise = torch.randn(batch["eps"].shape, generator=generator)
        low, high = recipe.guidance_range
        if recipe.control_guidance is not None:
            low = high = recipe.control_guidance
        w = low + (high - low) * torch.rand(size, generator=generator)
        batch |= {"hint": hint, "hint_mask": hint_mask, "timestep": timestep, "noise": noise, "w": w}
        if recipe.drawn_share:
            batch["wanted"] = joints
        return batch | self.rolled(batch, generator) if recipe.rolled_share else batch

    def rolled(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Which samples (B,) are taken from the model's own first answer, the noise it starts from, their times."""
        recipe, size = self.run.recipe, len(batch["eps"])
        rolled = torch.arange(size) >= int(size * (1 - recipe.rolled_share))
        later = torch.randint(*LATER_STEPS, (size,), generator=generator) + 1
        later = later * (scheduler.NUM_TRAIN_TIMESTEPS // recipe.num_ddim_steps) - 1
        start = torch.randn(batch["eps"].shape, generator=generator)
        return {"rolled": rolled, "start": start, "timestep": torch.where(rolled, later, batch["timestep"])}


def counts_of(batch: Batch, sampler: LatentSampler, config: ControlLossConfig, run: Run) -> dict[str, Tensor]:
    """The denominators of the terms that are no means over samples (see :mod:`training.loop.batch_split`)."""
    counts = sampler.token_counts(batch, "diffusion")
    if config.kind == "sum":
        counts |= {"control": batch["hint_mask"].sum(), "rotation": batch["mask"].sum()}
    if "planted" in config.motion_weights:
        counts["planted"] = planted_feet(joints_of(batch["features"], *run.statistics), batch["mask"]).sum()
    return counts


def train(run: Run, max_minutes: float | None = None) -> ControlParts:
    """Run the stage (or what is left of it) in ``run.folder``."""
    recipe, stage = run.recipe, run.recipe.control
    sampler, held_out = (
        LatentSampler(run, stage, device, split) for device, split in ((run.device, "train"), (CPU, "val"))
    )
    denoiser = load_base(run).requires_grad_(False).to(run.device)
    torch.manual_seed(run.seed)
    model = base_config(recipe)
    parts = build_parts(model)
    parts.controlnet.copy_denoiser(denoiser)
    hints, config = hint_statistics(run), loss_config(recipe)

    def terms(
        networks: Networks, batch: LatentBatch, part: Batch, config: ControlLossConfig = config,
        origin: Tensor | None = None,
    ) -> dict[str, Tensor]:  # fmt: skip
        w = part["w"] if model.kind == "lcm" else None
        mean, std, hint_mean, hint_std = (value.to(part["mask"].device) for value in (*run.statistics, *hints))
        return control_step_loss(
            networks, batch.latent, part["features"], part["mask"], part["hint"], part["hint_mask"], batch.text,
            part["timestep"], part["noise"], w, mean, std, hint_mean, hint_std, config, batch.latent_mask,
            origin, part.get("wanted"),
        )  # fmt: skip

    def loss(module: ControlParts, part: Batch) -> dict[str, Tensor]:
        networks = assemble(run, sampler.vae, denoiser, module, hints)
        if "rolled" not in part or not part["rolled"].any():
            return terms(networks, sampler.encode(part), part)
        given, rolled = (
            {key: value[rows] for key, value in part.items()} for rows in (~part["rolled"], part["rolled"])
        )
        batch = sampler.encode(rolled)
        origin = first_prediction(
            networks, rolled["start"], rolled["hint"], rolled["hint_mask"], batch.text, rolled["w"], batch.latent_mask
        )
        answers = [terms(networks, batch, rolled, rolled_config(config), origin)]
        shares = [float(part["rolled"].float().mean())]
        if len(given["w"]):
            answers.append(terms(networks, sampler.encode(given), given))
            shares.append(1 - shares[0])
        names = [key for key in answers[-1] if not key.startswith(COUNT)]
        pairs = list(zip(shares, answers, strict=True))
        return {key: torch.stack([share * a[key] for share, a in pairs if key in a]).sum() for key in names}

    def validate(module: ControlParts) -> dict[str, float]:
        networks = assemble(run, held_out.vae, on_cpu(denoiser), module, hints)
        if model.kind == "lcm":
            return quick_control_figures(networks, run.validation, run.texts, sampler.embeddings)
        draws = ControlDraws(run, held_out, hints)
        parts = [draws(step_generator(1_000_003, number), number) for number in range(4)]
        values = [terms(networks, held_out.encode(part), part) for part in parts]
        return {f"val_{name}": sum(float(value[name]) for value in values) / len(values) for name in values[0]}

    task = Task(
        "control", stage, parts, ControlDraws(run, sampler, hints), loss, validate,
        ("pelvis_cm",) if model.kind == "lcm" else ("val_control",),
        lambda batch: counts_of(batch, sampler, config, run), has_unused=True,  # latent_post
    )  # fmt: skip
    return run_task(task, run.folder, run.seed, max_minutes, recipe.mixed_precision, run.swanlab)


if __name__ == "__main__":
    command_line(train, "Stage 4: train the motion ControlNet")
