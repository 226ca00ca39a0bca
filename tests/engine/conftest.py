# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine's tests share: the numeric fixtures of reduced-size networks, and a tiny model of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.checkpoint import Networks, Statistics, build_networks, load_published
from engine.models.config import ModelConfig

Fixture = dict[str, Tensor]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def reference(shared_dir: Path) -> Callable[[str], Fixture]:
    """Read an array file of the numeric fixtures as tensors."""

    def read(name: str) -> Fixture:
        with np.load(shared_dir / "fixtures" / f"{name}.npz") as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in arrays.files}

    return read


@pytest.fixture(scope="session")
def reference_networks(shared_dir: Path) -> Networks:
    """The reduced-size V1 control model that belongs to the numeric fixtures."""
    return load_published(shared_dir / "fixtures" / "v1_control_t.safetensors")


TINY_V2 = ModelConfig(
    name="tiny-v2",
    variant="v2",
    kind="lcm",
    num_latent_tokens=4,
    latent_width=8,
    hidden_width=16,
    feedforward_width=32,
    num_layers=3,
    num_heads=2,
    text_width=12,
    time_width=16,
    guidance_width=8,
    control_embedding_width=10,
    original_inference_steps=10,
    timesteps_map={1: (799,), 2: (699, 299), 4: (699, 399, 299, 299)},
    guidance_scales={1: 8.0, 2: 12.5, 4: 13.5},
)
"""Small enough to build in a moment; every part of the published V2 layout is there."""


def tiny_networks(config: ModelConfig = TINY_V2, seed: int = 0) -> Networks:
    """Networks with noise in every weight, the zero-initialised ones too, and made-up statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        networks = build_networks(config)
        with torch.no_grad():
            for part in networks.parts.values():
                for parameter in part.parameters():
                    parameter.add_(0.05 * torch.randn_like(parameter))
    random = np.random.default_rng(seed)
    networks.statistics = Statistics(
        random.normal(size=config.num_features).astype(np.float32),
        random.uniform(0.5, 2.0, config.num_features).astype(np.float32),
        random.normal(size=(config.num_joints, 3)).astype(np.float32),
        random.uniform(0.5, 2.0, (config.num_joints, 3)).astype(np.float32),
    )
    return networks.eval()
