# SPDX-License-Identifier: GPL-3.0-or-later
"""Where one captured stretch takes over from another, the pose is made anew by the diffusion model.

Captured motion is encoded, noise is added, and the denoiser sees all of it: the tokens around a join are answered in
one step, the others stay. What the answer changes is decoded by the linear part of the decoder and added to the
captured pose, so that nothing is lost in encoding; the way of the pelvis and its heading stay as they are. Only joins
of matched steps gain by it, and whole motions lose (training/LOG.md, 2026-11-29): so it is used there alone.

Shapes: T frames, F = 263 features, N tokens, D latent width.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from blender_addon.shared import features as feature_set
from blender_addon.shared.series import dilate, gaussian_smooth

from ..checkpoints.networks import Networks
from ..models.patch_blending import smooth_seams
from ..models.patch_vae import PatchVae
from ..sampling import scheduler
from ..sampling.conditioning import Conditioning, draw
from ..sampling.ddim import denoised

NOISE_TIME = 500  # of the schedule: less changes little, more forgets what was there
JOIN_FRAMES = 4  # before and after a join, whose tokens are made anew
CHANGED_FRAMES, FADE_FRAMES = 12, 2.0  # around it, in which the pose changes, and how that fades


def can_denoise_joins(networks: Networks) -> bool:
    """Whether the model is led between its steps: its latents are those of captured frames, and no controls are
    missing where it is asked for a few of them.
    """
    return networks.config.refining_steps > 0


# Six parameters: what is changed, where and where not, by which sentence and chance.
def denoised_joins(
    networks: Networks,
    features: np.ndarray,
    joins: Sequence[int],
    known: np.ndarray,
    text: Tensor,
    generator: torch.Generator,
) -> Generator[None, None, np.ndarray]:
    """``features`` (T, F) whose poses around the frames ``joins`` are made anew, but for the ``known`` frames (T,),
    which stay. ``text`` (1, W): the sentence's embedding. Yields between its parts.
    """
    around = np.zeros(len(features), bool)
    around[list(joins)] = True
    fresh = _tokens(dilate(around, JOIN_FRAMES), networks) & ~_tokens(known, networks)
    if not fresh.any():
        return features
    mask = torch.ones(1, len(features), dtype=torch.bool, device=text.device)
    latent = _encoded(networks, features, mask)
    yield
    noisy = scheduler.add_noise(latent, draw(latent.shape, [generator], latent.device), NOISE_TIME)
    conditioning = Conditioning(text[:, None], 1, guidance_scale=1.0)  # with guidance it is no better, and takes longer
    made = denoised(networks, conditioning, noisy, NOISE_TIME)
    yield
    change = _decoded(
        networks, torch.where(torch.from_numpy(fresh)[:, None].to(latent.device), made - latent, 0.0), mask
    )
    change[:, : feature_set.ROOT_HEIGHT.start] = 0.0
    share = gaussian_smooth((dilate(around, CHANGED_FRAMES) & ~known)[:, None].astype(float), FADE_FRAMES)
    changed = features + np.where(known[:, None], 0.0, share) * change
    changed[:, feature_set.FOOT_CONTACTS] = np.clip(changed[:, feature_set.FOOT_CONTACTS], 0.0, 1.0)
    return changed


def _tokens(frames: np.ndarray, networks: Networks) -> np.ndarray:
    """(N,) bool: tokens that stand for any of ``frames`` (T,) bool."""
    patch, count = networks.config.patch_size, networks.config.num_tokens(len(frames))
    return np.pad(frames, (0, count * patch - len(frames))).reshape(count, patch).any(1)


@torch.no_grad()
def _encoded(networks: Networks, features: np.ndarray, mask: Tensor) -> Tensor:
    """The latent (1, N, D) of ``features`` (T, F)."""
    weight = next(networks.vae.parameters())
    values = torch.from_numpy(features).float().to(weight.device)
    mean, std = networks.feature_scale(values)
    code, _ = networks.vae.encode(((values - mean) / std)[None].to(weight.dtype), mask)
    return code.float() * networks.config.vae_scale_factor


@torch.no_grad()
def _decoded(networks: Networks, change: Tensor, mask: Tensor) -> np.ndarray:
    """By what the features (T, F) change with the latent, by ``change`` (1, N, D)."""
    vae = networks.vae
    assert isinstance(vae, PatchVae)
    patches = F.linear(change / networks.config.vae_scale_factor, vae.decoder_linear.weight.float())
    smooth = smooth_seams(patches.view(1, -1, vae.patch_size, vae.num_features), mask).reshape(-1, vae.num_features)
    return (smooth[: mask.shape[1]] * networks.feature_scale(smooth)[1]).double().cpu().numpy()
