# SPDX-License-Identifier: GPL-3.0-or-later
"""The default model's corrector: sees by how much an answer misses its hints, and says how the latent should change.

A network that answers in one pass cannot know where its own answer will lead: a path is the sum of all its steps, and
their small errors add up. This one is told, for every frame, the miss of the decoded answer, seen from the body of that
frame; which change of the latent mends it is then a matter of the token itself and its neighbours.

Shapes: B batch, T frames, J joints, P frames a patch, N = ceil(T / P) tokens, D latent width, C numbers a frame and
joint.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from blender_addon.shared import quat
from blender_addon.shared.skeleton import FPS, SKELETON

from ..compute.matmul import Linear
from .config import ModelConfig
from .patch_trajectory_encoder import interpolate_keys
from .patch_vae import PatchBlock

NUM_MISS_FEATURES = 10  # C
_NUM_BLOCKS = 3


class Corrector(nn.Module):
    """Latent (B, N, D) and residuals (B, T, J, C) -> change of the latent (B, N, D); starts by changing nothing."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.patch_size, width = config.patch_size, config.corrector_width
        self.miss = Linear(config.patch_size * config.num_joints * NUM_MISS_FEATURES, width)
        self.latent = Linear(config.latent_width, width)
        self.mix = nn.Sequential(nn.LayerNorm(width), Linear(width, 2 * width), nn.GELU(), Linear(2 * width, width))
        self.blocks = nn.ModuleList(PatchBlock(width) for _ in range(_NUM_BLOCKS))
        # No norm before the output: half the miss asks for half the change.
        self.output = Linear(width, config.latent_width)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, latent: Tensor, residuals: Tensor, latent_mask: Tensor | None = None) -> Tensor:
        batch, tokens, _ = latent.shape
        seen = residuals.flatten(2)
        seen = functional.pad(seen, (0, 0, 0, tokens * self.patch_size - seen.shape[1]))
        x = self.miss(seen.reshape(batch, tokens, -1)) + self.latent(latent)
        x = x + self.mix(x)
        real = x.new_ones(batch, tokens, 1) if latent_mask is None else latent_mask[..., None].to(x.dtype)
        for block in self.blocks:
            x = block(x, real)
        return self.output(x) * real


def miss_features(missing: Tensor, hint_mask: Tensor, to_heading: Tensor) -> Tensor:
    """(B, T, J, C): what each frame is told about each controlled joint; zero for joints without a key.

    missing (B, T, J, 3) metres from the answer's joints to their hints, zero where (or along which axis) nothing is
    requested; hint_mask (B, T, J); to_heading (B, T, 4) rotates world vectors into the answer's heading frame. Between
    keys the miss runs along straight lines, from none at the start, where every motion stands over the origin.
    """
    pelvis = SKELETON.index("pelvis")
    missing = missing.masked_fill(~hint_mask[..., None], 0.0)
    anchored = hint_mask.clone()
    anchored[:, 0, pelvis] |= hint_mask[:, :, pelvis].any(1)
    track, _, _ = interpolate_keys(missing, anchored)
    change = functional.pad(track.diff(dim=1), (0, 0, 0, 0, 0, 1)) * FPS
    rotation = to_heading[:, :, None]
    beside = track - track[:, :, pelvis : pelvis + 1]
    local = [quat.rotate(rotation, vectors) for vectors in (5 * track, 2 * change, 5 * beside)]
    seen = torch.cat([*local, hint_mask[..., None].to(track.dtype)], -1)
    return seen * hint_mask.any(1)[:, None, :, None]
