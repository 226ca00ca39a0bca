# SPDX-License-Identifier: GPL-3.0-or-later
"""From noise to a latent in a few steps, as a generator: the caller owns progress and cancel.

Each kind of model has its sampler, a row in :data:`SAMPLERS`. The ControlNet runs at every step on the current latent.
All randomness comes from the given generators.

Shapes: B batch, N latent tokens, D latent width, L text tokens, W text width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from blender_addon.shared.errors import BadRequest

from ..models.config import ModelConfig
from .conditioning import Conditioning, Noise, draw
from .ddim import ddim_timesteps, sample_ddim
from .latents import KnownTokens
from .lcm import sample_lcm
from .scheduler import lcm_timesteps

if TYPE_CHECKING:
    from ..checkpoints.networks import Networks


@dataclass(frozen=True)
class Sampler:
    """``sample``: (networks, conditioning, noise) -> latents (B, N, D) after each step. ``timesteps``: (config, number
    of steps) -> the times it is run at, noisiest first; raises BadRequest for a number it cannot do.
    """

    sample: Callable[[Networks, Conditioning, Noise], Iterator[Tensor]]
    timesteps: Callable[[ModelConfig, int], tuple[int, ...]]


SAMPLERS = {
    "lcm": Sampler(sample_lcm, lcm_timesteps),
    "mld": Sampler(sample_ddim, ddim_timesteps),
}
"""The sampler of each kind of model."""


def timesteps_of(config: ModelConfig, num_inference_steps: int) -> tuple[int, ...]:
    """The times a model is run at, noisiest first. Raises BadRequest for a number of steps it cannot do."""
    return SAMPLERS[config.kind].timesteps(config, num_inference_steps)


def sample(  # one keyword for each thing that a caller may give or leave out
    networks: Networks,
    text_embedding: Tensor,
    *,
    num_inference_steps: int | None = None,  # None: the model's own
    guidance_scale: float | None = None,  # likewise
    latent: Tensor | None = None,
    step_noise: Tensor | Sequence[Tensor] | None = None,
    control_embedding: Tensor | None = None,
    num_tokens: int | None = None,
    latent_mask: Tensor | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    uncond_embedding: Tensor | None = None,
    known: KnownTokens | tuple[Tensor, Tensor] | None = None,
    refining: Callable[[Tensor], Iterator[Tensor]] | None = None,
) -> Iterator[Tensor]:
    """Yield the latent (B,N,D) float32 after every step, ``refining``'s included; the last one is the result.

    text_embedding: (B or 1,L,W) or (B or 1,W). For a diffusion model with guidance either ``uncond_embedding``, the
    embedding of the empty sentence (B or 1,L,W), or a ``text_embedding`` of twice the latent's batch, conditional half
    first. With it a consistency model that is led by controls is guided by its text, too (``text_guidance``).
    latent: the starting noise (B,N,D); step_noise: that between LCM steps (steps-1,B,N,D); drawn when None.
    control_embedding: the trajectory encoder's output (B,N,·). latent_mask (B,N): True where a latent is real; None for
    all. num_tokens: N for the 'patch' layout when neither latent nor mask tell it.
    known: latents (B,N,D) and a mask (B,N), True for tokens that are to be as these are.
    refining: brings each step's clean latent (B,N,D) onto the hints; for models with ``refining_steps``.
    generator: source of all noise, or B of them, one a sample; None stands for seed 0.
    Gradients flow when one of the given tensors requires them, and are off otherwise.
    Raises BadRequest for a number of steps that the model does not have, and for inputs that do not fit together.
    """
    config = networks.config
    if networks.denoiser is None:
        raise BadRequest(
            "This checkpoint has only an autoencoder and cannot generate motion.", "Load one with a denoiser."
        )
    if control_embedding is not None and networks.controlnet is None:
        raise BadRequest("This model takes no controls.", "Load a model with a ControlNet, or leave the controls out.")
    steps = config.default_num_inference_steps if num_inference_steps is None else num_inference_steps
    guidance = config.guidance_for(steps) if guidance_scale is None else guidance_scale
    generators = _generators(generator)
    if text_embedding.dim() == 2:
        text_embedding = text_embedding[:, None]
    if latent is None:
        tokens = _num_tokens(config, num_tokens, latent_mask, control_embedding)
        batch = max(text_embedding.shape[0], len(generators))
        latent = draw((batch, tokens, config.latent_width), generators, text_embedding.device)
    if text_embedding.shape[0] == 1:
        text_embedding = text_embedding.expand(latent.shape[0], -1, -1)
    inputs = (latent, text_embedding, control_embedding, step_noise)
    gradients = torch.is_grad_enabled() and any(isinstance(x, Tensor) and x.requires_grad for x in inputs)
    conditioning = Conditioning(
        text_embedding, steps, guidance, uncond_embedding, control_embedding, latent_mask, known, refining
    )
    run = SAMPLERS[config.kind].sample(networks, conditioning, Noise(latent, generators, step_noise))
    while True:
        with torch.set_grad_enabled(gradients):
            step = next(run, None)
        if step is None:
            return
        yield step


def _num_tokens(config: ModelConfig, given: int | None, mask: Tensor | None, control: Tensor | None) -> int:
    if config.token_layout == "global":
        return config.num_latent_tokens
    if given is None and mask is not None:
        return mask.shape[1]
    if given is None and control is not None:
        return control.shape[1]
    if given is None:
        raise BadRequest("The number of latent tokens is not known.", "Give num_tokens, latent or latent_mask.")
    return given


def _generators(given: torch.Generator | Sequence[torch.Generator] | None) -> Sequence[torch.Generator]:
    if given is None:
        return [torch.Generator().manual_seed(0)]
    return [given] if isinstance(given, torch.Generator) else given
