# SPDX-License-Identifier: GPL-3.0-or-later
"""The default model's trajectory encoder: a hint speaks to the token it concerns.

Every frame is told, for each controlled joint, where the track between its neighbouring keys lies (straight lines,
held at the ends), how it moves there, whether it is a key itself and how far the next ones are - all seen from the
patch the frame belongs to, in the direction in which the track runs. So what a token has to know stands in the token,
whether all frames are given or five keys.

Shapes: B batch, T frames, J joints, P frames a patch, N = ceil(T / P) tokens, C numbers a frame and joint, H width.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from blender_addon.shared.skeleton import FPS, SKELETON

from ..compute.matmul import Linear
from .config import ModelConfig
from .patch_vae import PatchBlock

NUM_TRACK_FEATURES = 20  # C
_SMOOTHING_FRAMES = 6.0  # standard deviation over which a track's direction is taken
_SLOW_MPS = 0.15  # below which a track has hardly a direction


class PatchTrajectoryEncoder(nn.Module):
    """hint (B, T, J, 3), hint_mask (B, T, J) -> (B, N, control width), batch first."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.patch_size, self.num_joints = config.patch_size, config.num_joints
        width = config.control_input_width
        self.input = Linear(config.patch_size * config.num_joints * NUM_TRACK_FEATURES, width)
        self.mix = nn.Sequential(nn.LayerNorm(width), Linear(width, 2 * width), nn.GELU(), Linear(2 * width, width))
        self.blocks = nn.ModuleList(PatchBlock(width) for _ in range(2))
        self.norm = nn.LayerNorm(width)

    def forward(self, hint: Tensor, hint_mask: Tensor) -> Tensor:
        batch, frames = hint_mask.shape[:2]
        tokens = -(-frames // self.patch_size)
        seen = track_features(hint, hint_mask, self.patch_size)
        seen = functional.pad(seen.flatten(2), (0, 0, 0, tokens * self.patch_size - frames))
        x = self.input(seen.reshape(batch, tokens, -1).to(self.input.weight.dtype))
        x = x + self.mix(x)
        real = x.new_ones(batch, tokens, 1)
        for block in self.blocks:
            x = block(x, real)
        return self.norm(x)


def interpolate_keys(hint: Tensor, hint_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Tracks (B, T, J, 3) through the keys by straight lines, held at the ends; frames since the last and to the next
    key (B, T, J).

    Joints without any key give zeros.
    """
    frames = hint.shape[1]
    place = torch.arange(frames, device=hint.device)[None, :, None].expand(hint_mask.shape)
    before = torch.where(hint_mask, place, -1).cummax(1).values
    after = torch.where(hint_mask, place, 2 * frames).flip(1).cummin(1).values.flip(1)
    has_before, has_after = before >= 0, after < frames
    left = torch.where(has_before, before, after).clamp(0, frames - 1)
    right = torch.where(has_after, after, before).clamp(0, frames - 1)
    span = (right - left).clamp(min=1)
    share = ((place - left).to(hint.dtype) / span).clamp(0, 1)[..., None]
    at_left = hint.gather(1, left[..., None].expand_as(hint))
    at_right = hint.gather(1, right[..., None].expand_as(hint))
    known = hint_mask.any(1, keepdim=True)
    track = torch.where(known[..., None], at_left + share * (at_right - at_left), 0.0)
    since = torch.where(has_before, place - before, frames)
    until = torch.where(has_after, after - place, frames)
    return track, since, until


@functools.cache
def _gaussian(sigma: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Kernel (2 R + 1,) that is cut at R = three sigma, on its device to stay there."""
    radius = int(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return torch.as_tensor(kernel / kernel.sum(), dtype=dtype, device=device)


def _smooth(values: Tensor, sigma: float) -> Tensor:
    """Gaussian filter along axis 1 of (B, T, J, C), the ends held."""
    weight = _gaussian(sigma, values.dtype, values.device)
    radius = len(weight) // 2
    batch, frames, joints, channels = values.shape
    flat = values.permute(0, 2, 3, 1).reshape(-1, 1, frames)
    flat = functional.pad(flat, (radius, radius), mode="replicate")
    flat = functional.conv1d(flat, weight[None, None])
    return flat.reshape(batch, joints, channels, frames).permute(0, 3, 1, 2)


def track_features(hint: Tensor, hint_mask: Tensor, patch_size: int) -> Tensor:
    """(B, T, J, C): what each frame is told about each controlled joint; zero for joints without a key."""
    hint = hint.masked_fill(~hint_mask[..., None], 0.0)
    pelvis = SKELETON.index("pelvis")
    # The character starts over the origin: a pelvis key there, unless one is given.
    start_free = ~hint_mask[:, 0, pelvis] & hint_mask[:, :, pelvis].any(1)
    anchored, anchored_mask = hint.clone(), hint_mask.clone()
    height = hint[:, :, pelvis, 1].sum(1) / hint_mask[:, :, pelvis].sum(1).clamp(min=1)
    origin = torch.stack([0 * height, height, 0 * height], -1)
    anchored[:, 0, pelvis] = torch.where(start_free[:, None], origin, anchored[:, 0, pelvis])
    anchored_mask[:, 0, pelvis] |= start_free
    track, since, until = interpolate_keys(anchored, anchored_mask)
    velocity = functional.pad(track.diff(dim=1), (0, 0, 0, 0, 0, 1)) * FPS

    smooth = _smooth(velocity, _SMOOTHING_FRAMES)
    speed = (smooth[..., 0].square() + smooth[..., 2].square() + 1e-8).sqrt()
    # Direction over the ground: +Z (the canonical heading) takes over where the track hardly moves.
    sine = smooth[..., 0]
    cosine = smooth[..., 2] + _SLOW_MPS * torch.exp(-((speed / _SLOW_MPS) ** 2))
    length = (sine.square() + cosine.square() + 1e-8).sqrt()
    sine, cosine = sine / length, cosine / length
    turn = functional.pad(sine[:, 1:] * cosine[:, :-1] - cosine[:, 1:] * sine[:, :-1], (0, 0, 0, 1)) * FPS

    frames = hint.shape[1]
    first = torch.arange(frames, device=hint.device) // patch_size * patch_size
    relative = _into(track - track[:, first], sine[:, first], cosine[:, first])
    to_pelvis = _into(track - track[:, :, pelvis : pelvis + 1], sine, cosine)
    to_pelvis = to_pelvis * hint_mask[:, :, pelvis].any(1)[:, None, None, None]
    local_velocity = _into(velocity, sine, cosine)
    scalars = torch.stack(
        [
            hint_mask.to(track.dtype),
            (since / FPS).clamp(max=4),
            (until / FPS).clamp(max=4),
            sine,
            cosine,
            turn,
            speed,
            track[..., 1],
        ],
        -1,
    )
    seen = torch.cat([2 * relative, track / 2, local_velocity, 2 * to_pelvis, scalars], -1)
    return seen * hint_mask.any(1)[:, None, :, None]


def _into(vectors: Tensor, sine: Tensor, cosine: Tensor) -> Tensor:
    """Vectors (..., 3) in axes rotated about Y so that the direction (sine, cosine) in (x, z) becomes +Z."""
    x, y, z = vectors.unbind(-1)
    return torch.stack([cosine * x - sine * z, y, sine * x + cosine * z], -1)
