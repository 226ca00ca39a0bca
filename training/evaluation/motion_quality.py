# SPDX-License-Identifier: GPL-3.0-or-later
"""Held-out motions as a model reads them, motions that it makes, and what can be said of a motion by itself.

Shapes: B batch, T frames, J = 22 joints, F = 263 features, N tokens, D latent width, W text width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from blender_addon.shared.errors import BadCheckpoint
from engine.checkpoints.networks import Networks
from engine.models.config import ModelConfig
from engine.sampling import sample

from ..data.clips import Clip
from ..data.sampling import pad
from ..stage_parts.latents import latent_mask_of
from ..stage_parts.losses import joints_of
from .metric_table import MOTION, POSITIONS, MotionSet, Reconstructed, measured
from .metrics import Estimate, estimate, position_metrics


@dataclass(frozen=True, eq=False)
class Motions:
    """``features`` (B, T, F) normalised for the model and zero-padded, ``mask`` (B, T), ``joints`` (B, T, J, 3) metres;
    all on the model's device.
    """

    features: Tensor
    mask: Tensor
    joints: Tensor

    @property
    def lengths(self) -> list[int]:
        return self.mask.sum(1).tolist()

    def of(self, joints: Tensor) -> list[np.ndarray]:
        """``joints`` (B, T, J, 3) cut to the lengths."""
        return [motion[:length] for motion, length in zip(joints.cpu().numpy(), self.lengths, strict=True)]


def statistics_of(networks: Networks) -> tuple[Tensor, Tensor]:
    """Mean and deviation (F,) on the model's device. Raises BadCheckpoint when the model has none."""
    if networks.statistics is None:
        raise BadCheckpoint(
            f"The model '{networks.config.name}' comes without the statistics of its training data.",
            "Import published files with 'gaitway import-checkpoint', then evaluate the folder.",
        )
    device = next(networks.vae.parameters()).device
    statistics = networks.statistics
    return torch.from_numpy(statistics.feature_mean).to(device), torch.from_numpy(statistics.feature_std).to(device)


def motions_of(networks: Networks, clips: Sequence[Clip]) -> Motions:
    """The clips' first frames, as many as the model takes."""
    mean, std = statistics_of(networks)
    longest = networks.config.max_frames
    features, mask = pad([(torch.from_numpy(clip.features[:longest]).to(mean) - mean) / std for clip in clips])
    return Motions(features, mask.to(mean.device), joints_of(features, mean, std))


# Beside what is sampled, the two inputs that only some kinds of model have.
@torch.no_grad()
def sample_latent(
    networks: Networks,
    mask: Tensor,
    text: Tensor,
    steps: int | None,
    generator: torch.Generator,
    uncond: Tensor | None = None,
    control: Tensor | None = None,
) -> Tensor:
    """Latents (B, N, D) for text (B, W) and the frames of mask (B, T); ``uncond`` (1, W) is the empty text's embedding,
    which diffusion models need; ``control`` the trajectory encoder's output.
    """
    *_, latent = sample(
        networks,
        text.to(mask.device)[:, None],
        num_inference_steps=steps,
        control_embedding=control,
        num_tokens=networks.config.num_tokens(mask.shape[1]),
        latent_mask=latent_mask_of(networks.vae, mask),
        generator=generator,
        uncond_embedding=None if uncond is None else uncond.to(mask.device)[:, None],
    )
    return latent


def quality(motions: Sequence[np.ndarray], config: ModelConfig | None = None) -> dict[str, float]:
    """:data:`training.evaluation.metric_table.MOTION` of motions (T, J, 3); with ``config`` of a model with patches
    also of their seams.
    """
    seams = None
    if config is not None and config.token_layout == "patch":
        seams = [range(config.patch_size, len(m), config.patch_size) for m in motions]  # first frames of patches
    return measured(MOTION, MotionSet(motions, seams))


@torch.no_grad()
def reconstruction(
    networks: Networks, clips: Sequence[Clip], generator: torch.Generator | None = None
) -> dict[str, float]:
    """Whole clips through the autoencoder, from mu; with a ``generator`` from a sampled latent, as published.

    mpjpe (mm, pelvis-aligned and not), the features' error, path error (cm, on the ground), and :func:`quality`.
    """
    mean, std = statistics_of(networks)
    made, paths, sums = [], [], []
    for clip in clips:  # one by one: nothing may depend on the padding of others
        motion = motions_of(networks, [clip])
        mu, logvar = networks.vae.encode(motion.features, motion.mask)
        if generator is not None:
            noise = torch.randn(mu.shape, generator=generator).to(mu)
            mu = mu + (0.5 * logvar).exp() * noise
        decoded = networks.vae.decode(mu, motion.mask)
        joints, target = joints_of(decoded, mean, std).cpu().numpy(), motion.joints.cpu().numpy()
        made.append(joints[0])
        paths.append(float(np.linalg.norm((joints - target)[0, :, 0, [0, 2]], axis=0).mean()) * 100)
        features = decoded.cpu().numpy(), motion.features.cpu().numpy()
        sums.append((position_metrics(joints, target, *features, motion.lengths), joints.shape[1]))
    return measured(POSITIONS, Reconstructed(sums, paths)) | quality(made, networks.config)


def estimates(draws: Sequence[dict[str, float]]) -> dict[str, float]:
    """Each figure's mean over replications, and under ``<name>_ci`` half the width of its 95 % confidence interval."""
    made: dict[str, Estimate] = {key: estimate([draw[key] for draw in draws]) for key in draws[0]}
    return {key: e.mean for key, e in made.items()} | {f"{key}_ci": e.interval for key, e in made.items()}
