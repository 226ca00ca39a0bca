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
from .loop.loop import VALIDATION_SEED, run_task, step_generator
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


@dataclass(frozen=True, eq=False)
class ControlBatch:
    """What a step of the ControlNet is computed from; all random draws are in it.

    latent, noise (B, N, D); features (B, T, F) normalised, mask (B, T); hint (B, T, J, 3) normalised with mask (B, T,
    J) or, coordinate by coordinate, (B, T, J, 3); text_embedding (B, 1, W); timestep (B,); w (B,) guidance weight, None
    for a diffusion model; latent_mask (B, N), None where all tokens are real. ``origin`` (B, N, D): the latent that
    noise is added to, where it is not the true one; ``target`` (B, T, J, 3): where the hinted joints are to come to in
    metres, where that is not the hint itself.
    """

    latent: Tensor
    features: Tensor
    mask: Tensor
    hint: Tensor
    hint_mask: Tensor
    text_embedding: Tensor
    timestep: Tensor
    noise: Tensor
    w: Tensor | None
    latent_mask: Tensor | None = None
    origin: Tensor | None = None
    target: Tensor | None = None


@dataclass(frozen=True, eq=False)
class ControlStatistics:
    """What features and hints are normalised with: mean, std (F,); hint_mean, hint_std (J, 3)."""

    mean: Tensor
    std: Tensor
    hint_mean: Tensor
    hint_std: Tensor


def control_step_loss(
    networks: Networks, batch: ControlBatch, statistics: ControlStatistics, config: ControlLossConfig
) -> dict[str, Tensor]:
    """Terms ``diffusion``, ``control`` (and others that are switched on) and their sum ``loss``.

    A consistency model is supervised in the clean latent, a diffusion model in the noise. MotionLCM, arXiv 2404.19759,
    section 3.3. Entries ``count/...`` are no terms (see :mod:`training.loop.batch_split`).
    """
    clean, difference = _controlled(networks, batch)
    terms = {"diffusion": config.latent_weight * masked_latent_mean(difference.square(), batch.latent_mask)}
    terms |= router_term(networks.controlnet)
    decoded = networks.vae.decode(clean / networks.config.vae_scale_factor, batch.mask)
    joints = joints_of(decoded, statistics.mean, statistics.std)
    terms["control"] = config.cond_ratio * _hint_error(joints, batch, statistics, config)
    if config.rot_ratio:
        terms["rotation"] = config.rot_ratio * control_loss(
            decoded, batch.features, batch.mask[..., None], config.kind, config.function
        )
    if not config.motion_weights:
        return sum_of(terms)
    contacts = (decoded * statistics.std + statistics.mean)[..., feature_set.FOOT_CONTACTS]
    captured = joints_of(batch.features, statistics.mean, statistics.std)
    motion = motion_terms(joints, captured, batch.mask, contacts)
    terms |= {key: config.motion_weights[key] * motion[key] for key in config.motion_weights}
    counts = [f"{COUNT}{key}" for key in config.motion_weights]
    return sum_of(terms) | {key: motion[key] for key in counts if key in motion}


def _points(hint_mask: Tensor) -> Tensor:
    """(B, T, J) bool: the joints and frames of which any coordinate is hinted."""
    return (hint_mask.any(-1) if hint_mask.dim() == 4 else hint_mask).bool()


def _controlled(networks: Networks, batch: ControlBatch) -> tuple[Tensor, Tensor]:
    """The clean latent (B, N, D) that the controlled model predicts, and its difference from what it is to predict."""
    model = networks.config
    assert networks.denoiser and networks.controlnet and networks.trajectory_encoder
    hint_mask = _points(batch.hint_mask)
    width, timestep, text, mask = model.guidance_width, batch.timestep, batch.text_embedding, batch.latent_mask
    embedding = None if batch.w is None or width is None else scheduler.guidance_embedding(batch.w, width)
    noisy = scheduler.add_noise(batch.latent if batch.origin is None else batch.origin, batch.noise, timestep)
    control = networks.trajectory_encoder(batch.hint * hint_mask[..., None], hint_mask)
    residuals = networks.controlnet(noisy, timestep, text, embedding, control, mask)
    output = networks.denoiser(noisy, timestep, text, embedding, residuals, mask)
    clean = scheduler.predict_clean(noisy, output, timestep, model.prediction_type)
    in_noise = model.kind == "mld" and model.prediction_type == "epsilon"
    return clean, output - batch.noise if in_noise else clean - batch.latent


def _hint_error(
    joints: Tensor, batch: ControlBatch, statistics: ControlStatistics, config: ControlLossConfig
) -> Tensor:
    """The loss of joints (B, T, J, 3) in metres at the hinted points."""
    points = _points(batch.hint_mask)[..., None]
    mean, std, hint = statistics.hint_mean, statistics.hint_std, batch.hint * points
    if batch.target is not None:
        given, target = joints, batch.target * points
    elif config.use_3d:
        given, target = joints, (hint * std + mean) * points
    else:
        given, target = (joints - mean) / std, hint
    return control_loss(given, target, points, config.kind, config.function)


