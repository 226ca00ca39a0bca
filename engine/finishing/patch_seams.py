# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the jumps out of a motion where one patch of frames meets the next.

A model with time-local latents draws each patch's token with little thought of its neighbours, so limbs jump by
centimetres from a patch's last frame to the next one's first. The motion x is changed by the least d that makes up for
it, found for every coordinate by one small linear solve:

    sum within patches  BEND |d''|^2  +  sum  KEEP |d|^2  +  sum across seams  BEND |(x + d)''|^2

Within a patch the shape of the movement stays; each jump is shared out over some frames on both sides. It acts on the
pelvis's path, the heading, and the joints as seen from there, so that turning and walking do not bend limbs.

Shapes: T frames, J = 22 joints. Metres, radians; numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import solveh_banded

from blender_addon.shared import quat

from .second_differences import apply_transposed, gram_band

_BEND_WEIGHT, _KEEP_WEIGHT = 16.0, 1.0
_FROZEN_WEIGHT = 1e6  # instead of _KEEP_WEIGHT in frozen frames


def remove_jumps(
    joints: np.ndarray, yaw: np.ndarray, seams: Sequence[int], frozen: np.ndarray | None = None
) -> np.ndarray:
    """``joints`` (T, J, 3) of a body with headings ``yaw`` (T,) about +Y, no longer jumping at ``seams``, the first
    frames of patches. frozen (T,) bool: frames that stay as they are.
    """
    frames = len(joints)
    seams = [seam for seam in seams if 0 < seam < frames]
    if frames < 4 or not seams:
        return joints
    joints = np.asarray(joints, np.float64)
    root = joints[:, :1] * np.array([1.0, 0.0, 1.0])
    local = quat.rotate(quat.from_yaw(-yaw)[:, None], joints - root)
    channels = np.concatenate([root[:, 0], np.unwrap(yaw)[:, None], local.reshape(frames, -1)], 1)
    smooth = channels + _change(channels, seams, frozen)
    rotation = quat.from_yaw(smooth[:, 3])[:, None]
    return quat.rotate(rotation, smooth[:, 4:].reshape(local.shape)) + smooth[:, None, :3]


def _change(channels: np.ndarray, seams: Sequence[int], frozen: np.ndarray | None) -> np.ndarray:
    """d (T, C) for ``channels`` (T, C)."""
    frames = len(channels)
    across = np.zeros(frames - 2, bool)  # of the second difference at frame t + 1
    for seam in seams:
        across[max(seam - 2, 0) : seam] = True
    band = _BEND_WEIGHT * gram_band(frames)
    band[0] += _KEEP_WEIGHT
    if frozen is not None:
        band[0, frozen] += _FROZEN_WEIGHT
    jumps = np.diff(channels, n=2, axis=0) * across[:, None]
    return solveh_banded(band, -_BEND_WEIGHT * apply_transposed(jumps), lower=True, check_finite=False)
