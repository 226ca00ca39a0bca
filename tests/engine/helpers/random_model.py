# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkpoint folder like the embedded one, but tiny and untrained: its figure stands and trembles.

For tests of everything around the model. The networks, the sampler and the sentence encoder are the real ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blender_addon.shared.features import joints_to_features
from engine.checkpoints.folder import save_folder
from engine.checkpoints.networks import Statistics
from engine.models.config import ModelConfig

from ..conftest import tiny_networks
from .motions import standing

CONFIG = ModelConfig(
    name="untrained",
    variant="v2",
    kind="lcm",
    token_layout="patch",
    patch_size=4,
    latent_width=96,
    hidden_width=32,
    feedforward_width=64,
    num_layers=3,
    num_heads=2,
    text_width=384,
    text_encoder="all-MiniLM-L6-v2",
    control_width=32,
    default_num_inference_steps=2,
)


def save_random_model(folder: Path, config: ModelConfig = CONFIG) -> Path:
    """Write the model to ``folder`` and return it."""
    networks = tiny_networks(config)
    features = joints_to_features(standing(40))
    networks.statistics = Statistics(
        features.mean(0).astype(np.float32),
        np.full(config.num_features, 0.02, np.float32),
        standing(1)[0],
        np.full((config.num_joints, 3), 0.5, np.float32),
    )
    return save_folder(networks, folder, "# Untrained\n\nMade by a test.\n")
