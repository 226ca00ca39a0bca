# SPDX-License-Identifier: GPL-3.0-or-later
"""Which joints and frames of a training motion are shown to the ControlNet as hints.

Shapes: B batch, T frames, J = 22 joints.
"""

from __future__ import annotations

import torch
from torch import Tensor

from blender_addon.shared.skeleton import SKELETON

SIX_JOINTS = ("pelvis", "left_foot", "right_foot", "head", "left_wrist", "right_wrist")


def spatial_mask(mask: Tensor, joints: tuple[str, ...], generator: torch.Generator) -> Tensor:
    """(B, T, J) bool: one of ``joints`` a sample, 1..T-1 frames of it (uniform), without replacement; as published."""
    batch = mask.shape[0]
    indices = torch.tensor(SKELETON.indices(*joints))
    chosen = indices[torch.randint(0, len(indices), (batch,), generator=generator)]
    lengths = mask.sum(1)
    count = 1 + (torch.rand(batch, generator=generator) * (lengths - 1)).long()
    return _frames(mask, count, generator)[..., None] & _joints(chosen)


def temporal_mask(mask: Tensor, share: float = 0.25) -> Tensor:
    """(B, T, J) bool: all six joints in the first ``share`` of the frames; as published."""
    count = (mask.sum(1) * share).long().clamp(min=1)
    early = torch.arange(mask.shape[1])[None] < count[:, None]
    joints = torch.zeros(SKELETON.num_joints, dtype=torch.bool)
    joints[SKELETON.indices(*SIX_JOINTS)] = True
    return (early & mask)[..., None] & joints


def mixed_mask(mask: Tensor, pelvis_share: float, generator: torch.Generator) -> Tensor:
    """(B, T, J) bool for the small recipe: the pelvis alone in ``pelvis_share`` of the samples, else one to five other
    joints, half of the time with the pelvis. A third of the samples show every frame, a third 1 to 8 keys, a third any
    number.
    """
    batch = mask.shape[0]
    lengths = mask.sum(1)
    draw = torch.rand(batch, 4, generator=generator)
    few = 1 + (draw[:, 1] * 8).long()
    some = 1 + (draw[:, 1] * (lengths - 1)).long()
    count = torch.where(draw[:, 0] < 1 / 3, lengths, torch.where(draw[:, 0] < 2 / 3, few, some)).minimum(lengths)
    shown = _frames(mask, count, generator)
    pelvis = _joints(torch.full((batch,), SKELETON.index("pelvis")))
    number = 1 + (torch.rand(batch, generator=generator) ** 2 * 5).long()
    ranks = torch.rand(batch, SKELETON.num_joints, generator=generator)
    ranks[:, SKELETON.index("pelvis")] = 2.0
    others = (ranks.argsort(1).argsort(1) < number[:, None])[:, None]
    only_pelvis = (draw[:, 2] < pelvis_share)[:, None, None]
    with_pelvis = (draw[:, 3] < 0.5)[:, None, None]
    joints = (pelvis & (only_pelvis | with_pelvis)) | (others & ~only_pelvis)
    return shown[..., None] & joints


def _frames(mask: Tensor, count: Tensor, generator: torch.Generator) -> Tensor:
    """``count`` (B,) frames of each motion, drawn without replacement: (B, T)."""
    ranks = torch.rand(mask.shape, generator=generator).masked_fill(~mask, 2.0).argsort(1).argsort(1)
    return (ranks < count[:, None]) & mask


def _joints(chosen: Tensor) -> Tensor:
    """(B, 1, J) True at one joint a sample."""
    return torch.nn.functional.one_hot(chosen, SKELETON.num_joints).bool()[:, None]
