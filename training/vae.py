# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage 1: the motion autoencoder. ``python -m training.vae --recipe small --data FOLDER --run FOLDER``.

Shapes: B batch, T frames, F = 263 features, N tokens, D latent width, P frames a patch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from blender_addon.shared import features as feature_set
from engine.metrics import foot_skating_ratio, mpjpe
from engine.models.build import build_vae
from engine.models.patch_vae import PatchVae

from .data import Clip, CropSampler, pad
from .loop import run_stage
from .losses import MOTION_TERMS, joints_of, kl_to_standard_normal, masked_mean, motion_terms
from .run_folder import Run, command_line

PAPER_WEIGHTS = {"features": 1.0, "joints": 1.0, "velocity": 0.0, "kl": 1e-4}

# How much a group of normalised features counts in the principal components, and in the patch layout's feature loss.
CODE_WEIGHTS = (
    (feature_set.YAW_VELOCITY, 3.0),
    (feature_set.GROUND_VELOCITY, 3.0),
    (feature_set.ROOT_HEIGHT, 1.0),
    (feature_set.JOINT_POSITIONS, 1.0),
    (feature_set.JOINT_ROTATIONS, 0.0),
    (feature_set.JOINT_VELOCITIES, 0.3),
    (feature_set.FOOT_CONTACTS, 0.3),
)
LOSS_WEIGHTS = (*CODE_WEIGHTS[:4], (feature_set.JOINT_ROTATIONS, 0.1), *CODE_WEIGHTS[5:])


def vae_loss(
    vae: nn.Module, features: Tensor, mask: Tensor, eps: Tensor, mean: Tensor, std: Tensor,
    weights: Mapping[str, float] = PAPER_WEIGHTS, feature_weights: Tensor | None = None,
) -> dict[str, Tensor]:  # fmt: skip
    """Weighted terms and their sum ``loss`` for normalised features (B, T, F), mask (B, T), eps (B, N, D) ~ N(0, 1).

    The published terms (MLD, Chen et al., CVPR 2023; MotionLCM-V2): ``features`` and ``joints`` smooth-L1, ``velocity``
    (the joint positions' features again), ``kl``. The small recipe weights the features (F,) and adds ``pose``,
    ``path``,
    ``speed`` and ``planted`` (see :func:`training.losses.motion_terms`).
    """
    mu, logvar = vae.encode(features, mask)
    decoded = vae.decode(mu + (0.5 * logvar).exp() * eps, mask)
    joints, target = joints_of(decoded, mean, std), joints_of(features, mean, std)
    positions = feature_set.JOINT_POSITIONS
    error = functional.smooth_l1_loss(decoded, features, reduction="none")
    if feature_weights is not None:
        error = error * feature_weights
    terms = {
        "features": masked_mean(error, mask),
        "joints": masked_mean(functional.smooth_l1_loss(joints, target, reduction="none").flatten(2), mask),
        "velocity": masked_mean(error[..., positions], mask),
        "kl": kl_to_standard_normal(mu, logvar),
    }
    if MOTION_TERMS & set(weights):
        terms |= motion_terms(joints, target, mask)
    terms = {key: value * weights[key] for key, value in terms.items() if weights.get(key)}
    return terms | {"loss": torch.stack(list(terms.values())).sum()}


def group_weights(groups: Iterable[tuple[slice, float]]) -> Tensor:
    """(F,): a weight for each feature from weights for groups of them."""
    weight = torch.ones(feature_set.NUM_FEATURES)
    for group, value in groups:
        weight[group] = value
    return weight


def initialise_from_components(vae: PatchVae, clips: list[Clip], mean: Tensor, std: Tensor, stride: int = 2) -> None:
    """Set the linear code to the whitened principal components of patches of the clips' normalised features.

    Features are weighted by ``CODE_WEIGHTS``; the decoder is the least-squares map from the code back to all features.
    """
    size, width = vae.patch_size, vae.latent_width
    patches = torch.cat(
        [
            ((torch.from_numpy(clip.features) - mean) / std)
            .unfold(0, size, stride)
            .transpose(1, 2)
            .reshape(-1, size * 263)
            for clip in clips
            if clip.num_frames >= size
        ]
    )
    weight = group_weights(CODE_WEIGHTS).repeat(size)
    centre = patches.mean(0)
    weighted = (patches - centre) * weight
    values, vectors = torch.linalg.eigh((weighted.T @ weighted / len(weighted)).double())
    scale = values[-width:].clamp(min=1e-12).sqrt()
    encode = (vectors[:, -width:] / scale).T.float() * weight  # (D, P*F)
    code = (patches - centre) @ encode.T
    decode = torch.linalg.lstsq(code.double(), (patches - centre).double()).solution.T.float()
    vae.initialise_linear(encode, -(encode @ centre), decode, centre)


@torch.no_grad()
def reconstruction(vae: nn.Module, clips: list[Clip], mean: Tensor, std: Tensor) -> dict[str, float]:
    """Mean over whole clips, reconstructed from mu: mpjpe (mm, pelvis-aligned), path error (cm, on the ground), foot
    skating ratio.
    """
    errors, paths, skating = [], [], []
    for clip in clips:
        features, mask = pad([(torch.from_numpy(clip.features[:196]) - mean) / std])
        decoded = vae.decode(vae.encode(features, mask)[0], mask)
        joints, target = (joints_of(x, mean, std)[0].numpy() for x in (decoded, features))
        errors.append(mpjpe(joints, target, align_root=True) * 1000)
        paths.append(float(np.linalg.norm((joints - target)[:, 0, [0, 2]], axis=-1).mean()) * 100)
        skating.append(foot_skating_ratio(joints))
    return {"mpjpe_mm": float(np.mean(errors)), "path_cm": float(np.mean(paths)), "skating": float(np.mean(skating))}


def train(run: Run, max_minutes: float | None = None) -> nn.Module:
    """Run the stage (or what is left of it) in ``run.folder``."""
    stage = run.recipe.vae
    torch.manual_seed(run.seed)
    vae = build_vae(run.recipe.model)
    mean, std = run.statistics
    if isinstance(vae, PatchVae) and not (run.folder / "vae.pt").exists():
        initialise_from_components(vae, run.clips["train"], mean, std)
    sampler = CropSampler(run.clips["train"], mean.numpy(), std.numpy())
    feature_weights = group_weights(LOSS_WEIGHTS) if isinstance(vae, PatchVae) else None

    def step(module: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
        batch = sampler.draw(stage.batch_size, stage.min_frames, stage.max_frames, generator)
        tokens = run.recipe.model.num_tokens(batch.mask.shape[1])
        eps = torch.randn(stage.batch_size, tokens, run.recipe.model.latent_width, generator=generator)
        return vae_loss(
            module, batch.features, batch.mask, eps, mean, std, stage.weights or PAPER_WEIGHTS, feature_weights
        )

    def validate(module: nn.Module) -> dict[str, float]:
        return reconstruction(module, run.clips["val"], mean, std)

    return run_stage("vae", stage, vae, step, validate, run.folder, run.seed, max_minutes, run.recipe.mixed_precision)


if __name__ == "__main__":
    command_line(train, "Stage 1: train the motion autoencoder")
