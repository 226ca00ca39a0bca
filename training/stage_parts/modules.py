# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that stages hand on to each other, as their configuration makes them.

Apart from the stages, so that a run can be opened, fine-tuned and exported without them.
"""

from __future__ import annotations

import dataclasses

from torch import nn

from engine.models.build import build_trajectory_encoder
from engine.models.config import ModelConfig, as_mld
from engine.models.controlnet import ControlNet
from engine.models.patch_trajectory_encoder import PatchTrajectoryEncoder
from engine.models.trajectory_encoder import TrajectoryEncoder

from ..recipes import Recipe

STAGES = ("vae", "mld", "distill", "control", "correct")


def stages_of(recipe: Recipe) -> list[str]:
    """The stages that a recipe's model goes through, in their order."""
    left_out = set()
    is_diffusion = base_config(recipe).kind == "mld"
    if is_diffusion:
        left_out.add("distill")  # the ControlNet of a diffusion model needs no consistency model
    if not recipe.model.control:
        left_out.add("control")
    if is_diffusion or not recipe.model.has_corrector:
        left_out.add("correct")
    return [name for name in STAGES if name not in left_out]


def mld_config(model: ModelConfig) -> ModelConfig:
    """The diffusion model that ``model`` is, or that is distilled into it later: no guidance embedding yet."""
    if model.kind == "mld":
        return model
    return dataclasses.replace(as_mld(model), name=model.name, corrector_passes=0)


class ControlParts(nn.Module):
    """What this stage trains, as one module."""

    def __init__(self, controlnet: ControlNet, trajectory_encoder: TrajectoryEncoder | PatchTrajectoryEncoder) -> None:
        super().__init__()
        self.controlnet, self.trajectory_encoder = controlnet, trajectory_encoder


def build_parts(model: ModelConfig) -> ControlParts:
    """ControlNet and trajectory encoder with fresh weights."""
    return ControlParts(ControlNet(model), build_trajectory_encoder(model))


def base_config(recipe: Recipe) -> ModelConfig:
    """The model that the ControlNet belongs to: the consistency model, or the diffusion model before it."""
    return mld_config(recipe.model) if recipe.control_base == "mld" else recipe.model
