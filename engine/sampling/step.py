# SPDX-License-Identifier: GPL-3.0-or-later
"""One step's call of the networks, which all samplers share: the ControlNet on the current latent, then the denoiser.

Shapes: B batch, N latent tokens, D latent width, L text tokens, W text width.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ..compute.device import threads_for
from .conditioning import Conditioning

if TYPE_CHECKING:
    from ..checkpoints.networks import Networks


def predict(
    networks: Networks, latent: Tensor, time: int, conditioning: Conditioning, guidance: Tensor | None = None
) -> Tensor:
    """The networks' output (B, N, D) for the ``latent`` at ``time``, a replayed call where such are kept.

    ``guidance`` (B, width): the embedding of a guidance scale, for models that take one. With ``empty_text``, controls
    and a model that says so (``text_guidance``), what the sentence changes where nothing leads is added: a ControlNet
    takes a path's usual motion for the only one.
    """
    times = torch.full((1,), time, device=latent.device)
    given = conditioning
    tensors = (latent, times, given.text, guidance, given.control, given.latent_mask, given.empty_text)
    call = functools.partial(_call, networks)
    if networks.graph_cache is None or torch.is_grad_enabled():
        return call(*tensors)
    return networks.graph_cache("step", call, *tensors)


def _call(  # tensors one by one: a recorded call knows its inputs by their positions
    networks: Networks,
    latent: Tensor,
    times: Tensor,
    text: Tensor,
    guidance: Tensor | None,
    control: Tensor | None,
    mask: Tensor | None,
    empty_text: Tensor | None,
) -> Tensor:
    """The networks' precision inside, float32 outside. To be guided by its text, the denoiser sees three times the
    batch: led by the controls; with the sentence alone; with the empty one.
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
    if residuals is not None and empty_text is not None and share:
        low, text = low.repeat(3, 1, 1), torch.cat([text, text, empty_text.to(dtype).expand(batch, -1, -1)])
        residuals = [F.pad(residual, (0, 0, 0, 0, 0, 2 * batch)) for residual in residuals]
        guidance = None if guidance is None else guidance.repeat(3, 1)
        mask = None if mask is None else mask.repeat(3, 1)
    with threads_for(len(low) * tokens):
        output = denoiser(low, times, text, guidance, residuals, mask).to(latent.dtype)
    if len(output) == batch:
        return output
    controlled, with_text, without_text = output.chunk(3)
    return controlled + share * (with_text - without_text)
