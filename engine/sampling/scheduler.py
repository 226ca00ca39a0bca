# SPDX-License-Identifier: GPL-3.0-or-later
"""Noise tables, time-step lists and the arithmetic of one sampling step; everything here is pure.

Shapes: latents (B,N,D); a timestep is an int, or an integer tensor (B,) with one for each sample (training).
abar is the cumulative product of (1 - beta) of the 1000-step scaled-linear schedule that all published models use.
The DDIM of MLD is diffusers' own, which gives the published numbers. LCM stands here, because the published V2 list
[699, 399, 299, 299] is one that diffusers refuses, because the fresh noise belongs to the caller, and because training
needs a timestep for each sample. Importing diffusers takes two seconds, so it happens only where DDIM is asked for.
LCM: arXiv 2310.04378; DDIM: 2010.02502.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from blender_addon.shared.errors import BadRequest

from ..models.config import ModelConfig
from ..models.sinusoid import frequencies

if TYPE_CHECKING:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

NUM_TRAIN_TIMESTEPS = 1000
_BETA_START, _BETA_END = 0.00085, 0.012
_BETAS = {
    "num_train_timesteps": NUM_TRAIN_TIMESTEPS,
    "beta_start": _BETA_START,
    "beta_end": _BETA_END,
    "beta_schedule": "scaled_linear",
    "set_alpha_to_one": False,
    "clip_sample": False,
}
_SIGMA_DATA = 0.5
_TIMESTEP_SCALING = 10.0


@functools.cache
def alphas_cumprod() -> Tensor:
    """abar_t for t = 0..999, float32; abar_0 also stands for 'before step 0'."""
    betas = torch.linspace(_BETA_START**0.5, _BETA_END**0.5, NUM_TRAIN_TIMESTEPS, dtype=torch.float32) ** 2
    return torch.cumprod(1.0 - betas, dim=0)


def signal_and_noise(timestep: Tensor | int, like: Tensor) -> tuple[Tensor, Tensor]:
    """sqrt(abar_t) and sqrt(1 - abar_t), shaped so that they multiply ``like`` (B, ...). Of a plain number they are
    single numbers on the CPU: to bring them to a graphics card would be to wait for it.
    """
    if isinstance(timestep, Tensor):
        abar = alphas_cumprod().to(like.device)[timestep.to(like.device)].to(like.dtype)
    else:
        abar = alphas_cumprod()[timestep].to(like.dtype)
    abar = abar.reshape(abar.shape + (1,) * (like.dim() - 1)) if abar.dim() else abar
    return abar.sqrt(), (1.0 - abar).sqrt()


def add_noise(clean: Tensor, noise: Tensor, timestep: Tensor | int) -> Tensor:
    """x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise."""
    signal, sigma = signal_and_noise(timestep, clean)
    return signal * clean + sigma * noise


def predict_clean(sample: Tensor, output: Tensor, timestep: Tensor | int, prediction_type: str) -> Tensor:
    """x_0 that the network's ``output`` for ``sample`` means: the output itself ('sample'), or x_t less its noise."""
    if prediction_type == "sample":
        return output
    signal, sigma = signal_and_noise(timestep, sample)
    return (sample - sigma * output) / signal


def predict_noise(sample: Tensor, output: Tensor, timestep: Tensor | int, prediction_type: str) -> Tensor:
    """The noise that the network's ``output`` for ``sample`` means."""
    if prediction_type == "epsilon":
        return output
    signal, sigma = signal_and_noise(timestep, sample)
    return (sample - signal * output) / sigma


def boundary_scalings(timestep: Tensor | int) -> tuple[Tensor, Tensor]:
    """c_skip and c_out of LCM (section 4.1), so that f(x, 0) = x: c_skip(0) = 1, c_out(0) = 0. Shaped as
    ``timestep``.
    """
    scaled = torch.as_tensor(timestep, dtype=torch.float32) * _TIMESTEP_SCALING
    total = scaled**2 + _SIGMA_DATA**2
    return _SIGMA_DATA**2 / total, scaled / total.sqrt()


def lcm_denoise(sample: Tensor, output: Tensor, timestep: Tensor | int, prediction_type: str = "epsilon") -> Tensor:
    """The consistency function f(x_t, t) = c_skip x_t + c_out x_0."""
    clean = predict_clean(sample, output, timestep, prediction_type)
    c_skip, c_out = boundary_scalings(timestep)
    if c_skip.dim():
        c_skip, c_out = (c.to(sample).reshape(c.shape + (1,) * (sample.dim() - 1)) for c in (c_skip, c_out))
    return c_out * clean + c_skip * sample


def guidance_embedding(weight: Tensor | float, width: int) -> Tensor:
    """Embedding of w = guidance_scale - 1, (B,) or a number -> (B or 1, width) float32: sines, then cosines.

    The arguments reach 1e4, where float32 rounding shows in the third decimal: the products are taken in float32, as
    the published models were trained.
    """
    scaled = torch.as_tensor(weight, dtype=torch.float32).reshape(-1) * 1000.0
    half = width // 2
    angles = scaled[:, None] * frequencies(half, half - 1, scaled.device)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def lcm_timesteps(config: ModelConfig, num_inference_steps: int) -> tuple[int, ...]:
    """The times of an LCM run, noisiest first: the model's own list, else diffusers' rule over its distillation grid.

    Raises BadRequest when the model was not distilled for that many steps.
    """
    if config.timesteps_map and num_inference_steps in config.timesteps_map:
        return config.timesteps_map[num_inference_steps]
    most = config.original_inference_steps
    if not 1 <= num_inference_steps <= most:
        raise BadRequest(
            f"This model cannot sample in {num_inference_steps} steps.",
            f"Ask for 1 to {most} steps; 1, 2 and 4 are usual for a consistency model.",
        )
    return _plain_lcm_timesteps(most, num_inference_steps)


def _plain_lcm_timesteps(original_steps: int, num_inference_steps: int) -> tuple[int, ...]:
    """Evenly spread over the distillation grid from its noisiest time on, as diffusers' LCMScheduler picks them."""
    stride = NUM_TRAIN_TIMESTEPS // original_steps
    grid = stride * np.arange(original_steps, 0, -1) - 1
    picks = np.linspace(0, original_steps, num_inference_steps, endpoint=False).astype(int)
    return tuple(grid[picks].tolist())


def ddim_scheduler(num_inference_steps: int, prediction_type: str = "epsilon") -> DDIMScheduler:
    """diffusers' DDIM with MLD's settings (leading spacing, offset 1, eta 0 by default); iterate its ``timesteps``.

    Raises BadRequest for a number of steps that the schedule cannot be cut into.
    """
    if not 1 <= num_inference_steps < NUM_TRAIN_TIMESTEPS:
        raise BadRequest(
            f"A diffusion model cannot sample in {num_inference_steps} steps.",
            f"Ask for 1 to {NUM_TRAIN_TIMESTEPS - 1} steps; 50 is usual.",
        )
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    scheduler = DDIMScheduler(**_BETAS, prediction_type=prediction_type, timestep_spacing="leading", steps_offset=1)
    scheduler.set_timesteps(num_inference_steps)
    return scheduler
