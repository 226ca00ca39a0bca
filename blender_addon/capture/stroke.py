# SPDX-License-Identifier: GPL-3.0-or-later
"""A line drawn by hand -> the few knots of a smooth curve. No bpy.

Shapes: P points of the stroke, N knots, dimension 3.
"""

from __future__ import annotations

import numpy as np

from ..shared.errors import BadControl
from .paths import walk_along

SAMPLES = 256
MAX_KNOTS = 65


def length(points: np.ndarray) -> float:
    """Length of the line through ``points`` (P, 3)."""
    return float(np.linalg.norm(np.diff(np.asarray(points, np.float64), axis=0), axis=-1).sum())


def knots(points: np.ndarray, tolerance: float, smoothing: float) -> np.ndarray:
    """Few evenly spaced knots (N, 3) whose smooth curve stays within ``tolerance`` of the stroke (P, 3), once
    the stroke is freed of what trembles within ``smoothing``; lengths in the unit of the points.

    The curve is the cubic through the knots with slopes from their neighbours (Catmull and Rom, 1974), which is what
    Blender's automatic handles make of evenly spaced points. The ends stay. Raises BadControl when the stroke has no
    length.
    """
    points = np.asarray(points, np.float64).reshape(-1, 3)
    total = length(points)
    if not total > 0:
        raise BadControl("The path has no length.", "Press, draw while the button is held, and let go.")
    line = _smooth(walk_along(points, np.linspace(0, 1, SAMPLES)), smoothing / total * SAMPLES)
    number = 2
    while True:
        chosen = walk_along(line, np.linspace(0, 1, number))
        if number >= MAX_KNOTS or _distance(line, curve_through(chosen)) <= tolerance:
            return chosen
        number += max(1, number // 6)


def curve_through(chosen: np.ndarray, per_span: int = 16) -> np.ndarray:
    """Points of the smooth curve through the knots (N, 3)."""
    padded = np.concatenate([2 * chosen[:1] - chosen[1:2], chosen, 2 * chosen[-1:] - chosen[-2:-1]])
    slopes = (padded[2:] - padded[:-2]) / 2
    s = np.linspace(0, 1, per_span, endpoint=False)[:, None, None]
    start, end = chosen[:-1], chosen[1:]
    spans = (
        (2 * s**3 - 3 * s**2 + 1) * start
        + (s**3 - 2 * s**2 + s) * slopes[:-1]
        + (3 * s**2 - 2 * s**3) * end
        + (s**3 - s**2) * slopes[1:]
    )
    return np.concatenate([spans.transpose(1, 0, 2).reshape(-1, 3), chosen[-1:]])


def _smooth(line: np.ndarray, width: float) -> np.ndarray:
    """The line (S, 3) under a Gaussian of ``width`` samples; the ends stay, since the line goes on mirrored in them."""
    reach = min(int(3 * width), len(line) - 1)
    if reach < 1:
        return line
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    weights /= weights.sum()
    before = 2 * line[0] - line[reach:0:-1]
    after = 2 * line[-1] - line[-2 : -reach - 2 : -1]
    extended = np.concatenate([before, line, after])
    return np.stack([np.convolve(extended[:, axis], weights, mode="valid") for axis in range(3)], -1)


def _distance(line: np.ndarray, curve: np.ndarray) -> float:
    """How far the points of the line go from the curve's polygon, at most."""
    ways = np.diff(curve, axis=0)
    from_start = line[:, None] - curve[:-1]
    share = np.clip((from_start * ways).sum(-1) / np.maximum((ways * ways).sum(-1), 1e-18), 0, 1)
    return float(np.linalg.norm(from_start - share[..., None] * ways, axis=-1).min(1).max())
