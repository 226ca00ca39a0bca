# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage 1: the motion autoencoder. ``python -m training.vae --recipe small --data FOLDER --run FOLDER``.

Shapes: B batch, T frames, F = 263 features, N tokens, D latent width, P frames a patch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from blender_addon.shared import features as feature_set
from blender_addon.shared.skeleton import FPS
from engine.metrics import foot_skating_ratio, mpjpe
from engine.models.build import build_vae
from engine.models.config import PAPER_V2
from engine.models.layers import router_loss
from engine.models.patch_vae import PatchVae
from engine.models.vae import MldVae

from .data.clips import Clip
from .data.sampling import motion_sampler, pad
from .loop.batch_split import Batch
from .loop.loop import run_task
from .loop.trainer import Task
from .runs.command_line import command_line
from .runs.run import Run
from .stage_parts.losses import (
    CODE_WEIGHTS,
    MOTION_TERMS,
    group_weights,
    joints_of,
    kl_to_standard_normal,
    masked_mean,
    motion_terms,
    planted_feet,
    sum_of,
)

_PATCHES_AT_A_TIME = 8192
MOST_PATCHES = 200_000  # that principal components are fitted to
WHIRL = math.radians(500.0)  # a second: salsa and ballet turn at up to 1,300 degrees a second

PAPER_WEIGHTS = {"features": 1.0, "joints": 1.0, "velocity": 0.0, "kl": 1e-4}

LOSS_WEIGHTS = (*CODE_WEIGHTS[:4], (feature_set.JOINT_ROTATIONS, 0.1), *CODE_WEIGHTS[5:])


