# SPDX-License-Identifier: GPL-3.0-or-later
"""Move a sampled latent onto its hints: damped Gauss-Newton in the latent, for models with time-local latents.

The decoder of the patch layout is a linear code plus a small correction, and joints are smooth functions of its
features, so hitting the hints is a well-conditioned least-squares problem. Each step solves

    minimise |J d - r|^2 + prior |z + d - z0|^2 + damping |d|^2

in its dual form, whose size is the number of hint coordinates. r is the true miss (full decoder); J is taken through
the features' exact derivative and the decoder's linear part, which is enough for fast convergence and costs no pass
through the network for each hint.

Shapes: T frames, J = 22 joints, F = 263 features, P frames a patch, N tokens, D latent width, R = 3 x number of hints.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from blender_addon.shared import features as feature_set
from blender_addon.shared import quat

from .models.patch_vae import PatchVae
from .networks import Networks

PRIOR = 3e-5  # m^2 a squared standard deviation: how dear it is to leave the sampled latent
STEPS = 8
STALL = 0.95  # refining stops when a step leaves more than this share of the miss
STEP_LENGTHS = (1.0, 0.5, 0.25, 0.1)
FIRST_DAMPING = 1e-3
TOLERANCE = 5e-4  # metres; mean miss at which refining stops
MAX_ROWS = 1200  # R up to which all hints enter the solve; beyond, they are thinned evenly in time


def can_refine(networks: Networks) -> bool:
    """Whether this model's latents are time-local, which :func:`refine` needs."""
    return isinstance(networks.vae, PatchVae)


def refine(
    networks: Networks,
    latent: Tensor,
    mask: Tensor,
    hint: Tensor,
    asked: Tensor,
    steps: int = STEPS,
    prior: float = PRIOR,
) -> Iterator[Tensor]:
    """Yield the best latent (1, N, D) so far after each step; the last one is the result.

    mask (1, T) frames; hint (1, T, J, 3) metres in the canonical frame, hint_mask (1, T, J) bool with at least one
    hint. A step that does not bring the joints closer is taken back and tried shorter (Levenberg-Marquardt), so
    refining never makes the mean miss worse.
    """
    vae, statistics = networks.vae, networks.statistics
    assert isinstance(vae, PatchVae) and statistics is not None  # can_refine() has looked
    scale = networks.config.vae_scale_factor
    mean = torch.from_numpy(statistics.feature_mean).to(latent)
    std = torch.from_numpy(statistics.feature_std).to(latent)
    hint_mask = asked.any(-1)
    wanted, counts = hint[hint_mask], asked[hint_mask]  # (K, 3)
    chosen = _thinned(hint_mask)
    rows = counts[chosen].reshape(-1)

    def missing_at(z: Tensor) -> tuple[Tensor, Tensor, float]:
        vectors = vae.decode(z.to(vae.decoder_linear.weight.dtype), mask).to(z) * std + mean
        missing = (wanted - feature_set.features_to_joints(vectors)[hint_mask]) * counts
        return vectors, missing, float(missing.norm(dim=-1).mean())

    with torch.no_grad():
        start = best = latent / scale
        vectors, missing, least = missing_at(best)
        jacobian = _jacobian(vectors[0], std, hint_mask[0], chosen, vae)[rows]
    damping = 0.0
    for _ in range(steps):
        with torch.no_grad():
            stiffness = prior + damping
            pull = (start - best).reshape(-1) * (prior / stiffness)
            # d = pull + J' (J J' + stiffness)^-1 (r - J pull): the minimiser, by the matrix inversion lemma.
            gram = jacobian @ jacobian.T
            gram.diagonal().add_(stiffness)
            residual = missing[chosen].reshape(-1)[rows] - jacobian @ pull
            step = pull + jacobian.T @ torch.linalg.solve(gram, residual)
            # Far from the hints the heading makes the problem bend: a shorter step along the same way is cheap to try.
            for length in STEP_LENGTHS:
                tried = best + length * step.reshape(best.shape)
                vectors, missed, miss = missing_at(tried)
                if miss < least:
                    break
            enough = miss < TOLERANCE or (length == 1.0 and least * STALL < miss < least)
            if miss < least:
                best, missing, least, damping = tried, missed, miss, damping / 10
                if not enough:
                    jacobian = _jacobian(vectors[0], std, hint_mask[0], chosen, vae)[rows]
            else:
                damping = max(10 * damping, FIRST_DAMPING)
        yield best * scale
        if enough:
            return


def _thinned(hint_mask: Tensor) -> Tensor:
    """Indices of the hints that enter the solve: all, or as many as ``MAX_ROWS`` admits, evenly spread."""
    count = int(hint_mask.sum())
    most = MAX_ROWS // 3
    if count <= most:
        return torch.arange(count, device=hint_mask.device)
    return torch.linspace(0, count - 1, most, device=hint_mask.device).round().long()


def _jacobian(vectors: Tensor, std: Tensor, hint_mask: Tensor, chosen: Tensor, vae: PatchVae) -> Tensor:
    """Derivative (R, N * D) of the chosen hints' coordinates with respect to the latent, at the features ``vectors``
    (T, F).

    Only the features that the hinted joints hang on are followed: the root's four, and three for each other joint.
    """
    joints = torch.nonzero(hint_mask.any(0)).flatten().tolist()
    root = list(range(4))
    local = [4 + 3 * (joint - 1) + axis for joint in joints if joint > 0 for axis in range(3)]
    used = torch.tensor(root + local, device=vectors.device)
    with torch.enable_grad():
        free = vectors[:, used].detach().requires_grad_(True)
        points = _joints_of(free, joints)[hint_mask[:, joints]][chosen].reshape(-1)
        basis = torch.eye(len(points), dtype=points.dtype, device=points.device)
        rows = torch.autograd.grad(points, free, basis, is_grads_batched=True)[0] * std[used]  # (R, T, used)
    tokens = -(-rows.shape[1] // vae.patch_size)
    padded = torch.nn.functional.pad(rows, (0, 0, 0, tokens * vae.patch_size - rows.shape[1]))
    code = vae.decoder_linear.weight.to(rows.dtype).view(vae.patch_size, vae.num_features, -1)[:, used]
    patches = padded.reshape(len(rows) * tokens, -1)
    return (patches @ code.flatten(0, 1)).reshape(len(rows), -1)


def _joints_of(free: Tensor, joints: list[int]) -> Tensor:
    """Positions (T, len(joints), 3) from the root's four features and the local positions of the joints but the
    pelvis.
    """
    to_heading, root = feature_set.root_trajectory(free)
    columns, place = [], 4
    for joint in joints:
        if joint == 0:
            columns.append(root)
            continue
        turned = quat.rotate(quat.conjugate(to_heading), free[:, place : place + 3])
        columns.append(turned + root * root.new_tensor([1.0, 0.0, 1.0]))
        place += 3
    return torch.stack(columns, 1)
