# SPDX-License-Identifier: GPL-3.0-or-later
"""Which class stands for which part of a configuration: the one place where the token layout chooses the networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .config import ModelConfig

if TYPE_CHECKING:
    from .patch_trajectory_encoder import PatchTrajectoryEncoder
    from .patch_vae import PatchVae
    from .trajectory_encoder import TrajectoryEncoder
    from .vae import MldVae


def build_vae(config: ModelConfig) -> MldVae | PatchVae:
    """The motion autoencoder with fresh weights."""
    if config.token_layout == "patch":
        from .patch_vae import PatchVae

        return PatchVae(config)
    from .vae import MldVae

    return MldVae(config)


def build_trajectory_encoder(config: ModelConfig) -> TrajectoryEncoder | PatchTrajectoryEncoder:
    """The trajectory encoder with fresh weights."""
    if config.token_layout == "patch":
        from .patch_trajectory_encoder import PatchTrajectoryEncoder

        return PatchTrajectoryEncoder(config)
    from .trajectory_encoder import TrajectoryEncoder

    return TrajectoryEncoder(config)
