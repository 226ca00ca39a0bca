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
HEIGHT_GUESS = 0.06  # metres, range of these guesses
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
        sigma = SMOOTHING[0] + width * (SMOOTHING[1] - SMOOTHING[0])
        off = HEIGHT_GUESS * (guess - 0.5) if level < LEVEL_SHARE else None
        _draw(hints[sample, : int(mask[sample].sum()), _PELVIS], sigma, off)
    return hints


def drawn_paths(joints: Tensor, mask: Tensor, sigma: float = 8.0) -> Tensor:
    """``joints`` (B, T, J, 3), mask (B, T), with every pelvis track smoothed and level: paths for validation."""
    paths = joints.clone()
    for path, real in zip(paths, mask, strict=True):
        _draw(path[: int(real.sum()), _PELVIS], sigma, 0.0)
    return paths


def _draw(track: Tensor, sigma: float, off: float | None) -> None:
    """Smooth ``track`` (T, 3) in place; unless ``off`` is None, it becomes level at its mean height and ``off``."""
    points = track.double().cpu().numpy()
    smooth = smooth_track(points, sigma)
    smooth[:, [0, 2]] -= smooth[0, [0, 2]]
    if off is not None:
        smooth[:, 1] = points[:, 1].mean() + off
    track.copy_(torch.from_numpy(smooth))


def smooth_track(track: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian filter along axis 0 of (T, C); beyond its ends the track goes on by point reflection, so that they hold
    their speed."""
    reach = int(4 * sigma + 0.5)
    longer = np.pad(track, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    return gaussian_filter1d(longer, sigma, axis=0)[reach : reach + len(track)]
