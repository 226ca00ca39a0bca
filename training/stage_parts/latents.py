# SPDX-License-Identifier: GPL-3.0-or-later
"""What the latent stages share: frozen encoder, caption embeddings, and batches of latents.

Shapes: B batch, T frames, N tokens, D latent width, W text width.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from engine.models.build import build_vae
from engine.models.patch_vae import PatchVae
from engine.models.vae import MldVae

from ..data.clips import Clip
from ..data.sampling import motion_sampler
from ..loop.batch_split import Batch
from ..loop.checkpoints import load_exported
from ..loop.schedule import StageSchedule
from ..recipes import Recipe
from .losses import CODE_WEIGHTS, group_weights

_GROUP = 16  # motions
LARGEST = 5.0  # deviations: what whirls more is not learned from


@dataclass(frozen=True, eq=False)
class LatentBatch:
    """``latent`` (B, N, D), ``latent_mask`` (B, N) or None when every token is real, ``text`` (B, 1, W)."""

    latent: Tensor
    latent_mask: Tensor | None
    text: Tensor


def latent_mask_of(vae: nn.Module, mask: Tensor) -> Tensor | None:
    """(B, N) True where a token is real; None for global tokens, and when all are real (a mask that masks nothing costs
    time).
    """
    if not isinstance(vae, PatchVae):
        return None
    real = vae.latent_mask(mask)
    return None if bool(real.all()) else real


def clamped(latent: Tensor) -> Tensor:
    """``latent`` within what is learned: a body that turns by 1,300 degrees a second has latents of 120 deviations, and
    squared errors would be about nothing else.
    """
    return latent.clamp(-LARGEST, LARGEST)


def channel_weights(vae: nn.Module, power: float) -> Tensor | None:
    """(D,): how much each number of a token counts in a latent loss, 1 on average; None where all count alike.

    Whitened principal components all have a deviation of 1, but the last ones move the body by a hundredth of what the
    first do, and are noise to a sentence. A number counts by what it changes in the decoded patch, to ``power``.
    """
    if not power or not isinstance(vae, PatchVae):
        return None
    changes = vae.decoder_linear.weight.detach() * group_weights(CODE_WEIGHTS).repeat(vae.patch_size)[:, None].to(
        vae.decoder_linear.weight
    )
    weights = changes.square().sum(0).pow(power / 2)
    return weights / weights.mean()


def encode_motions(vae: MldVae | PatchVae, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """mu and logvar (B, N, D) of features (B, T, F) with mask (B, T).

    On a CPU the published encoder takes motions of like length in small groups, cut to the longest of each: the same
    numbers in about half the time, as nothing is computed for padding and a group stays in the cache.
    """
    if isinstance(vae, PatchVae) or features.device.type != "cpu":
        return vae.encode(features, mask)
    lengths = mask.sum(1)
    order = lengths.argsort(stable=True)
    encoded = []
    for group in order.split(_GROUP):
        longest = int(lengths[group].max())
        encoded.append(vae.encode(features[group, :longest], mask[group, :longest]))
    back = order.argsort()
    mu, logvar = (torch.cat(parts)[back] for parts in zip(*encoded, strict=True))
    return mu, logvar


class RunLike(Protocol):
    """What a latent stage needs of its run (:class:`training.runs.run.Run`, which stands above this room)."""

    @property
    def folder(self) -> Path: ...

    @property
    def recipe(self) -> Recipe: ...

    @property
    def clips(self) -> dict[str, list[Clip]]: ...

    @property
    def statistics(self) -> tuple[Tensor, Tensor]: ...

    @property
    def seed(self) -> int: ...

    @property
    def texts(self) -> list[str]: ...

    def text_embeddings(self) -> Tensor: ...


class LatentSampler:
    """Draws motions and captions on the CPU, and encodes a part of them with the frozen autoencoder on ``device``."""

    def __init__(self, run: RunLike, stage: StageSchedule, device: torch.device, split: str = "train") -> None:
        self.run, self.device = run, device
        recipe = run.recipe
        vae = load_exported(run.folder / "vae.pt", build_vae(recipe.model), recipe.vae.use)
        self.vae = vae.requires_grad_(False).to(device)
        self.embeddings = run.text_embeddings()
        mean, std = (value.numpy() for value in run.statistics)
        self._motions = motion_sampler(
            run.clips[split], mean, std, run.texts, stage, recipe.weak_caption_dropout, run.seed
        )

    @property
    def uncond(self) -> Tensor:
        """(1, 1, W): the embedding of the empty text."""
        return self.embeddings[:1, None].to(self.device)

    def draw(self, generator: torch.Generator, step: int, text_dropout: float) -> Batch:
        """A batch's features, mask, eps and text; captions become the empty text with probability ``text_dropout``."""
        model = self.run.recipe.model
        motion = self._motions(generator, step)
        shape = (len(motion.features), model.num_tokens(motion.mask.shape[1]), model.latent_width)
        eps = torch.randn(shape, generator=generator)
        dropped = torch.rand(len(motion.captions), generator=generator) < text_dropout
        caption = motion.captions.clamp(min=0).masked_fill(dropped, 0)
        text = self.embeddings[caption][:, None]
        return {"features": motion.features, "mask": motion.mask, "eps": eps, "text": text}

    def shape_of(self, batch: Batch) -> torch.Size:
        """(B, N, D) of a batch's latents."""
        return batch["eps"].shape

    @torch.no_grad()
    def encode(self, part: Batch) -> LatentBatch:
        """The latents of (a part of) a batch."""
        mu, logvar = encode_motions(self.vae, part["features"], part["mask"])
        latent = mu + (0.5 * logvar).exp() * part["eps"]
        if isinstance(self.vae, PatchVae):
            latent = clamped(latent)
        scale = self.run.recipe.model.vae_scale_factor
        return LatentBatch(latent * scale, latent_mask_of(self.vae, part["mask"]), part["text"])

    def token_counts(self, batch: Batch, *terms: str) -> dict[str, Tensor]:
        """For :mod:`training.loop.batch_split`: terms that are means over the real tokens of all samples."""
        mask = batch["mask"]
        count = self.vae.latent_mask(mask).sum() if isinstance(self.vae, PatchVae) else torch.tensor(len(mask))
        return dict.fromkeys(terms, count)
