# SPDX-License-Identifier: GPL-3.0-or-later
"""A line drawn by hand -> the few knots of a smooth curve. No bpy.

Shapes: P points of the stroke, N knots, dimension 3.
"""

from __future__ import annotations

import numpy as np

from ..shared.errors import BadControl
from ..shared.series import gaussian_smooth, hermite_basis
from .paths import points_along

SAMPLES = 256
MAX_KNOTS = 65


def length(points: np.ndarray) -> float:
    """Length of the line through ``points`` (P, 3)."""
    return float(np.linalg.norm(np.diff(np.asarray(points, np.float64), axis=0), axis=-1).sum())


def knots(points: np.ndarray, tolerance: float, smoothing: float) -> np.ndarray:
    """Few evenly spaced knots (N, 3) whose smooth curve stays within ``tolerance`` of the stroke (P, 3), once
    what is shaky within ``smoothing`` is smoothed out; lengths in the unit of the points.

    The curve is the cubic through the knots with slopes from their neighbours (Catmull and Rom, 1974), which is what
    Blender's automatic handles make of evenly spaced points. The ends stay. Raises BadControl when the stroke has no
    length.
    """
    points = np.asarray(points, np.float64).reshape(-1, 3)
    total = length(points)
    if not total > 0:
        raise BadControl("The path has no length.", "Draw while you hold the mouse button, then release it.")
    line = gaussian_smooth(points_along(points, np.linspace(0, 1, SAMPLES)), smoothing / total * SAMPLES)
    number = 2
    while True:
        chosen = points_along(line, np.linspace(0, 1, number))
        if number >= MAX_KNOTS or _distance(line, curve_through(chosen)) <= tolerance:
            return chosen
        number += max(1, number // 6)


def curve_through(chosen: np.ndarray, per_span: int = 16) -> np.ndarray:
    """Points of the smooth curve through the knots (N, 3)."""
    padded = np.concatenate([2 * chosen[:1] - chosen[1:2], chosen, 2 * chosen[-1:] - chosen[-2:-1]])
    slopes = (padded[2:] - padded[:-2]) / 2
    s = np.linspace(0, 1, per_span, endpoint=False)[:, None, None]
    at_start, slope_at_start, at_end, slope_at_end = hermite_basis(s)
    spans = at_start * chosen[:-1] + slope_at_start * slopes[:-1] + at_end * chosen[1:] + slope_at_end * slopes[1:]
    return np.concatenate([spans.transpose(1, 0, 2).reshape(-1, 3), chosen[-1:]])


def _distance(line: np.ndarray, curve: np.ndarray) -> float:
    """How far the points of the line go from the curve's polygon, at most."""
    spans = np.diff(curve, axis=0)
    from_start = line[:, None] - curve[:-1]
    fraction = np.clip((from_start * spans).sum(-1) / np.maximum((spans * spans).sum(-1), 1e-18), 0, 1)
    return float(np.linalg.norm(from_start - fraction[..., None] * spans, axis=-1).min(1).max())
