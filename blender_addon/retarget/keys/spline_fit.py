# SPDX-License-Identifier: GPL-3.0-or-later
"""Few keys instead of one a frame: curves that an animator can take hold of, within a bound that is kept.

Between two keys Blender draws a cubic, whose handles stand here at a third of the way: so a channel is a spline of
values and slopes at the keys, found by least squares over all frames. Keys are added where the curve is farthest off
until it is near enough; how near that is says ``sparse``.

K scene frames, C channels of a property, N keys of a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ...shared.series import hermite_basis

WINDOW_FRAMES = 240  # frames that are fitted at once; longer motions are cut there, at a key
SLOPE_STIFFNESS = 1.0  # weight of a slope beside a frame, with a key one frame away
EXACT_VALUE_WEIGHT, PINNED_SLOPE_WEIGHT = (
    1e3,
    1e8,
)  # weight of a frame that is to be met beside the others, and of a slope


@dataclass(frozen=True)
class Spacing:
    """How many keys: ``kind`` "EVERY" frame, every so many frames ("STEP"), or as few as keep every joint within
    ``bound`` metres ("SPARSE")."""

    kind: str = "EVERY"
    step: int = 4
    bound: float = 0.005


@dataclass(frozen=True, eq=False)
class Channel:
    """Keys of one F-curve: ``values`` (N,) at the scene frames ``frames`` (N,), with ``slopes`` (N,) per frame; without
    slopes there is a key a frame."""

    frames: np.ndarray
    values: np.ndarray
    slopes: np.ndarray | None = None

    def at(self, frames: np.ndarray) -> np.ndarray:
        """What Blender shows (K,) at the whole ``frames`` (K,), which hold those of the keys."""
        if self.slopes is None or len(self.frames) == 1:
            return self.values[np.searchsorted(self.frames, frames).clip(0, len(self.frames) - 1)]
        return _evaluate((np.searchsorted(frames, self.frames), self.values, self.slopes), len(frames))


@dataclass(frozen=True, eq=False)
class Curve:
    """All channels of one property of a bone."""

    bone: str
    prop: str
    channels: tuple[Channel, ...]

    @classmethod
    def dense(cls, bone: str, prop: str, frames: np.ndarray, values: np.ndarray) -> Curve:
        """A key a frame: ``values`` (K, C) at ``frames`` (K,)."""
        return cls(bone, prop, tuple(Channel(frames, column) for column in values.T))

    @property
    def num_keys(self) -> int:
        return sum(len(channel.frames) for channel in self.channels)

    def at(self, frames: np.ndarray) -> np.ndarray:
        """What Blender shows (K, C) at the whole ``frames`` (K,)."""
        return np.stack([channel.at(frames) for channel in self.channels], -1)


def thinned(curve: Curve, change: Callable[[Channel], Channel]) -> Curve:
    """``curve`` with every channel changed."""
    return replace(curve, channels=tuple(change(channel) for channel in curve.channels))


def every(channel: Channel, step: int, must: Sequence[int] = ()) -> Channel:
    """``channel``, which has a key a frame, with one every ``step`` frames, at its end and at the rows ``must``."""
    last = len(channel.frames) - 1
    knots = np.unique([*range(0, last + 1, step), last, *must]).astype(int)
    if last < 2 or len(knots) == last + 1:
        return channel
    parts = []
    for first, end in _windows(last):
        inside = np.union1d(_within(knots, first, end), [0, end - first])
        parts.append(_fit(_piece(channel, first, end), inside, inside))
    return _joined(channel, parts)


def thin(
    channel: Channel, near: np.ndarray, must: Sequence[int] = (), start: Channel | None = None
) -> Generator[None, None, Channel]:
    """``channel``, which has a key a frame, with as few as keep it within ``near`` (K,) in every frame; the rows
    ``must`` are keyed and met. ``start``: what was found before for nearly the same; its keys are kept. A generator
    that hands the thread back."""
    last = len(channel.frames) - 1
    if last < 2:
        return channel
    met = np.unique([0, last, *must]).astype(int)
    known = met if start is None else np.union1d(met, np.searchsorted(channel.frames, start.frames))
    parts = []
    for first, end in _windows(last):
        exact = np.union1d(_within(met, first, end), [0, end - first])
        parts.append(_thin(_piece(channel, first, end), near[first : end + 1], exact, _within(known, first, end)))
        yield
    return _joined(channel, parts)


def _windows(last: int) -> list[tuple[int, int]]:
    """First and last row of the pieces of ``last`` + 1 rows that are fitted at once; neighbours share a row."""
    borders = np.linspace(0, last, max(1, -(-last // WINDOW_FRAMES)) + 1).round().astype(int).tolist()
    return list(pairwise(borders))


@dataclass(frozen=True, eq=False)
class _Piece:
    """Rows of a channel that are fitted at once: ``values`` and ``slopes`` (K,), and whether the slopes at its two ends
    are to be met, for another piece goes on there."""

    values: np.ndarray
    slopes: np.ndarray
    goes_on: tuple[bool, bool]


def _piece(channel: Channel, first: int, end: int) -> _Piece:
    slopes = np.gradient(channel.values)[first : end + 1]
    return _Piece(channel.values[first : end + 1], slopes, (first > 0, end < len(channel.values) - 1))


def _within(rows: np.ndarray, first: int, last: int) -> np.ndarray:
    return rows[(rows >= first) & (rows <= last)] - first


Fit = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rows of the knots (N,), values (N,) and slopes (N,)."""


