# SPDX-License-Identifier: GPL-3.0-or-later
"""The default model's autoencoder: a latent token stands for a patch of frames.

Encoder and decoder are a linear code (initialised from principal components of patches, whitened, so that latents are
near N(0, 1)) plus a small network across patches whose last layer starts at zero: training starts from the linear code
and only adds what it lacks - contacts, accelerations. Steps between patches are smoothed away
(``patch_blending``). Same interface as the published VAE.

Shapes: B batch, T frames, F features, P frames a patch, N = ceil(T / P) tokens, D latent width, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..compute.matmul import Linear, convolve
from .config import ModelConfig
from .patch_blending import smooth_seams

INITIAL_LOGVAR = -8.0


class PatchBlock(nn.Module):
    """Pre-norm residual block of two convolutions across patches; tokens that are not real count as zero."""

    def __init__(self, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv1 = nn.Conv1d(width, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, N, H) with mask (B, N, 1) of 0/1."""
        h = convolve(self.norm(x) * mask, self.conv1, gelu=True)
        return x + self.dropout(convolve(h * mask, self.conv2))


class PatchStack(nn.Module):
    """Linear in, blocks, linear out; the last layer starts at zero."""

    def __init__(self, width_in: int, width: int, width_out: int, num_blocks: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.input = Linear(width_in, width)
        self.blocks = nn.ModuleList(PatchBlock(width, dropout) for _ in range(num_blocks))
        self.norm = nn.LayerNorm(width)
        self.output = Linear(width, width_out)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.input(x)
        for block in self.blocks:
            x = block(x, mask)
        return self.output(self.norm(x))


class PatchVae(nn.Module):
    """Motion VAE with time-local latents, batch first."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.patch_size, self.num_features, self.latent_width = (
            config.patch_size,
            config.num_features,
            config.latent_width,
        )
        patch = config.patch_size * config.num_features
        width, blocks = config.vae_width, config.vae_layers
        self.encoder_linear = Linear(patch, config.latent_width)
        self.encoder_net = PatchStack(patch, width, 2 * config.latent_width, blocks)
        self.decoder_linear = Linear(config.latent_width, patch)
        self.decoder_net = PatchStack(config.latent_width, width, patch, blocks)
        self.encoder_net.output.bias.data[config.latent_width :] = INITIAL_LOGVAR

    def initialise_linear(self, encode: Tensor, encode_bias: Tensor, decode: Tensor, decode_bias: Tensor) -> None:
        """Set the linear code: encode (D, P*F), encode_bias (D,), decode (P*F, D), decode_bias (P*F,)."""
        with torch.no_grad():
            self.encoder_linear.weight.copy_(encode)
            self.encoder_linear.bias.copy_(encode_bias)
            self.decoder_linear.weight.copy_(decode)
            self.decoder_linear.bias.copy_(decode_bias)

    def latent_mask(self, mask: Tensor) -> Tensor:
        """(B, N) True where a token holds a real frame, of the frame mask (B, T)."""
        return mask[:, :: self.patch_size]

    def to_patches(self, features: Tensor, mask: Tensor) -> Tensor:
        """(B, N, P*F); frames after a motion's end repeat its last one, so that a patch cut short looks like standing
        still.
        """
        batch, frames, width = features.shape
        tokens = -(-frames // self.patch_size)
        last = mask.sum(1).clamp(min=1) - 1
        index = torch.arange(tokens * self.patch_size, device=features.device)[None].minimum(last[:, None])
        held = features.gather(1, index[..., None].expand(-1, -1, width))
        return held.reshape(batch, tokens, self.patch_size * width)

    def encode(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, N, D) of normalised features (B, T, F) with mask (B, T) True where real."""
        patches = self.to_patches(features, mask)
        real = self.latent_mask(mask)[..., None].to(features.dtype)
        correction, logvar = self._correction(patches, real).chunk(2, -1)
        return (self.encoder_linear(patches) + correction) * real, logvar

    def _correction(self, patches: Tensor, real: Tensor) -> Tensor:
        """What the encoder's network says (B, N, 2 D): its bias alone while it is frozen as it began."""
        output = self.encoder_net.output
        if output.weight.requires_grad or output.weight.any():
            return self.encoder_net(patches, real)
        return output.bias.expand(*patches.shape[:2], -1)

    def decode(self, latent: Tensor, mask: Tensor) -> Tensor:
        """Normalised features (B, T, F), zero where not real, of latents (B, N, D)."""
        batch, frames = mask.shape
        real = self.latent_mask(mask)[..., None].to(latent.dtype)
        patches = self.decoder_linear(latent) + self.decoder_net(latent * real, real)
        patches = smooth_seams(patches.view(batch, -1, self.patch_size, self.num_features), mask)
        features = patches.reshape(batch, -1, self.num_features)[:, :frames]
        return features * mask[..., None].to(features.dtype)
