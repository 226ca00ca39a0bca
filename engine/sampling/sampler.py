# SPDX-License-Identifier: GPL-3.0-or-later
"""From noise to a latent in a few steps, as a generator: the caller owns progress and cancel.

B batch, N latent tokens, D latent width, L text tokens, W text width. Consistency models (kind 'lcm') take the guidance
as an embedding and 1 to a few steps; diffusion models (kind 'mld') take DDIM steps with classifier-free guidance. The
ControlNet runs at every step on the current latent. All randomness comes from the given generators, drawn where each
of them lives, so that a seed means the same noise on every device.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from blender_addon.shared.errors import BadRequest

from ..compute.device import threads_for
from . import scheduler

if TYPE_CHECKING:
    from ..checkpoints.folder import Networks


def sample(
    networks: Networks,
    text_embedding: Tensor,
    *,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    latent: Tensor | None = None,
    step_noise: Tensor | Sequence[Tensor] | None = None,
    control_embedding: Tensor | None = None,
    num_tokens: int | None = None,
    latent_mask: Tensor | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    uncond_embedding: Tensor | None = None,
    known: tuple[Tensor, Tensor] | None = None,
) -> Iterator[Tensor]:
    """Yield the latent (B,N,D) float32 after every step; the last one is the result.

    text_embedding: (B or 1,L,W) or (B or 1,W). For a diffusion model with guidance either ``uncond_embedding``, the
    embedding of the empty sentence (B or 1,L,W), or a ``text_embedding`` of twice the latent's batch, conditional half
    first.
    latent: the starting noise (B,N,D); drawn when None. step_noise: the noise between LCM steps (steps-1,B,N,D); drawn
    when None. control_embedding: the trajectory encoder's output (B,N,·). latent_mask (B,N): True where a latent is
    real; None for all. num_tokens: N for the 'patch' layout when neither latent nor mask tell it.
    known: latents (B,N,D) and a mask (B,N), True for tokens that shall be as these are: the others are made to fit them
    (RePaint, arXiv 2201.09865, without its repetitions).
    A consistency model that is led by controls is with ``uncond_embedding`` also guided by its text, as far as the
    model's ``text_guidance`` says: what the sentence changes where nothing leads is added to the answer, since a
    ControlNet takes a path's usual motion for the only one.
    generator: source of all noise, or B of them, one a sample; None stands for seed 0. Steps and guidance default to
    the model's own.

    Gradients flow when one of the given tensors requires them, and are off otherwise.
    Raises BadRequest for a number of steps that the model does not have, and for inputs that do not fit together.
    """
    config = networks.config
    if networks.denoiser is None:
        raise BadRequest("This checkpoint holds an autoencoder only and cannot generate.", "Load one with a denoiser.")
    if control_embedding is not None and networks.controlnet is None:
        raise BadRequest("This model takes no controls.", "Load a model with a ControlNet, or leave the controls out.")
    steps = config.default_num_inference_steps if num_inference_steps is None else num_inference_steps
    guidance = config.guidance_for(steps) if guidance_scale is None else guidance_scale
    generators = _generators(generator)
    if text_embedding.dim() == 2:
        text_embedding = text_embedding[:, None]
    if latent is None:
        tokens = _num_tokens(networks, num_tokens, latent_mask, control_embedding)
        batch = max(text_embedding.shape[0], len(generators))
        latent = _noise((batch, tokens, config.latent_width), generators, text_embedding.device)
    if text_embedding.shape[0] == 1:
        text_embedding = text_embedding.expand(latent.shape[0], -1, -1)
    inputs = (latent, text_embedding, control_embedding, step_noise)
    gradients = torch.is_grad_enabled() and any(isinstance(x, Tensor) and x.requires_grad for x in inputs)
    if config.kind == "lcm":
        run = _lcm(
            networks,
            latent,
            text_embedding,
            control_embedding,
            latent_mask,
            steps,
            guidance,
            step_noise,
            generators,
            uncond_embedding,
            known,
        )
    else:
        text = _doubled_text(text_embedding, uncond_embedding, latent.shape[0], guidance)
        run = _ddim(networks, latent, text, control_embedding, latent_mask, steps, guidance, known)
    while True:
        with torch.set_grad_enabled(gradients):
            step = next(run, None)
        if step is None:
            return
        yield step


def _lcm(
    networks: Networks,
    latent: Tensor,
    text: Tensor,
    control: Tensor | None,
    mask: Tensor | None,
    steps: int,
    guidance: float,
    step_noise: Tensor | Sequence[Tensor] | None,
    generators: Sequence[torch.Generator],
    uncond: Tensor | None,
    known: tuple[Tensor, Tensor] | None,
) -> Iterator[Tensor]:
    """Denoise to the end, add less noise, again (LCM, algorithm 3). A time may stand in the list twice: the index
    counts.
    """
    config = networks.config
    times = scheduler.lcm_timesteps(config, steps)
    assert config.guidance_width is not None  # ModelConfig: every consistency model has one
    embedding = scheduler.guidance_embedding(guidance - 1.0, config.guidance_width).to(latent.device)
    embedding = embedding.expand(latent.shape[0], -1)
    latent = _with_known(latent, known, latent, times[0])
    if step_noise is None:  # all of it now: what is brought to a graphics card waits for what it computes
        step_noise = [_noise(latent.shape, generators, latent.device) for _ in times[1:]]
    for index, time in enumerate(times):
        output = _predict(networks, latent, time, text, embedding, control, mask, uncond)
        latent = scheduler.lcm_denoise(latent, output, time, config.prediction_type)
        latent = _with_known(latent, known)
        if index + 1 < len(times):
            latent = scheduler.add_noise(latent, step_noise[index].to(latent), times[index + 1])
        yield latent


def _ddim(
    networks: Networks,
    latent: Tensor,
    text: Tensor,
    control: Tensor | None,
    mask: Tensor | None,
    steps: int,
    guidance: float,
    known: tuple[Tensor, Tensor] | None,
) -> Iterator[Tensor]:
    """DDIM with eta 0; with guidance the batch is doubled, conditional half first: u + scale (c - u)."""
    rule = scheduler.ddim_scheduler(steps, networks.config.prediction_type)
    guided = text.shape[0] == 2 * latent.shape[0]
    if guided:
        mask = None if mask is None else mask.repeat(2, 1)
        if control is not None and control.shape[0] == latent.shape[0]:
            control = control.repeat(2, 1, 1)
    times, noise = rule.timesteps.tolist(), latent
    for index, time in enumerate(times):
        latent = _with_known(latent, known, noise, time)
        output = _predict(networks, latent.repeat(2, 1, 1) if guided else latent, time, text, None, control, mask)
        if guided:
            conditional, unconditional = output.chunk(2)
            output = unconditional + guidance * (conditional - unconditional)
        latent = rule.step(output, time, latent, return_dict=False)[0]
        yield latent if index + 1 < len(times) else _with_known(latent, known)


def _with_known(
    latent: Tensor, known: tuple[Tensor, Tensor] | None, noise: Tensor | None = None, time: int = 0
) -> Tensor:
    """The latent with its known tokens in place, at the noise level of ``time`` when there is ``noise``."""
    if known is None:
        return latent
    clean, mask = known
    return torch.where(mask[..., None], clean if noise is None else scheduler.add_noise(clean, noise, time), latent)


def _predict(
    networks: Networks,
    latent: Tensor,
    time: int,
    text: Tensor,
    guidance: Tensor | None,
    control: Tensor | None,
    mask: Tensor | None,
    uncond: Tensor | None = None,
) -> Tensor:
    """One step's call of the networks, a replayed one where such are kept."""
    times = torch.full((1,), time, device=latent.device)
    call, given = functools.partial(_answer, networks), (latent, times, text, guidance, control, mask, uncond)
    if networks.graph_cache is None or torch.is_grad_enabled():
        return call(*given)
    return networks.graph_cache("step", call, *given)


