# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a joint between its hints."""

from __future__ import annotations

import numpy as np

from blender_addon.shared.series import hermite_basis


def path_between(frames: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """A path (count, C) through ``places`` (n, C) at ``frames`` (n,), two or more: cubics with the slopes of the
    neighbours' lines, and straight on beyond both ends.
    """
    spans = np.diff(frames)[:, None]
    lines = np.diff(places, axis=0) / spans
    slopes = np.concatenate([lines[:1], lines[-1:]])
    if len(lines) > 1:
        inner = (lines[:-1] * spans[1:] + lines[1:] * spans[:-1]) / (spans[:-1] + spans[1:])
        slopes = np.concatenate([lines[:1], inner, lines[-1:]])
    at = np.arange(count)
    span = np.clip(np.searchsorted(frames, at, side="right") - 1, 0, len(spans) - 1)
    inside = np.clip(at, frames[0], frames[-1])
    s = ((inside - frames[span]) / spans[span, 0])[:, None]
    start, start_slope, end, end_slope = hermite_basis(s)
    long = spans[span]
    path = (
        start * places[span]
        + end * places[span + 1]
        + long * (start_slope * slopes[span] + end_slope * slopes[span + 1])
    )
    beyond = (at - inside)[:, None]
    return path + np.where(beyond < 0, slopes[0], slopes[-1]) * beyond
