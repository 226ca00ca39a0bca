# SPDX-License-Identifier: GPL-3.0-or-later
"""On steep ground steps are shorter, on stairs as long as treads: motion is searched that goes faster on the level,
with as many steps in a second, and its strides are shortened to what the path has room for.

Shapes: T frames, S samples along a path. Metres, 20 fps; places are x and z.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.ground import heights_at, travelled
from blender_addon.shared.protocol import Ground
from blender_addon.shared.series import gaussian_smooth
from blender_addon.shared.skeleton import FPS

SAMPLE_M = 0.02
EDGE_M = 0.07  # of height within two samples: the edge of a tread
TREADS_M = (0.18, 0.55)  # from edge to edge, of treads
NEAR_M = 0.9  # along the path, to either side, within which edges tell of treads
EDGES = 3  # there at least
STEEP_SHARE, STEEPEST = 0.3, 0.5  # by which strides are shorter on a slope of so much
SLOPE_M = 0.5  # over which a slope is read
CADENCES, SPEEDS_MPS = (1.2, 1.45, 1.76, 1.95), (0.7, 0.9, 1.2, 1.6)  # steps a second of walks at these speeds
FASTEST_MPS = 1.6  # a walk that is searched for
SHARES = (0.4, 1.0)
SMOOTH_FRAMES = 8.0


def stride_shares(ground: Ground, path: np.ndarray) -> np.ndarray:
    """How long (T,) strides along a ``path`` (T, 2) are beside those of who goes on the level with as many steps a
    second.
    """
    gone = travelled(path)
    if gone[-1] < SLOPE_M:
        return np.ones(len(path))
    at = np.arange(0.0, gone[-1], SAMPLE_M)
    frames = np.interp(at, gone + 1e-9 * np.arange(len(gone)), np.arange(len(gone)))
    places = np.stack([np.interp(frames, np.arange(len(path)), path[:, axis]) for axis in range(2)], -1)
    heights = heights_at(ground, frames.astype(int), places[:, None])[:, 0]
    speed = np.gradient(gaussian_smooth(gone[:, None], SMOOTH_FRAMES)[:, 0]) * FPS
    tread = np.interp(gone, at, np.nan_to_num(_treads(at, heights)))
    wide = max(int(SLOPE_M / SAMPLE_M), 1)
    slope = np.abs(np.convolve(np.gradient(heights, SAMPLE_M), np.ones(wide) / wide, "same"))
    shares = 1.0 - STEEP_SHARE * np.interp(gone, at, slope.clip(0, STEEPEST)) / STEEPEST
    treads_a_step = np.maximum(np.ceil(speed / (np.maximum(tread, 0.1) * CADENCES[-1] * 1.25)), 1.0)
    cadence = speed / np.maximum(tread * treads_a_step, 0.1)
    on_treads = speed / np.interp(cadence, CADENCES, SPEEDS_MPS)
    shares = np.where(tread > TREADS_M[0], on_treads, shares)
    shares = np.maximum(shares, np.minimum(speed / FASTEST_MPS, 1.0))
    return gaussian_smooth(shares.clip(*SHARES)[:, None], SMOOTH_FRAMES)[:, 0].clip(*SHARES)


def _treads(at: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """How long (S,) the treads of stairs are on which somebody is ``at`` (S,) metres along the path; NaN elsewhere."""
    rises = heights[2:] - heights[:-2]
    edge = np.abs(rises) > EDGE_M
    first = np.flatnonzero(np.diff(edge.astype(int), prepend=0) == 1)
    places, signs = at[first + 1], np.sign(rises[first])
    result = np.full(len(at), np.nan)
    for i, place in enumerate(at):
        near = np.abs(places - place) < NEAR_M
        if near.sum() >= EDGES and np.abs(signs[near].sum()) == near.sum():
            depth = float(np.median(np.diff(places[near])))
            if TREADS_M[0] <= depth <= TREADS_M[1]:
                result[i] = depth
    return result


def lengthened(path: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The ``path`` (T, 2) of who takes as many steps on the level."""
    steps = np.diff(path, axis=0) / shares[:-1, None]
    return np.concatenate([path[:1], path[0] + np.cumsum(steps, axis=0)])
