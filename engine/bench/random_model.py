# SPDX-License-Identifier: GPL-3.0-or-later
"""A pipeline of the published sizes without the published files: random weights, a random vector for each sentence.

It needs the time and the memory of the real one; its motion is noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..models.text_encoder import TextEncoder
    from ..pipeline import Pipeline


class RandomSentenceEncoder:
    """Stands in for a sentence encoder."""

    def __init__(self, width: int) -> None:
        self.width = width

    def encode(self, texts: Sequence[str]) -> Tensor:
        """B sentences -> (B, width) unit vectors, the same for the same sentence."""
        return torch.stack([self._vector(text) for text in texts])

    def warm_up(self) -> None:
        """There is nothing to load."""

    def _vector(self, text: str) -> Tensor:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
        return torch.nn.functional.normalize(
            torch.randn(self.width, generator=torch.Generator().manual_seed(seed)), dim=-1
        )


def published_sizes(device: str = "auto") -> Pipeline:
    """MotionLCM-V2 with its ControlNet, with random weights and the statistics of the embedded model."""
    from ..checkpoints.folder import load_default
    from ..checkpoints.networks import build_networks
    from ..compute.device import pick_device, pick_dtype, pin_threads
    from ..models.config import PAPER_V2
    from ..pipeline import Pipeline

    pin_threads()
    target = pick_device(device)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = build_networks(PAPER_V2)
    networks.statistics = load_default().statistics
    networks = networks.to(target, pick_dtype(target)).freeze()
    return Pipeline(networks, cast("TextEncoder", RandomSentenceEncoder(PAPER_V2.text_width)), target)
