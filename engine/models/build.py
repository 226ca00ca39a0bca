# SPDX-License-Identifier: GPL-3.0-or-later
"""Which class stands for which part of a configuration: the one place where the token layout chooses the networks."""

from __future__ import annotations

from torch import nn

from .config import ModelConfig


def build_vae(config: ModelConfig) -> nn.Module:
    """The motion autoencoder with fresh weights."""
    if config.token_layout == "patch":
        from .patch_vae import PatchVae

        return PatchVae(config)
    from .vae import MldVae

    return MldVae(config)


def build_trajectory_encoder(config: ModelConfig) -> nn.Module:
    """The trajectory encoder with fresh weights."""
    if config.token_layout == "patch":
        from .patch_trajectory_encoder import PatchTrajectoryEncoder

        return PatchTrajectoryEncoder(config)
    from .trajectory_encoder import TrajectoryEncoder

    return TrajectoryEncoder(config)