# A pure function of every random draw, each a tensor of its own: it is held against the published loss.
def vae_loss(
    vae: MldVae | PatchVae, features: Tensor, mask: Tensor, eps: Tensor, mean: Tensor, std: Tensor,
    weights: Mapping[str, float] = PAPER_WEIGHTS, feature_weights: Tensor | None = None,
    moe_loss_weight: float = PAPER_V2.moe_loss_weight,
) -> dict[str, Tensor]:  # fmt: skip
    """Weighted terms and their sum ``loss`` for normalised features (B, T, F), mask (B, T), eps (B, N, D) ~ N(0, 1).

    The published terms (MLD, Chen et al., CVPR 2023; MotionLCM-V2): ``features`` and ``joints`` smooth-L1, ``velocity``
    (the joint positions' features again), ``kl``; ``router`` where there are mixtures of experts. The small recipe
    weights the features (F,) and adds ``pose``, ``path``, ``speed`` and ``planted`` (see
    :func:`training.stage_parts.losses.motion_terms`).
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
    router = router_loss(vae, moe_loss_weight)
    return sum_of(terms if router is None else terms | {"router": router})


def initialise_from_components(vae: PatchVae, clips: list[Clip], mean: Tensor, std: Tensor, stride: int = 2) -> None:
    """Set the linear code to the whitened principal components of patches of the clips' normalised features.

    Features are weighted by ``CODE_WEIGHTS``; the decoder is the least-squares map from the code back to all features.
    Of many clips a random part is taken, and no patch of a body that whirls: few, they would be most of the variance.
    """
    size, width = vae.patch_size, vae.latent_width
    centre, covariance = patch_moments(clips, mean, std, size, stride)
    weight = group_weights(CODE_WEIGHTS).double().repeat(size)
    values, vectors = torch.linalg.eigh(covariance * weight * weight[:, None])
    scale = values[-width:].clamp(min=1e-12).sqrt()
    encode = (vectors[:, -width:] / scale).T * weight  # (D, P*F)
    code_to_patch = encode @ covariance  # (D, P*F), of whitened codes: the covariance of code and patch
    decode = torch.linalg.lstsq(code_to_patch @ encode.T, code_to_patch).solution.T
    vae.initialise_linear(encode.float(), -(encode @ centre).float(), decode.float(), centre.float())


def patch_moments(clips: list[Clip], mean: Tensor, std: Tensor, size: int, stride: int) -> tuple[Tensor, Tensor]:
    """Mean (P*F,) and covariance (P*F, P*F), float64, of patches of at most ``MOST_PATCHES`` places in random clips."""
    width = size * feature_set.NUM_FEATURES
    count, total, products = 0, torch.zeros(width).double(), torch.zeros(width, width).double()
    for patches in _random_patches(clips, mean, std, size, stride):
        count, total = count + len(patches), total + patches.double().sum(0)
        products += (patches.T @ patches).double()
    centre = total / count
    return centre, products / count - centre[:, None] * centre


def _random_patches(clips: list[Clip], mean: Tensor, std: Tensor, size: int, stride: int) -> Iterator[Tensor]:
    """Some thousand patches (n, P*F) at a time."""
    order = torch.randperm(len(clips), generator=torch.Generator().manual_seed(0)).tolist()
    kept: list[Tensor] = []
    left, waiting = MOST_PATCHES, 0
    for clip in (clips[i] for i in order if clips[i].num_frames >= size):
        features = torch.from_numpy(clip.features)
        whirls = features[:, 0].abs().unfold(0, size, stride).amax(-1) * 2 * FPS > WHIRL
        patches = ((features - mean) / std).unfold(0, size, stride).transpose(1, 2).reshape(len(whirls), -1)[~whirls]
        kept.append(patches)
        left, waiting = left - len(patches), waiting + len(patches)
        if waiting >= _PATCHES_AT_A_TIME or left <= 0:
            yield torch.cat(kept)
            kept, waiting = [], 0
        if left <= 0:
            return
    if kept:
        yield torch.cat(kept)


@torch.no_grad()
def reconstruction_figures(vae: MldVae | PatchVae, clips: list[Clip], mean: Tensor, std: Tensor) -> dict[str, float]:
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


def train(run: Run, max_minutes: float | None = None) -> MldVae | PatchVae:
    """Run the stage (or what is left of it) in ``run.folder``."""
    stage, model, clips = run.recipe.vae, run.recipe.model, run.clips["train"]
    torch.manual_seed(run.seed)
    vae = build_vae(model)
    mean, std = run.statistics
    if isinstance(vae, PatchVae) and not (run.folder / "vae.pt").exists():
        initialise_from_components(vae, clips, mean, std)
    motions = motion_sampler(clips, mean.numpy(), std.numpy(), [], stage, 0.0, run.seed)
    feature_weights = group_weights(LOSS_WEIGHTS).to(run.device) if isinstance(vae, PatchVae) else None
    there = mean.to(run.device), std.to(run.device)
    weights = stage.weights or PAPER_WEIGHTS

    def draw(generator: torch.Generator, step: int) -> Batch:
        batch = motions(generator, step)
        shape = (len(batch.features), model.num_tokens(batch.mask.shape[1]), model.latent_width)
        return {"features": batch.features, "mask": batch.mask, "eps": torch.randn(shape, generator=generator)}

    def loss(module: MldVae | PatchVae, part: Batch) -> dict[str, Tensor]:
        return vae_loss(
            module, part["features"], part["mask"], part["eps"], *there, weights, feature_weights, model.moe_loss_weight
        )

    def counts(batch: Batch) -> dict[str, Tensor]:
        target = joints_of(batch["features"], mean, std)
        return {"planted": planted_feet(target, batch["mask"]).sum()} if weights.get("planted") else {}

    def validate(module: MldVae | PatchVae) -> dict[str, float]:
        return reconstruction_figures(module, run.validation, mean, std)

    task: Task[MldVae | PatchVae] = Task(
        "vae", stage, vae, draw, loss, validate, ("mpjpe_mm",), counts, has_unused=model.moe
    )
    return run_task(task, run.folder, run.seed, max_minutes, run.recipe.mixed_precision, run.swanlab)


if __name__ == "__main__":
    command_line(train, "Stage 1: train the motion autoencoder")
