# SPDX-License-Identifier: GPL-3.0-or-later
"""The denoiser: from a noisy latent, a timestep and a sentence to the noise (or the clean latent) in it.

B batch, N latent tokens, D latent width, L text tokens (1 as published), W text width, H hidden width, S = N + 1 + L.
The published models put the tokens in the order [latents, time, text]; the 'patch' layout, whose N depends on the
motion's length, in the order [time, text, latents], so that the condition tokens keep their positions.
MotionLCM, arXiv 2404.19759; time and guidance embedding: DDPM (2006.11239) and LCM (2310.04378).
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..compute.matmul import Linear
from .config import ModelConfig
from .layers import Positions, SkipStack, key_mask, router_loss
from .sinusoid import frequencies


def timestep_embedding(timestep: Tensor, width: int) -> Tensor:
    """(B,) timesteps -> (B, width) float32: cosines, then sines, at frequencies 10000^(-i / (width / 2))."""
    half = width // 2
    angles = timestep.to(torch.float32)[:, None] * frequencies(half, half, timestep.device)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class TimeEmbedding(nn.Module):
    """Sinusoid of the timestep, plus the projected guidance embedding, through Linear, SiLU, Linear: one token."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.width = config.time_width
        self.linear_1 = Linear(config.time_width, config.hidden_width)
        self.linear_2 = Linear(config.hidden_width, config.hidden_width)
        self.cond_proj: nn.Linear | None = None
        if config.guidance_width is not None:
            self.cond_proj = Linear(config.guidance_width, config.time_width, bias=False)
            nn.init.zeros_(self.cond_proj.weight)  # a student starts as its teacher

    def forward(self, timestep: Tensor, guidance_embedding: Tensor | None) -> Tensor:
        """timestep (B,) or (1,), guidance_embedding (B or 1, guidance width) or None -> (B or 1, H)."""
        dtype = self.linear_1.weight.dtype
        sinusoid = timestep_embedding(timestep, self.width).to(dtype)
        if guidance_embedding is not None:
            if self.cond_proj is None:
                raise ValueError("this model takes no guidance embedding")
            sinusoid = sinusoid + self.cond_proj(guidance_embedding.to(dtype))
        return self.linear_2(F.silu(self.linear_1(sinusoid)))


class TokenParts(Protocol):
    """What denoiser and ControlNet have in common, under the published names."""

    config: ModelConfig
    latent_pre: nn.Module
    latent_post: nn.Module
    time_embedding: TimeEmbedding
    emb_proj: nn.Module
    query_pos: Positions
    encoder: SkipStack


def add_token_parts(network: TokenParts, config: ModelConfig, *, final_norm: bool) -> None:
    """Give ``network`` the modules of :class:`TokenParts` with fresh weights."""
    width, v2 = config.hidden_width, config.variant == "v2"
    network.config = config
    network.latent_pre = Linear(config.latent_width, width) if v2 else nn.Identity()
    network.latent_post = Linear(width, config.latent_width) if v2 else nn.Identity()
    network.time_embedding = TimeEmbedding(config)
    network.emb_proj = nn.Sequential(nn.Identity() if v2 else nn.ReLU(), Linear(config.text_width, width))
    network.query_pos = Positions(width, config.positions)
    network.encoder = SkipStack(
        config,
        width=width,
        inner=config.feedforward_width,
        num_heads=config.num_heads,
        num_layers=config.num_layers,
        final_norm=final_norm,
    )


def condition_tokens(
    parts: TokenParts, timestep: Tensor | int, text_embedding: Tensor, guidance_embedding: Tensor | None, batch: int
) -> Tensor:
    """The time token and the text tokens, (B, 1+L, H)."""
    if not isinstance(timestep, Tensor):
        timestep = torch.full((1,), timestep, device=text_embedding.device)
    times = timestep.to(text_embedding.device).reshape(-1)
    time = parts.time_embedding(times, guidance_embedding).expand(batch, -1)[:, None]
    return torch.cat([time, parts.emb_proj(text_embedding).expand(batch, -1, -1)], dim=1)


# Seven parameters: the three that a ControlNet adds are given by name.
def run_tokens(
    parts: TokenParts,
    latent: Tensor,
    conditions: Tensor,
    latent_mask: Tensor | None,
    residuals: list[Tensor] | None = None,
    taps: list[Tensor] | None = None,
    control: Tensor | None = None,
) -> Tensor:
    """Latent (B,N,D) and conditions (B,1+L,H) through the stack; returns the latent tokens (B,N,H).

    ``control`` (B,N,H) is added to the latents' tokens.
    """
    tokens = parts.latent_pre(latent)
    tokens = tokens if control is None else tokens + control
    num_latents, num_conditions = tokens.shape[1], conditions.shape[1]
    latents_first = parts.config.token_layout == "global"
    sequence = torch.cat([tokens, conditions] if latents_first else [conditions, tokens], dim=1)
    mask = key_mask(latent_mask)
    if mask is not None:
        real = mask.new_ones((*mask.shape[:-1], num_conditions))
        mask = torch.cat([mask, real] if latents_first else [real, mask], dim=-1)
    out = parts.encoder(parts.query_pos(sequence), mask=mask, residuals=residuals, taps=taps)
    return out[:, :num_latents] if latents_first else out[:, num_conditions:]


class Denoiser(nn.Module):
    """Predicts the noise in a latent; what 'predicts' means is ``config.prediction_type`` and the sampler's matter."""

    config: ModelConfig
    latent_pre: nn.Module
    latent_post: nn.Module
    time_embedding: TimeEmbedding
    emb_proj: nn.Module
    query_pos: Positions
    encoder: SkipStack

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        add_token_parts(self, config, final_norm=True)

    def forward(
        self,
        latent: Tensor,
        timestep: Tensor | int,
        text_embedding: Tensor,
        guidance_embedding: Tensor | None = None,
        residuals: list[Tensor] | None = None,
        latent_mask: Tensor | None = None,
    ) -> Tensor:
        """latent (B,N,D), timestep 0-d or (B,), text_embedding (B,L,W), guidance_embedding (B,G) -> (B,N,D).

        ``residuals``: the ControlNet's list of (B,S,H), one a block; ``latent_mask`` (B,N) True where a latent is real.
        """
        conditions = condition_tokens(self, timestep, text_embedding, guidance_embedding, latent.shape[0])
        return self.latent_post(run_tokens(self, latent, conditions, latent_mask, residuals=residuals))

    def router_loss(self) -> Tensor | None:
        """Load-balancing loss of the last call's mixtures of experts; None without them."""
        return router_loss(self, self.config.moe_loss_weight)
