# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the body of a latent about the vertical, frame by frame, and leave its way over the ground as it is.

Gauss-Newton (``refine.py``) cannot do that: a turn of half a circle bends the path far beyond where a derivative holds.
But the change of the root's own features is known at once: the heading turns by so much more from frame to frame, and
the steps, which are taken along the heading, turn back by as much. These are linear in the latent through the decoder's
linear part, so each token is moved by the least that brings its frames there, after what the tokens before it missed.

Shapes: T frames, F = 263 features, P frames a token, K tokens, D latent width.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from blender_addon.shared import features as feature_set

from ..checkpoints.networks import Networks
from ..models.patch_vae import PatchVae
from ..sampling.latents import decode_features
from .facing_goal import FacingGoal
from .riccati import split_patches

ROOT = 3  # features: half the heading's turn and the step over the ground, to the next frame
HALF_TURN_M = 1.0  # a radian of half the heading that is missed counts like metres of a step
LEAVING_M2 = 1e-4  # cost of leaving the sampled latent, in m^2 a squared standard deviation


def turn_latent(networks: Networks, latent: Tensor, mask: Tensor, facing: FacingGoal) -> Tensor:
    """``latent`` (1, N, D) of a patch layout, its body turned to where it is to face; mask (1, T) frames."""
    features = decode_features(networks, latent, mask).astype(np.float64)
    missing = facing.missing(feature_set.features_to_joints(features))
    if not missing.any():
        return latent
    known = facing.told
    missing[0], known[0] = 0.0, True  # features begin with the heading that they are given
    turns = np.interp(np.arange(len(known)), np.flatnonzero(known), missing[known])
    move = _least_move(networks, _changes(features, turns)) * networks.config.vae_scale_factor
    return latent + torch.from_numpy(move[None]).to(latent)


def _changes(features: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """(T, 3): by what the root's features change when each frame is turned by ``turns`` (T,) radians."""
    changes = np.zeros((len(turns), ROOT))
    changes[:-1, 0] = -np.diff(turns) / 2
    left, ahead = features[:, feature_set.GROUND_VELOCITY].T
    turned = np.append(turns[1:], turns[-1])  # a step is taken along the heading of the frame that it leads to
    changes[:, 1] = (np.cos(turned) - 1) * left - np.sin(turned) * ahead
    changes[:, 2] = np.sin(turned) * left + (np.cos(turned) - 1) * ahead
    return changes


def _least_move(networks: Networks, changes: np.ndarray) -> np.ndarray:
    """(K, D): the moves of the tokens that add up to the ``changes`` (T, 3) within each."""
    vae, statistics = networks.vae, networks.statistics
    assert isinstance(vae, PatchVae) and statistics is not None  # can_refine() has looked
    weight = vae.decoder_linear.weight.detach().double().cpu().numpy()
    std = np.asarray(statistics.feature_std, np.float64)[:ROOT, None]
    code = weight.reshape(vae.patch_size, vae.num_features, -1)[:, :ROOT] * std
    scale = np.array([HALF_TURN_M, 1.0, 1.0])
    summed = np.cumsum(code, 0)
    rows = (summed * scale[:, None]).reshape(-1, code.shape[-1])
    solve = rows.T @ np.linalg.inv(rows @ rows.T + LEAVING_M2 * np.eye(len(rows)))
    moves, missed = [], 0.0
    for wanted in np.cumsum(split_patches(changes, vae.patch_size), 1):
        wanted[:, 0] += missed
        move = solve @ (wanted * scale).ravel()
        missed = wanted[-1, 0] - summed[-1, 0] @ move
        moves.append(move)
    return np.stack(moves)