def _thin(piece: _Piece, near: np.ndarray, exact: np.ndarray, known: np.ndarray) -> Fit:
    knots = np.union1d(exact, known)
    while True:
        fit = _fit(piece, knots, exact)
        off = np.abs(_evaluate(fit, len(near)) - piece.values) / near
        added = [_worst(off, a, b) for a, b in pairwise(knots) if b - a > 1 and off[a + 1 : b].max() > 1.0]
        if not added:
            return fit
        knots = np.union1d(knots, added)


def _worst(off: np.ndarray, first: int, last: int) -> int:
    """The row between two knots where the curve is farthest off, if that may be not right beside them."""
    margin = 2 if last - first > 6 else 1
    return first + margin + int(off[first + margin : last - margin + 1].argmax())


def _fit(piece: _Piece, knots: np.ndarray, exact: np.ndarray) -> Fit:
    """The spline with ``knots`` (N,) nearest to ``piece``, through its values at ``exact``.

    Slopes that few frames tell, beside a key one or two frames away, are drawn to those of the motion, so that nothing
    swings out between frames.
    """
    shares = basis(knots, len(piece.values))
    weights = np.ones(len(piece.values))
    weights[exact] = EXACT_VALUE_WEIGHT
    prior = np.stack([piece.values[knots], piece.slopes[knots]], -1).ravel()
    spans = np.diff(knots).astype(float)
    shortest = np.minimum(np.append(spans, spans[-1]), np.append(spans[0], spans))
    stiffness = np.stack([np.full(len(knots), 1e-6), SLOPE_STIFFNESS / shortest**3], -1).ravel()
    stiffness[[1, -1]] = np.where(piece.goes_on, PINNED_SLOPE_WEIGHT, stiffness[[1, -1]])
    weighted = shares.T * weights
    unknown = np.linalg.solve(weighted @ shares + np.diag(stiffness), weighted @ piece.values + stiffness * prior)
    return knots, unknown[::2], unknown[1::2]


def _evaluate(fit: Fit, num_rows: int) -> np.ndarray:
    knots, values, slopes = fit
    left, (value, slope, next_value, next_slope) = _shares(knots, num_rows)
    shown = value * values[left] + slope * slopes[left]
    return shown + next_value * values[left + 1] + next_slope * slopes[left + 1]


def basis(knots: np.ndarray, num_rows: int) -> np.ndarray:
    """(K, 2N): the share of each knot's value and slope in each row."""
    left, shares = _shares(knots, num_rows)
    full, rows = np.zeros((num_rows, 2 * len(knots))), np.arange(num_rows)
    for place, share in enumerate(shares):
        full[rows, 2 * left + place] = share
    return full


def _shares(knots: np.ndarray, num_rows: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """For each row (K,): the knot before it, and the shares of value and slope of that and of the next one."""
    rows = np.arange(num_rows)
    left = np.clip(np.searchsorted(knots, rows, side="right") - 1, 0, len(knots) - 2)
    span = (knots[left + 1] - knots[left]).astype(float)
    s = (rows - knots[left]) / span
    value, slope, next_value, next_slope = hermite_basis(s)
    return left, (value, slope * span, next_value, next_slope * span)


def _joined(channel: Channel, parts: list[Fit]) -> Channel:
    """The parts of ``channel`` as one; where two meet the slope is the mean of theirs."""
    rows, values, slopes = ([part] for part in parts[0])
    for knots, part_values, part_slopes in parts[1:]:
        slopes[-1][-1] = (slopes[-1][-1] + part_slopes[0]) / 2
        rows.append(rows[-1][-1] + knots[1:])
        values.append(part_values[1:])
        slopes.append(part_slopes[1:])
    return Channel(channel.frames[np.concatenate(rows)], np.concatenate(values), np.concatenate(slopes))
