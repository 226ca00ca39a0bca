# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage 4: the motion ControlNet. ``python -m training.control --recipe small --data FOLDER --run FOLDER``.

The consistency model and the autoencoder are frozen; ControlNet and trajectory encoder learn to hit the hints,
supervised in the latent and, through the decoder, in joint space (MotionLCM, arXiv 2404.19759, section 3.3). Shapes: B
batch, T frames, J = 22 joints, F = 263 features, N tokens, D latent width, W text width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from blender_addon.shared import features as feature_set
from engine import scheduler
from engine.models.build import build_trajectory_encoder
from engine.models.controlnet import ControlNet
from engine.models.denoiser import Denoiser
from engine.networks import Networks, Statistics

from .control_masks import mixed_mask
from .evaluate import quick_control_figures
from .latents import LatentSampler
from .loop import load_exported, run_stage
from .losses import control_loss, joints_of, masked_latent_mean, motion_terms
from .run_folder import Run, command_line


@dataclass(frozen=True)
class ControlLossConfig:
    """``use_3d``: compare metres with the denormalised hint (V2, spatial), else normalised joints with the normalised
    hint (V1, temporal). ``motion_weights``: the small recipe's terms of :func:`training.losses.motion_terms`.
    """

    kind: str = "mask"
    function: str = "l1_smooth"
    use_3d: bool = True
    cond_ratio: float = 1.0
    rot_ratio: float = 0.0
    latent_weight: float = 1.0
    motion_weights: Mapping[str, float] = field(default_factory=dict)


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
) -> dict[str, Tensor]:
    """Terms ``diffusion``, ``control`` (and others that are switched on) and their sum ``loss``.

    latent, noise (B, N, D); features (B, T, F) normalised, mask (B, T); hint (B, T, J, 3) normalised with mask (B, T,
    J); text_embedding (B, 1, W); timestep (B,); w (B,) guidance weight, None for a diffusion model; mean, std (F,);
    spatial_mean, spatial_std (J, 3).
    """
    model = networks.config
    hint = hint * hint_mask[..., None]
    embedding = None if w is None else scheduler.guidance_embedding(w, model.guidance_width)
    noisy = scheduler.add_noise(latent, noise, timestep)
    control = networks.trajectory_encoder(hint, hint_mask)
    residuals = networks.controlnet(noisy, timestep, text_embedding, embedding, control, latent_mask)
    output = networks.denoiser(noisy, timestep, text_embedding, embedding, residuals, latent_mask)
    clean = scheduler.predict_clean(noisy, output, timestep, model.prediction_type)
    predicted, wanted = (clean, latent) if model.kind == "lcm" else (output, noise)
    terms = {"diffusion": config.latent_weight * masked_latent_mean((predicted - wanted).square(), latent_mask)}

    decoded = networks.vae.decode(clean / model.vae_scale_factor, mask)
    joints = joints_of(decoded, mean, std)
    points = hint_mask[..., None]
    if config.use_3d:
        asked, given = (hint * spatial_std + spatial_mean) * points, joints
    else:
        asked, given = hint, (joints - spatial_mean) / spatial_std
    terms["control"] = config.cond_ratio * control_loss(given, asked, points, config.kind, config.function)
    if config.rot_ratio:
        terms["rotation"] = config.rot_ratio * control_loss(
            decoded, features, mask[..., None], config.kind, config.function
        )
    if config.motion_weights:
        contacts = (decoded * std + mean)[..., feature_set.FOOT_CONTACTS]
        extra = motion_terms(joints, joints_of(features, mean, std), mask, contacts)
        terms |= {key: config.motion_weights[key] * extra[key] for key in config.motion_weights}
    return terms | {"loss": torch.stack(list(terms.values())).sum()}


class ControlParts(nn.Module):
    """What this stage trains, as one module."""

    def __init__(self, controlnet: nn.Module, trajectory_encoder: nn.Module) -> None:
        super().__init__()
        self.controlnet, self.trajectory_encoder = controlnet, trajectory_encoder


def hint_statistics(run: Run) -> tuple[Tensor, Tensor]:
    """Mean and deviation (J, 3) that hints are normalised with: published layouts use the data's, the patch layout
    metres.
    """
    joints = run.recipe.model.num_joints
    if run.recipe.model.token_layout == "patch":
        return torch.zeros(joints, 3), torch.ones(joints, 3)
    frames = torch.cat([torch.from_numpy(clip.joints) for clip in run.clips["train"]])
    return frames.mean(0), frames.std(0)


def assemble(run: Run, vae: nn.Module, denoiser: nn.Module, parts: nn.Module) -> Networks:
    """The networks of a run as the engine knows them."""
    mean, std = (value.numpy() for value in run.statistics)
    hint_mean, hint_std = (value.numpy() for value in hint_statistics(run))
    return Networks(
        run.recipe.model,
        vae,
        denoiser,
        parts.controlnet,
        parts.trajectory_encoder,
        Statistics(mean, std, hint_mean, hint_std),
    )


def train(run: Run, max_minutes: float | None = None) -> nn.Module:
    """Run the stage (or what is left of it) in ``run.folder``."""
    recipe, stage, model = run.recipe, run.recipe.control, run.recipe.model
    sampler = LatentSampler(run, stage)
    denoiser = load_exported(run.folder / "distill.pt", Denoiser(model)).requires_grad_(False)
    torch.manual_seed(run.seed)
    parts = ControlParts(ControlNet(model), build_trajectory_encoder(model))
    parts.controlnet.copy_denoiser(denoiser)
    mean, std = run.statistics
    hint_mean, hint_std = hint_statistics(run)
    low, high = recipe.guidance_range
    weights = dict(stage.weights)
    config = ControlLossConfig(
        recipe.control_loss_kind,
        recipe.control_loss_function,
        cond_ratio=weights.pop("control", 1.0),
        latent_weight=weights.pop("latent", 1.0),
        motion_weights=weights,
    )
    times = scheduler.NUM_TRAIN_TIMESTEPS // recipe.num_ddim_steps

    def step(module: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
        batch = sampler.draw(generator, recipe.text_dropout)
        size = len(batch.latent)
        joints = joints_of(batch.motion.features, mean, std)
        hint_mask = mixed_mask(batch.motion.mask, recipe.pelvis_share, generator)
        hint = (joints - hint_mean) / hint_std
        timestep = (torch.randint(0, recipe.num_ddim_steps, (size,), generator=generator) + 1) * times - 1
        noise = torch.randn(batch.latent.shape, generator=generator)
        w = low + (high - low) * torch.rand(size, generator=generator)
        networks = assemble(run, sampler.vae, denoiser, module)
        return control_step_loss(
            networks,
            batch.latent,
            batch.motion.features,
            batch.motion.mask,
            hint,
            hint_mask,
            batch.text,
            timestep,
            noise,
            w,
            mean,
            std,
            hint_mean,
            hint_std,
            config,
            batch.latent_mask,
        )

    def validate(module: nn.Module) -> dict[str, float]:
        networks = assemble(run, sampler.vae, denoiser, module)
        return quick_control_figures(networks, run.clips["val"], run.texts, sampler.embeddings)

    return run_stage("control", stage, parts, step, validate, run.folder, run.seed, max_minutes, recipe.mixed_precision)


if __name__ == "__main__":
    command_line(train, "Stage 4: train the motion ControlNet")
