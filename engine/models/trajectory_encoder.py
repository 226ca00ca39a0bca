# SPDX-License-Identifier: GPL-3.0-or-later
"""The published trajectory encoder: where joints are asked to be, as N tokens for the ControlNet.

B batch, T frames, J = 22 joints, N latent tokens, D latent width, H hidden width. Frames in which no joint is
controlled are masked as keys and their own outputs are not read, so they can be left out before the stack without
changing the result: sparse hints are cheap.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..compute.matmul import Linear
from .config import ModelConfig
from .layers import Positions, SkipStack, key_mask


class TrajectoryEncoder(nn.Module):
    """N learned tokens that attend to themselves and to the controlled frames."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.hidden_width
        self.num_tokens = config.num_latent_tokens
        self.global_motion_token = nn.Parameter(torch.randn(self.num_tokens, width))
        self.skel_embedding = Linear(3 * config.num_joints, width)
        self.query_pos_encoder = Positions(width, config.positions)
        v2 = config.variant == "v2"
        self.latent_proj = Linear(width, config.control_input_width) if v2 else nn.Identity()
        self.encoder = SkipStack(
            config,
            width=width,
            inner=config.feedforward_width,
            num_heads=config.num_heads,
            num_layers=config.num_layers,
        )

    def forward(self, hint: Tensor, hint_mask: Tensor) -> Tensor:
        """hint (B,T,J,3) normalised, hint_mask (B,T,J) bool -> (B,N,D)."""
        batch = hint.shape[0]
        frames = hint.masked_fill(~hint_mask[..., None], 0.0).flatten(2).to(self.skel_embedding.weight.dtype)
        positions = self.query_pos_encoder.rows(self.num_tokens + hint.shape[1])
        frame_positions = positions[self.num_tokens :].expand(batch, -1, -1)
        real = hint_mask.any(dim=-1)
        # Controlled frames first, in order; as many columns as the fullest sample needs, where that is known at once.
        count = int(real.sum(dim=1).max()) if real.device.type == "cpu" else real.shape[1]
        order = real.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :count]
        frames = frames.take_along_dim(order[..., None], dim=1)
        frame_positions = frame_positions.take_along_dim(order[..., None], dim=1)
        real = real.take_along_dim(order, dim=1)

        tokens = (self.global_motion_token + positions[: self.num_tokens]).expand(batch, -1, -1)
        sequence = torch.cat([tokens, self.skel_embedding(frames) + frame_positions], dim=1)
        mask = key_mask(torch.cat([real.new_ones(batch, self.num_tokens), real], dim=1))
        return self.latent_proj(self.encoder(sequence, mask=mask, read=self.num_tokens))
