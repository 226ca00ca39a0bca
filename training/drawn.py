# SPDX-License-Identifier: GPL-3.0-or-later
"""Hints as people draw them: a captured pelvis sways and bobs with every step, a drawn path does neither.

A model that has only met captured paths takes a smooth one for gliding. So part of the training's hints are smoothed,
while the motion that answers them stays the captured one.

Shapes: B batch, T frames, J = 22 joints. Metres, Y up, 20 fps.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from blender_addon.shared.skeleton import SKELETON

SMOOTHING = (3.0, 12.0)  # frames, deviation of the Gaussian
LEVEL_SHARE = 0.6  # of the drawn paths lie on the ground: their height is one guess for all frames
_PELVIS = SKELETON.index("pelvis")


def drawn_hints(joints: Tensor, mask: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Points to hint at (B, T, J, 3): ``joints`` with the pelvis's track smoothed in a ``share`` of the samples.

    mask (B, T) True where real. A smoothed track starts over the origin, as every path does in the canonical frame.
    """
    hints = joints.clone()
    draw = torch.rand(len(joints), 4, generator=generator).tolist()
    for sample, (chosen, width, level, guess) in enumerate(draw):
        if chosen >= share:
            continue
        length = int(mask[sample].sum())
        track = joints[sample, :length, _PELVIS].double().numpy()
        smooth = smooth_track(track, SMOOTHING[0] + width * (SMOOTHING[1] - SMOOTHING[0]))
        smooth[:, [0, 2]] -= smooth[0, [0, 2]]
        if level < LEVEL_SHARE:
            smooth[:, 1] = track[:, 1].mean() + 0.06 * (guess - 0.5)
        hints[sample, :length, _PELVIS] = torch.from_numpy(smooth).to(joints)
    return hints


def smooth_track(track: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian filter along axis 0 of (T, C); beyond its ends the track goes on by point reflection, so that they hold
    their speed."""
    reach = int(4 * sigma + 0.5)
    longer = np.pad(track, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    return gaussian_filter1d(longer, sigma, axis=0)[reach : reach + len(track)]
