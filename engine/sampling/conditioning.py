# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sampler is given beside the networks: what to make, and the noise to make it from.

Shapes: B batch, N latent tokens, D latent width, L text tokens, W text width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from . import scheduler
from .latents import KnownTokens


@dataclass(frozen=True, eq=False)
class Conditioning:
    """``text`` (B, L, W); ``empty_text`` (B or 1, L, W), the empty sentence's, to guide away from; ``control``
    (B, N, ·) the trajectory encoder's output; ``latent_mask`` (B, N), True where a latent is real, None for all.
    ``known``: tokens that are to be as they are; the others are made to fit them. ``refining``: brings a clean latent
    (B, N, D) onto the hints, and yields it after each of its steps.
    """

    text: Tensor
    num_steps: int
    guidance_scale: float
    empty_text: Tensor | None = None
    control: Tensor | None = None
    latent_mask: Tensor | None = None
    known: KnownTokens | tuple[Tensor, Tensor] | None = None
    refining: Callable[[Tensor], Iterator[Tensor]] | None = None

    def with_known(self, latent: Tensor, noise: Tensor | None = None, time: int = 0) -> Tensor:
        """The latent (B, N, D) with its known tokens in place, at the noise level of ``time`` when there is ``noise``
        (RePaint, arXiv 2201.09865, without its repetitions).
        """
        if self.known is None:
            return latent
        clean, mask = self.known
        placed = clean if noise is None else scheduler.add_noise(clean, noise, time)
        return torch.where(mask[..., None], placed, latent)


@dataclass(frozen=True, eq=False)
class Noise:
    """``start`` (B, N, D), and ``between`` (K, B, N, D) what is added between steps: drawn from ``generators``, one a
    sample or one for all, where it is None.
    """

    start: Tensor
    generators: Sequence[torch.Generator]
    between: Tensor | Sequence[Tensor] | None = None

    def for_steps(self, count: int) -> Tensor | Sequence[Tensor]:
        """The noise of ``count`` steps; all of it now: what is brought to a graphics card waits for what it
        computes.
        """
        if self.between is not None:
            return self.between
        return [draw(self.start.shape, self.generators, self.start.device) for _ in range(count)]


def draw(shape: Sequence[int], generators: Sequence[torch.Generator], device: torch.device) -> Tensor:
    """Noise (B, N, D): all of it from the only generator, or a sample from each; drawn where each of them lives, so
    that a seed means the same noise on every device.
    """
    size = (shape[0] // len(generators), *shape[1:])
    drawn = [torch.randn(size, generator=generator, device=generator.device) for generator in generators]
    return torch.cat(drawn).to(device)