def load_base(run: Run) -> Denoiser:
    """The denoiser that the ControlNet is trained on. Raises BadCheckpoint when its stage has not been run."""
    name = "mld" if base_config(run.recipe).kind == "mld" else "distill"
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
    run: Run, vae: MldVae | PatchVae, denoiser: Denoiser, parts: ControlParts | None, hints: tuple[Tensor, Tensor],
    corrector: Corrector | None = None,
) -> Networks:  # fmt: skip
    """The networks of a run as the engine knows them; without ``parts`` those of a model that has no ControlNet."""
    mean, std = (value.numpy() for value in run.statistics)
    return Networks(
        base_config(run.recipe),
        vae,
        denoiser,
        None if parts is None else parts.controlnet,
        None if parts is None else parts.trajectory_encoder,
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
            batch["target"] = joints
        return batch | self.rolled(batch, generator) if recipe.rolled_share else batch

    def rolled(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Which samples (B,) are taken from the model's own first prediction, the noise it starts from, their times."""
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


class ControlLoss:
    """The stage's loss of a part of a batch, on the device of the part."""

    def __init__(self, run: Run, sampler: LatentSampler, denoiser: Denoiser, hints: tuple[Tensor, Tensor]) -> None:
        self.run, self.sampler, self.denoiser, self.hints = run, sampler, denoiser, hints
        self.config, self.kind = loss_config(run.recipe), base_config(run.recipe).kind

    def __call__(self, module: ControlParts, part: Batch) -> dict[str, Tensor]:
        """Terms of the whole part: of samples that start from the true latent, and of those that are rolled out."""
        networks = assemble(self.run, self.sampler.vae, self.denoiser, module, self.hints)
        if "rolled" not in part or not part["rolled"].any():
            return self.terms(networks, part)
        given, rolled = (
            {key: value[rows] for key, value in part.items()} for rows in (~part["rolled"], part["rolled"])
        )
        latents = self.sampler.encode(rolled)
        origin = first_prediction(
            networks, rolled["start"], rolled["hint"], rolled["hint_mask"], latents.text, rolled["w"],
            latents.latent_mask,
        )  # fmt: skip
        answers = [self.terms(networks, rolled, rolled_config(self.config), latents, origin)]
        weights = [float(part["rolled"].float().mean())]
        if len(given["w"]):
            answers.append(self.terms(networks, given))
            weights.append(1 - weights[0])
        names = [key for key in answers[-1] if not key.startswith(COUNT)]
        pairs = list(zip(weights, answers, strict=True))
        return {key: torch.stack([weight * a[key] for weight, a in pairs if key in a]).sum() for key in names}

    def terms(
        self, networks: Networks, part: Batch, config: ControlLossConfig | None = None,
        latents: LatentBatch | None = None, origin: Tensor | None = None,
    ) -> dict[str, Tensor]:  # fmt: skip
        """:func:`control_step_loss` of a part whose samples all start alike."""
        latents = latents or self.sampler.encode(part)
        batch = ControlBatch(
            latents.latent, part["features"], part["mask"], part["hint"], part["hint_mask"], latents.text,
            part["timestep"], part["noise"], part["w"] if self.kind == "lcm" else None, latents.latent_mask,
            origin, part.get("target"),
        )  # fmt: skip
        device = part["mask"].device
        statistics = ControlStatistics(*(value.to(device) for value in (*self.run.statistics, *self.hints)))
        return control_step_loss(networks, batch, statistics, config or self.config)


def validation_figures(
    run: Run, held_out: LatentSampler, denoiser: Denoiser, hints: tuple[Tensor, Tensor], module: ControlParts
) -> dict[str, float]:
    """How near a consistency model's joints come to their hints; of a diffusion model the loss's terms."""
    denoiser = on_cpu(denoiser)
    networks = assemble(run, held_out.vae, denoiser, module, hints)
    if base_config(run.recipe).kind == "lcm":
        return quick_control_figures(networks, run.validation, run.texts, held_out.embeddings)
    draws, loss = ControlDraws(run, held_out, hints), ControlLoss(run, held_out, denoiser, hints)
    parts = [draws(step_generator(VALIDATION_SEED, number), number) for number in range(4)]
    values = [loss.terms(networks, part) for part in parts]
    return {f"val_{name}": sum(float(value[name]) for value in values) / len(values) for name in values[0]}


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
    hints = hint_statistics(run)
    loss = ControlLoss(run, sampler, denoiser, hints)

    def validate(module: ControlParts) -> dict[str, float]:
        return validation_figures(run, held_out, denoiser, hints, module)

    task = Task(
        "control", stage, parts, ControlDraws(run, sampler, hints), loss, validate,
        ("pelvis_cm",) if model.kind == "lcm" else ("val_control",),
        lambda batch: counts_of(batch, sampler, loss.config, run), has_unused=True,  # latent_post
    )  # fmt: skip
    return run_task(task, run.folder, run.seed, max_minutes, recipe.mixed_precision, run.swanlab)


if __name__ == "__main__":
    command_line(train, "Stage 4: train the motion ControlNet")
