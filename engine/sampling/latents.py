# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into sampling beside noise, and what comes out: known frames as tokens, controls read, latents decoded.

Shapes: T frames, J = 22 joints, F = 263 features, N latent tokens, D latent width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from blender_addon.shared.series import runs

from ..compute.device import threads_for

if TYPE_CHECKING:
    from ..checkpoints.networks import Networks


class KnownTokens(NamedTuple):
    """``latent`` (B, N, D), and ``mask`` (B, N): True for the tokens that are to be as it says."""

    latent: Tensor
    mask: Tensor

    @classmethod
    def together(cls, several: Sequence[KnownTokens | None]) -> KnownTokens | None:
        """Those of several variations, which have the same frames, as one batch; None where there are none."""
        given = [each for each in several if each is not None]
        return cls(*map(torch.cat, zip(*given, strict=True))) if given else None


@torch.no_grad()
def encode_known(networks: Networks, features: np.ndarray, known: np.ndarray) -> KnownTokens | None:
    """The tokens (B = 1) of ``features`` (T, F), metres and radians, whose frames are all ``known`` (T,) bool. None
    when there are none, or a token does not stand for frames.
    """
    config, vae = networks.config, networks.vae
    if config.token_layout != "patch":
        return None
    patch, weight = config.patch_size, next(vae.parameters())
    tokens = known[: len(known) // patch * patch].reshape(-1, patch).all(1)
    if not tokens.any():
        return None
    mask = torch.zeros(1, config.num_tokens(len(known)), dtype=torch.bool, device=weight.device)
    latent = torch.zeros(*mask.shape, config.latent_width, device=weight.device)
    values = torch.from_numpy(features).float().to(weight.device)
    mean, std = networks.feature_scale(values)
    normalised = ((values - mean) / std)[None]
    # Each stretch by itself: the encoder looks at the neighbours of a token, and some are not there yet.
    for start, end in runs(tokens):
        # Only the token next to the new frames is held: more of them would keep the motion from doing what a new
        # sentence says (after a walk, a run came to 0.7 m/s instead of 1.2).
        first, last = (start, start + 1) if start > 0 else (end - 1, end)
        span = normalised[:, start * patch : end * patch].to(weight.dtype)
        code, _ = vae.encode(span, torch.ones(span.shape[:2], dtype=torch.bool, device=weight.device))
        latent[:, start:end], mask[:, first:last] = code.float() * config.vae_scale_factor, True
    return KnownTokens(latent, mask)


@torch.no_grad()
def decode_features(networks: Networks, latent: Tensor, mask: Tensor) -> np.ndarray:
    """Features (T, F) in metres and radians of a latent (1, N, D) whose frames are ``mask`` (1, T)."""
    decoded = networks.decode(latent.to(next(networks.vae.parameters()).dtype), mask).float()
    mean, std = networks.feature_scale(decoded)
    return (decoded * std + mean)[0].double().cpu().numpy()


class ControlReader:
    """Hints as the ControlNet is shown them. The last answer is kept: variations, and another seed or sentence on the
    same path, ask for it again.
    """

    def __init__(self, networks: Networks) -> None:
        """``networks`` have a trajectory encoder and the statistics of its hints, and stay on their device."""
        statistics, encoder = networks.statistics, networks.trajectory_encoder
        assert encoder is not None and statistics is not None and statistics.hint_mean is not None
        self._config, self._encoder = networks.config, encoder
        self._mean, self._std = torch.from_numpy(statistics.hint_mean), torch.from_numpy(statistics.hint_std)
        self._last: tuple[Tensor, Tensor, Tensor] | None = None  # hints, their mask, what they were read as

    @torch.no_grad()
    def read(self, hint: Tensor, hint_mask: Tensor) -> Tensor:
        """The trajectory encoder's output (1, N, ·) for hints (1, T, J, 3) in metres with their mask (1, T, J), both on
        the CPU.
        """
        normalised = (hint - self._mean) / self._std * hint_mask[..., None]
        if self._last is not None:
            last_hint, last_mask, control = self._last
            if torch.equal(last_mask, hint_mask) and torch.equal(last_hint, normalised):
                return control
        weight = next(self._encoder.parameters())
        rows = hint.shape[1] if self._config.token_layout == "global" else self._config.num_tokens(hint.shape[1])
        with threads_for(rows):
            control = self._encoder(normalised.to(weight.device), hint_mask.to(weight.device)).float()
        self._last = None if weight.requires_grad else (normalised, hint_mask.clone(), control)
        return control
