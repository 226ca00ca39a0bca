# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing between the first sampling step and the decoded motion waits for a graphics card.

A program waits where it asks a card for a number, and where it brings it one that lies in the computer's memory. The
'meta' device of torch stands for the card: it has shapes and no numbers, so that asking for one is an error, and what
is brought to it can be counted. No card is needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engine.checkpoints.folder import Networks
from engine.checkpoints.networks import Statistics, build_networks
from engine.models.config import PAPER_V1, PAPER_V2, ModelConfig
from engine.sampling import sample
from engine.sampling.correct import correct

from ..models.test_models import PATCH

FRAMES, CARD = 60, torch.device("meta")


class Crossings(TorchDispatchMode):
    """Counts tensors that go from the CPU to the card; plain numbers, which go along with a call, do not count."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        from_cpu = any(x.device.type == "cpu" and x.dim() > 0 for x in given)
        copied = "copy" in func.name() and any(x.device.type == "cpu" for x in given)
        if (from_cpu or copied) and any(isinstance(x, Tensor) and x.device == CARD for x in tree_leaves(out)):
            self.seen.append(func.name())
        return out


def on_the_card(config: ModelConfig) -> Networks:
    with CARD:
        networks = build_networks(config).freeze()
    ones = np.ones(config.num_features, np.float32)
    networks.statistics = Statistics(ones, ones)
    networks.feature_scale(torch.zeros(1, device=CARD))  # brought there once, when the model is loaded
    return networks


@pytest.mark.parametrize("config", [PATCH, PAPER_V2, PAPER_V1], ids=lambda config: config.name)
@torch.no_grad()
def test_from_noise_to_features_nothing_waits_for_the_card(config: ModelConfig) -> None:
    networks, tokens = on_the_card(config), config.num_tokens(FRAMES)
    text = torch.zeros(1, 1, config.text_width, device=CARD)
    hint, mask = torch.zeros(1, FRAMES, 22, 3, device=CARD), torch.ones(1, FRAMES, dtype=torch.bool, device=CARD)
    hint_mask = torch.ones(1, FRAMES, 22, dtype=torch.bool, device=CARD)
    assert networks.trajectory_encoder is not None
    networks.trajectory_encoder(hint, hint_mask)  # tables are brought there once
    with Crossings() as reading:
        control = networks.trajectory_encoder(hint, hint_mask)
    steps = sample(
        networks, text, num_inference_steps=2, control_embedding=control, uncond_embedding=text, num_tokens=tokens
    )
    next(steps)  # noise and guidance are brought along before it
    with Crossings() as rest:
        for latent in steps:  # noqa: B007
            pass
        latent = correct(networks, latent, mask, hint, hint_mask[..., None].expand(-1, -1, -1, 3))
        features = networks.decode(latent, mask)
    assert features.shape == (1, FRAMES, config.num_features)
    assert reading.seen == [] and rest.seen == []


def test_what_is_brought_to_the_card_would_be_seen() -> None:
    with Crossings() as crossings:
        torch.zeros(3).to(CARD)
        torch.zeros(3, device=CARD).copy_(torch.ones(3))
        torch.zeros(3, device=CARD) * torch.tensor(2.0)
    assert len(crossings.seen) == 2
    with pytest.raises(RuntimeError):
        bool(torch.zeros(1, device=CARD))
