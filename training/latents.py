# SPDX-License-Identifier: GPL-3.0-or-later
"""What the three latent stages share: frozen encoder, caption embeddings, and batches of latents.

Shapes: B batch, T frames, N tokens, D latent width, W text width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.models.build import build_vae

from .data import Batch, CropSampler
from .loop import load_exported
from .recipes import Stage
from .run_folder import Run


@dataclass(frozen=True, eq=False)
class LatentBatch:
    """``latent`` (B, N, D), ``latent_mask`` (B, N) or None when every token is real, ``text`` (B, 1, W), and the
    motions themselves.
    """

    latent: Tensor
    latent_mask: Tensor | None
    text: Tensor
    motion: Batch


def latent_mask_of(vae: nn.Module, mask: Tensor) -> Tensor | None:
    """(B, N) True where a token is real; None for global tokens, and when all are real (a mask that masks nothing costs
    time).
    """
    if not hasattr(vae, "latent_mask"):
        return None
    real = vae.latent_mask(mask)
    return None if bool(real.all()) else real


class LatentSampler:
    """Draws crops, encodes them with the frozen autoencoder, and looks up their captions' embeddings."""

    def __init__(self, run: Run, stage: Stage) -> None:
        self.run, self.stage = run, stage
        self.vae = load_exported(run.folder / "vae.pt", build_vae(run.recipe.model)).requires_grad_(False)
        self.embeddings = run.text_embeddings()
        mean, std = run.statistics
        self.crops = CropSampler(run.clips["train"], mean.numpy(), std.numpy(), run.texts)

    @property
    def uncond(self) -> Tensor:
        """(1, 1, W): the embedding of the empty text."""
        return self.embeddings[:1, None]

    @torch.no_grad()
    def draw(self, generator: torch.Generator, text_dropout: float) -> LatentBatch:
        """A batch; captions become the empty text with probability ``text_dropout``."""
        stage, recipe = self.stage, self.run.recipe
        motion = self.crops.draw(
            stage.batch_size, stage.min_frames, stage.max_frames, generator, recipe.weak_caption_dropout
        )
        mu, logvar = self.vae.encode(motion.features, motion.mask)
        latent = mu + (0.5 * logvar).exp() * torch.randn(mu.shape, generator=generator)
        dropped = torch.rand(len(motion.captions), generator=generator) < text_dropout
        caption = motion.captions.clamp(min=0).masked_fill(dropped, 0)
        return LatentBatch(
            latent * recipe.model.vae_scale_factor,
            latent_mask_of(self.vae, motion.mask),
            self.embeddings[caption][:, None],
            motion,
        )
