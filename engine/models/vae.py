# SPDX-License-Identifier: GPL-3.0-or-later
"""The published autoencoder: motion features to a few global latent tokens and back.

B batch, T frames, F = 263 features (normalised), N latent tokens, D latent width, H hidden width. Masks (B,T) are True
where a frame is real. MLD, CVPR 2023; V2 adds the projections between D and H.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..compute.matmul import Linear
from .config import ModelConfig
from .layers import Positions, SkipStack, TransformerLayer, key_mask


class MldVae(nn.Module):
    """Encoder with 2N learned tokens that gather mean and log variance; decoder with a query for each frame."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, v2 = config.vae_width, config.variant == "v2"
        self.num_tokens = config.num_latent_tokens
        self.global_motion_token = nn.Parameter(torch.randn(2 * self.num_tokens, width))
        self.skel_embedding = Linear(config.num_features, width)
        self.final_layer = Linear(width, config.num_features)
        self.latent_pre = Linear(width, config.latent_width) if v2 else nn.Identity()
        self.latent_post = Linear(config.latent_width, width) if v2 else nn.Identity()
        self.query_pos_encoder = Positions(width, config.positions)
        self.query_pos_decoder = Positions(width, config.positions)
        inner, heads, layers = config.vae_feedforward, config.vae_heads, config.vae_layers
        self.encoder = SkipStack(config, width=width, inner=inner, num_heads=heads, num_layers=layers)
        self.decoder = SkipStack(config, width=width, inner=inner, num_heads=heads, num_layers=layers, cross=True)
        self._last_attended: tuple[tuple[object, ...], Tensor] | None = None

    def encode(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """features (B,T,F), mask (B,T) -> mu and logvar, (B,N,D) each."""
        batch, tokens = features.shape[0], 2 * self.num_tokens
        x = torch.cat([self.global_motion_token.expand(batch, -1, -1), self.skel_embedding(features)], dim=1)
        real = torch.cat([mask.new_ones(batch, tokens), mask], dim=1)
        x = self.encoder(self.query_pos_encoder(x), mask=key_mask(real), read=tokens)
        mu, logvar = self.latent_pre(x).chunk(2, dim=1)
        return mu, logvar

    def decode(self, latent: Tensor, mask: Tensor) -> Tensor:
        """latent (B,N,D), mask (B,T) -> features (B,T,F), zero where the mask is False."""
        memory, keys = self.latent_post(latent), key_mask(mask)
        queries = self.query_pos_decoder.rows(mask.shape[1])[None]
        known = keys is None and not self.training and not self.final_layer.weight.requires_grad
        queries = self._attended(queries) if known else queries
        x = self.decoder(queries.expand(latent.shape[0], -1, -1), memory, mask=keys, attended=known)
        features = self.final_layer(x)
        return features if keys is None else features.masked_fill(~mask[..., None], 0.0)

    def _attended(self, queries: Tensor) -> Tensor:
        """The queries (1,T,H) after the first block's self-attention, in which no latent has a part: of a frozen
        network the last one is kept, as long as length and weights stay the same.
        """
        first = self.decoder.input_blocks[0] if len(self.decoder.input_blocks) else self.decoder.middle_block
        assert isinstance(first, TransformerLayer)
        weights = (self.query_pos_decoder.pe, *first.self_attn.parameters(), *first.norm1.parameters())
        state = (queries.shape, queries.dtype, *((w.data_ptr(), w._version) for w in weights))
        if self._last_attended is None or self._last_attended[0] != state:
            self._last_attended = state, first.attend(queries)
        return self._last_attended[1]


def draw_latent(mu: Tensor, logvar: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A sample of N(mu, exp(logvar)), same shape; without a generator torch's global one is used (training)."""
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)
    return mu + torch.exp(logvar / 2) * noise
