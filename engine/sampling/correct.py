# SPDX-License-Identifier: GPL-3.0-or-later
"""Let the model's corrector see where its answer misses the hints, and mend it, a few times over.

Shapes: B batch, T frames, J = 22 joints, F = 263 features, N tokens, D latent width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from blender_addon.shared import features as feature_set
from blender_addon.shared.skeleton import SKELETON

from ..compute.device import threads_for
from ..models.corrector import Corrector, miss_features

if TYPE_CHECKING:
    from ..checkpoints.networks import Networks

_LEGS = SKELETON.indices(*(f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "foot")))


def correct(
    networks: Networks, latent: Tensor, mask: Tensor, hint: Tensor, requested: Tensor, passes: int | None = None
) -> Tensor:
    """The latent (B, N, D) corrected ``passes`` times, None: as often as the model was trained for; a model without a
    corrector changes nothing. Without hints it still mends sliding feet and jerks.

    mask (B, T) frames; hint (B, T, J, 3) metres in the canonical frame; requested (B, T, J, 3) bool, which of its
    coordinates count.
    """
    corrector = networks.corrector
    if corrector is None or networks.statistics is None:
        return latent
    requested = _steered(requested)
    mean, std = networks.feature_scale(latent)
    with torch.no_grad(), threads_for(latent.shape[:-1].numel()):
        for _ in range(networks.config.corrector_passes if passes is None else passes):
            decoded = networks.decode(latent.to(next(networks.vae.parameters()).dtype), mask).to(latent)
            latent = latent + correction(corrector, latent, decoded * std + mean, mask, hint, requested)
    return latent


def _steered(requested: Tensor) -> Tensor:
    """``requested`` (B, T, J, 3) without the heights of legs where the pelvis has no hints: to the corrector a miss
    lasts, so it would carry the body up with a foot that kicks.
    """
    shown = requested.clone()
    has_path = requested[:, :, 0].any(-1).any(1)[:, None]
    for joint in _LEGS:
        shown[:, :, joint, 1] &= has_path
    return shown


def correction(
    corrector: Corrector, latent: Tensor, features: Tensor, mask: Tensor, hint: Tensor, requested: Tensor
) -> Tensor:
    """What to add to the latent (B, N, D) whose decoded features, in metres and radians, are ``features`` (B, T, F)."""
    to_heading, _ = feature_set.root_trajectory(features)
    missing = (hint - feature_set.features_to_joints(features)) * requested
    misses = miss_features(missing, requested.any(-1), to_heading)
    tokens = mask[:, :: corrector.patch_size]
    # As for the keys of attention, to look for masks that mask nothing is free on the CPU only.
    real = None if tokens.device.type == "cpu" and bool(tokens.all()) else tokens
    dtype = corrector.output.weight.dtype
    change = corrector(latent.to(dtype), misses.to(dtype), real)
    return change.to(latent.dtype)
