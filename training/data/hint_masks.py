# SPDX-License-Identifier: GPL-3.0-or-later
"""Which joints and frames of a training motion are shown to the ControlNet as hints.

Shapes: B batch, T frames, J = 22 joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from blender_addon.shared.errors import BadRequest
from blender_addon.shared.skeleton import SKELETON

SIX_JOINTS = ("pelvis", "left_foot", "right_foot", "head", "left_wrist", "right_wrist")

_JOINT_SETS = {"six": SIX_JOINTS, "all": tuple(SKELETON.names)}
_COUNTS = (1, 2, 5)  # densities that are numbers of frames; any other is a percentage


@dataclass(frozen=True)
class ControlTask:
    """What the ControlNet is trained to obey.

    ``kind``: 'spatial', one of ``joints`` a sample in some frames; 'temporal', all of ``joints`` in the first ``share``
    of the frames; 'mixed', the small recipe's (see :func:`mixed_mask`). ``joints``: names, 'six' or 'all'.
    ``densities``: () for a random number of frames, or a list to draw from: 1, 2 and 5 are frames, others per cent.
    """

    kind: str = "spatial"
    joints: tuple[str, ...] = ("pelvis",)
    densities: tuple[int, ...] = ()
    share: float = 0.25
    pelvis_share: float = 0.6  # of a mixed task's samples that control the pelvis alone

    def __post_init__(self) -> None:
        if self.kind not in ("spatial", "temporal", "mixed"):
            raise BadRequest(f"There is no control task '{self.kind}'.", "Choose spatial, temporal or mixed.")
        unknown = [name for name in self.joints if name not in SKELETON.names and name not in _JOINT_SETS]
        if unknown or not self.joints:
            raise BadRequest(
                f"There is no joint called '{unknown[0]}'." if unknown else "The control task names no joint.",
                "Name joints (" + ", ".join(SKELETON.names) + "), or 'six' or 'all'.",
            )
        if not all(0 < density <= 100 for density in self.densities):
            raise BadRequest("A density is not between 1 and 100.", "1, 2 and 5 are frames, other numbers per cent.")

    @property
    def joint_names(self) -> tuple[str, ...]:
        """``joints`` with the sets' names replaced by what they stand for, each once."""
        return tuple(dict.fromkeys(j for name in self.joints for j in _JOINT_SETS.get(name, (name,))))

    def draw(self, mask: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T, J) bool: what of motions with frame mask (B, T) is shown."""
        if self.kind == "temporal":
            return temporal_mask(mask, self.share, self.joint_names)
        if self.kind == "mixed":
            return mixed_mask(mask, self.pelvis_share, generator)
        return spatial_mask(mask, self.joint_names, generator, self.densities)


def spatial_mask(
    mask: Tensor, joints: tuple[str, ...], generator: torch.Generator, densities: tuple[int, ...] = ()
) -> Tensor:
    """(B, T, J) bool: one of ``joints`` a sample, 1..T-1 frames of it (uniform, or of one of the ``densities``),
    without replacement; as published.
    """
    batch = mask.shape[0]
    indices = torch.tensor(SKELETON.indices(*joints))
    chosen = indices[torch.randint(0, len(indices), (batch,), generator=generator)]
    lengths = mask.sum(1)
    draw = torch.rand(batch, generator=generator)
    if densities:
        listed = torch.tensor(densities)[(draw * len(densities)).long()]
        few = torch.isin(listed, torch.tensor(_COUNTS))
        count = torch.where(few, listed, lengths * listed // 100).clamp(min=1).minimum(lengths)
    else:
        count = 1 + (draw * (lengths - 1)).long()
    return _frames(mask, count, generator)[..., None] & _joints(chosen)


def temporal_mask(mask: Tensor, share: float = 0.25, joints: tuple[str, ...] = SIX_JOINTS) -> Tensor:
    """(B, T, J) bool: all of ``joints`` in the first ``share`` of the frames; as published."""
    count = (mask.sum(1) * share).long().clamp(min=1)
    early = torch.arange(mask.shape[1])[None] < count[:, None]
    shown = torch.zeros(SKELETON.num_joints, dtype=torch.bool)
    shown[SKELETON.indices(*joints)] = True
    return (early & mask)[..., None] & shown


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
