# SPDX-License-Identifier: GPL-3.0-or-later
"""Take out the steps between neighbouring patches of decoded features.

A token decodes to its own frames, and where two tokens meet the pose steps by more than it moves. How much more is
known: the step across the border less the mean of the steps on either side. Half of it is taken back on either side,
less and less over some frames, as a video decoder does at the borders of its blocks.

Shapes: B batch, T frames, F features, P frames a patch, N = ceil(T / P) patches.
"""

from __future__ import annotations

import torch
from torch import Tensor

from blender_addon.shared import features as feature_set

REACH_FRAMES = 4  # frames that change on either side of a border
POSE = slice(feature_set.ROOT_HEIGHT.start, feature_set.JOINT_POSITIONS.stop)
"""What is smoothed. Root velocities are left alone: their sum is the path."""


def smooth_seams(patches: Tensor, mask: Tensor) -> Tensor:
    """Patches (B, N, P, F) of features, of which the frames in ``mask`` (B, T) are real, without steps between them."""
    count, size = patches.shape[1:3]
    if count < 2 or size < 2:
        return patches
    reach = min(REACH_FRAMES, size)
    # Where the second frame of a patch is not real, there is nothing to go on to.
    second = mask[:, size + 1 :: size]
    real = torch.nn.functional.pad(second, (0, count - 1 - second.shape[1]))[..., None].to(patches.dtype)
    pose = patches[..., POSE]
    before, after = pose[:, :-1], pose[:, 1:]
    usual = 0.5 * (before[:, :, -1] - before[:, :, -2] + after[:, :, 1] - after[:, :, 0])
    excess = (after[:, :, 0] - before[:, :, -1] - usual) * real
    fall = (torch.arange(reach, device=pose.device, dtype=pose.dtype) + 0.5) / reach
    share = 0.5 * (1 - 3 * fall**2 + 2 * fall**3)
    moved = excess[:, :, None] * share[:, None]
    still = pose.new_zeros(len(pose), 1, size, pose.shape[-1])
    into_next = torch.nn.functional.pad(moved.flip(2), (0, 0, size - reach, 0))
    from_last = torch.nn.functional.pad(moved, (0, 0, 0, size - reach))
    pose = pose + torch.cat([into_next, still], 1) - torch.cat([still, from_last], 1)
    return torch.cat([patches[..., : POSE.start], pose, patches[..., POSE.stop :]], -1)