def _answer(
    networks: Networks,
    latent: Tensor,
    times: Tensor,
    text: Tensor,
    guidance: Tensor | None,
    control: Tensor | None,
    mask: Tensor | None,
    uncond: Tensor | None,
) -> Tensor:
    """One call of the denoiser, and of the ControlNet before it; the networks' precision inside, float32 outside.

    With ``uncond``, controls and a model that asks for it, the denoiser sees three times the batch: led by the
    controls; with the sentence alone; with the empty one. What the sentence changes is added to the first.
    """
    denoiser, share = networks.denoiser, networks.config.text_guidance
    assert denoiser is not None  # sample() has looked
    dtype = next(denoiser.parameters()).dtype
    low, text = latent.to(dtype), text.to(dtype)
    batch, tokens, _ = latent.shape
    residuals = None
    if control is not None:
        assert networks.controlnet is not None
        with threads_for(batch * tokens):
            residuals = networks.controlnet(low, times, text, guidance, control.to(dtype), mask)
    if residuals is not None and uncond is not None and share:
        low, text = low.repeat(3, 1, 1), torch.cat([text, text, uncond.to(dtype).expand(batch, -1, -1)])
        residuals = [F.pad(residual, (0, 0, 0, 0, 0, 2 * batch)) for residual in residuals]
        guidance = None if guidance is None else guidance.repeat(3, 1)
        mask = None if mask is None else mask.repeat(3, 1)
    with threads_for(len(low) * tokens):
        answer = denoiser(low, times, text, guidance, residuals, mask).to(latent.dtype)
    if len(answer) == batch:
        return answer
    led, told, untold = answer.chunk(3)
    return led + share * (told - untold)


def _num_tokens(networks: Networks, asked: int | None, mask: Tensor | None, control: Tensor | None) -> int:
    if networks.config.token_layout == "global":
        return networks.config.num_latent_tokens
    if asked is None and mask is not None:
        return mask.shape[1]
    if asked is None and control is not None:
        return control.shape[1]
    if asked is None:
        raise BadRequest("The number of latent tokens is not known.", "Give num_tokens, latent or latent_mask.")
    return asked


def _doubled_text(text: Tensor, unconditional: Tensor | None, batch: int, guidance: float) -> Tensor:
    """[conditional; unconditional] (2B,L,W) when guidance is on, else the conditional half (B,L,W)."""
    doubled = text.shape[0] == 2 * batch
    if guidance <= 1.0:
        return text[:batch]
    if doubled:
        return text
    if unconditional is None:
        raise BadRequest(
            "Guidance needs the embedding of the empty sentence.", "Give uncond_embedding, or a guidance scale of 1."
        )
    if unconditional.dim() == 2:
        unconditional = unconditional[:, None]
    return torch.cat([text, unconditional.to(text).expand(batch, -1, -1)])


def _generators(given: torch.Generator | Sequence[torch.Generator] | None) -> Sequence[torch.Generator]:
    if given is None:
        return [torch.Generator().manual_seed(0)]
    return [given] if isinstance(given, torch.Generator) else given


def _noise(shape: Sequence[int], generators: Sequence[torch.Generator], device: torch.device) -> Tensor:
    """Noise (B,N,D): all of it from the only generator, or a sample from each."""
    size = (shape[0] // len(generators), *shape[1:])
    drawn = [torch.randn(size, generator=generator, device=generator.device) for generator in generators]
    return torch.cat(drawn).to(device)
