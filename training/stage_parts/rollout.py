# SPDX-License-Identifier: GPL-3.0-or-later
"""The ControlNet's later steps, started where sampling really starts them: at the model's own first answer.

In training a noisy latent holds the true motion, and a ControlNet learns to believe it rather than the hints. In
sampling it holds what the first step answered to pure noise, and errors stay. So some samples are taken from there, and
asked only to come to the hints and not to slide: their motion may be another than the captured one.

Shapes: B batch, T frames, J = 22 joints, N tokens, D latent width.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from engine.checkpoints.networks import Networks
from engine.sampling import scheduler

from .losses import ControlLossConfig

FIRST_STEP = 799
LATER_STEPS = (2, 7)  # of the DDIM grid: times 299 to 699 of ten
LATENT_SHARE = 0.3  # how much the captured motion's latent still counts
KEPT_TERMS = ("path", "standing")


def rolled_config(config: ControlLossConfig) -> ControlLossConfig:
    """The loss of samples that were taken from the model's own answer."""
    kept = {key: value for key, value in config.motion_weights.items() if key in KEPT_TERMS}
    return dataclasses.replace(config, latent_weight=LATENT_SHARE * config.latent_weight, motion_weights=kept)


# Seven tensors, as the networks take them.
@torch.no_grad()
def first_prediction(
    networks: Networks, start: Tensor, hint: Tensor, hint_mask: Tensor, text: Tensor, w: Tensor, mask: Tensor | None
) -> Tensor:
    """Clean latent (B, N, D) that sampling's first step finds in pure noise ``start``.

    hint (B, T, J, 3) normalised with mask (B, T, J); text (B, 1, W); w (B,) guidance weights; mask (B, N) or None.
    """
    model = networks.config
    assert networks.denoiser and networks.controlnet and networks.trajectory_encoder and model.guidance_width
    time = torch.full((len(start),), FIRST_STEP, device=start.device)
    embedding = scheduler.guidance_embedding(w, model.guidance_width)
    control = networks.trajectory_encoder(hint * hint_mask[..., None], hint_mask)
    residuals = networks.controlnet(start, time, text, embedding, control, mask)
    output = networks.denoiser(start, time, text, embedding, residuals, mask)
    return scheduler.lcm_denoise(start, output, time, model.prediction_type)
