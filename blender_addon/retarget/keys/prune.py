# SPDX-License-Identifier: GPL-3.0-or-later
"""Take out the keys that an armature as a whole can spare.

Channels that are thinned one by one each have to be as near as if all were off at once and in the same direction, which
they seldom are. Here the armature's points say what a key is worth: it goes if its two neighbours, fitted anew, keep
all points that hang on the bone within their bound, whatever the other channels are off by. A channel moves its points
along straight lines as long as it changes little; after each round the armature is posed in full, and a round that went
too far is done again, nearer in those frames.

K scene frames, P points that hang on a bone, N keys of a channel, R rows between two keys.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...shared import quat
from ...shared.series import dilate_maximum
from ..pose import fk
from ..pose.rotation_modes import rotations
from .pose_tree import Posed, Tree, is_moving
from .spline_fit import STIFFNESS, Channel, Curve, basis

ROUNDS = (0.7, 0.95, 0.95)
"""Shares of the bound within which all points stay in each round: the cheapest keys go first."""
AGAIN = 3  # times that a round is done again
NEIGHBOURS = 2  # frames around one that is off in which the next try stays nearer
AT_ONCE = 24  # keys that are looked at before the thread is handed back
HOPELESS = 1.7  # times the bound, from which on a key that is too dear is not looked at in later rounds either
TIED, ASTRAY = 0.05, 8.0
"""A channel may do little by itself, as does the real part of a small turn, and would run away: it is tied to what is
wanted of it by that share of what all channels of the property do, and comes no farther from it than so many times the
bound, by these.
"""
SMALL = 1e-5  # change of a channel by which its levers are measured


@dataclass(eq=False)
class _Keys:
    """The keys of a channel while they get fewer: ``rows`` (N), ``values`` and ``slopes``; ``wanted`` (K,) is the
    channel with a key a frame, ``shown`` (K,) what the keys make of it."""

    rows: list[int]
    values: list[float]
    slopes: list[float]
    wanted: np.ndarray
    shown: np.ndarray

    @classmethod
    def of(cls, channel: Channel, dense: Channel) -> _Keys:
        assert channel.slopes is not None
        rows = np.searchsorted(dense.frames, channel.frames).tolist()
        return cls(rows, list(channel.values), list(channel.slopes), dense.values, channel.at(dense.frames))

    def channel(self, frames: np.ndarray) -> Channel:
        return Channel(frames[self.rows], np.array(self.values), np.array(self.slopes))


@dataclass(frozen=True, eq=False)
class _Trial:
    """What a channel is in the rows from ``first`` to ``last`` without one key: ``shown`` (R,), and ``ends``, value and
    slope of the two keys beside it."""

    first: int
    last: int
    shown: np.ndarray
    ends: np.ndarray


def prune(
    tree: Tree,
    curves: Sequence[Curve],
    few: list[Curve],
    modes: dict[str, str],
    matrix_world: np.ndarray,
    goal: np.ndarray,
    bound: np.ndarray,
    must: Sequence[int],
) -> Generator[None, None, list[Curve]]:
    """``few`` with fewer keys: all points of ``tree`` stay within ``bound`` (K, P) of ``goal`` (K, P, 3), in the world.

    ``curves`` have a key a frame, ``few`` are the same, thinned and within the bound. Keys in the rows ``must`` and at
    the ends stay. A generator that hands the thread back.
    """
    frames = next(curve.channels[0].frames for curve in curves if is_moving(curve))
    met = {0, len(frames) - 1, *must}
    hopeless: set[tuple[str, str, int, int]] = set()
    for share in ROUNDS:
        nearer = np.ones(len(frames))
        for _ in range(AGAIN):
            fewer = yield from _round(
                tree, curves, few, modes, matrix_world, goal, share * nearer[:, None] * bound, met, frames, hopeless
            )
            posed = yield from tree.pose(fewer, modes, frames)
            places = yield from tree.points(posed, matrix_world)
            off = (np.linalg.norm(places - goal, axis=-1) / bound).max(-1)
            if off.max() <= 1.0:
                few = fewer
                break
            nearer *= np.minimum(1.0, 0.9 / np.maximum(dilate_maximum(off, NEIGHBOURS), 1e-9))
    return few


def _round(
    tree: Tree,
    curves: Sequence[Curve],
    few: Sequence[Curve],
    modes: dict[str, str],
    matrix_world: np.ndarray,
    goal: np.ndarray,
    bound: np.ndarray,
    met: set[int],
    frames: np.ndarray,
    hopeless: set[tuple[str, str, int, int]],
) -> Generator[None, None, list[Curve]]:
    posed = yield from tree.pose(few, modes, frames)
    places = yield from tree.points(posed, matrix_world)
    error, fewer = places - goal, []
    for dense, curve in zip(curves, few, strict=True):
        if curve.channels[0].slopes is None:
            fewer.append(curve)
            continue
        below = tree.points_below(curve.bone)
        moved, weights = error[:, below], 1.0 / bound[:, below]
        channels, levers = [], []
        for turn in _turns(tree, curve, posed, modes, matrix_world, frames):
            if curve.prop == "location":
                levers.append(np.broadcast_to(turn[:, None], moved.shape))
            else:
                arms = places[:, below] - places[:, [tree.bones.index(curve.bone)]]
                levers.append(quat.cross(turn[:, None], arms))
            yield
        ties = TIED * np.sum([_strength(lever, weights) for lever in levers], axis=0)
        yield
        for number, (channel, wanted, lever) in enumerate(zip(curve.channels, dense.channels, levers, strict=True)):
            keys = _Keys.of(channel, wanted)
            name = (curve.bone, curve.prop, number)
            stay = met | {row for row in keys.rows if (*name, row) in hopeless}
            dear = yield from _spare(keys, lever, moved, weights, ties, met, stay)
            hopeless.update((*name, row) for row in dear)
            channels.append(keys.channel(frames))
        error[:, below] = moved
        fewer.append(replace(curve, channels=tuple(channels)))
    return fewer


def _turns(
    tree: Tree,
    curve: Curve,
    posed: Posed,
    modes: dict[str, str],
    matrix_world: np.ndarray,
    frames: np.ndarray,
) -> list[np.ndarray]:
    """For each channel of ``curve``, and in each frame (K, 3), how it moves the bone in the world, or about which axis
    and how far it turns it, for a change by 1."""
    bone, values = tree.rig.by_name[curve.bone], curve.at(frames)
    rotation_frame, location_frame = fk.parent_frames(tree.rig, bone, posed.get(bone.parent or ""))
    if curve.prop == "location":
        axes = matrix_world[..., :3, :3] @ location_frame[..., :3, :3]
        return list(np.moveaxis(np.broadcast_to(axes, (len(frames), 3, 3)), 2, 0))
    frame = fk.strip_scale(matrix_world)[..., :3, :3] @ fk.strip_scale(rotation_frame)[..., :3, :3]
    now, found = quat.conjugate(rotations(values, modes[curve.bone])), []
    for number in range(values.shape[1]):
        changed = values.copy()
        changed[:, number] += SMALL
        turn = quat.multiply(rotations(changed, modes[curve.bone]), now)
        axis = 2.0 / SMALL * turn[:, 1:] * np.sign(turn[:, :1])
        found.append((frame @ axis[..., None])[..., 0])
    return found


def _spare(
    keys: _Keys,
    lever: np.ndarray,
    error: np.ndarray,
    weights: np.ndarray,
    ties: np.ndarray,
    met: set[int],
    stay: set[int],
) -> Generator[None, None, list[int]]:
    """Take every key out of ``keys`` that can go, but for the rows ``stay``; the rows of those that are far too dear.

    ``lever`` (K, P, 3): how the points move for a change of the channel by 1. ``error`` (K, P, 3): by what they are
    off, which is kept up to date. ``weights`` (K, P): 1 over what they may be off by. ``ties`` (K,): how strongly the
    channel is tied to what is wanted of it, whatever its points say.
    """
    squared, strength = weights * weights, _strength(lever, weights)
    slopes, place, looked, dear = np.gradient(keys.wanted), 1, 0, []
    while place < len(keys.rows) - 1:
        if keys.rows[place] in stay:
            place += 1
            continue
        first, last = keys.rows[max(place - 2, 0)], keys.rows[min(place + 2, len(keys.rows) - 1)]
        span = slice(first, last + 1)
        pull = np.einsum("kpi,kpi,kp->k", lever[span], error[span], squared[span])
        firm = strength[span] + ties[span] + 1e-12
        goal = (strength[span] * keys.shown[span] - pull + ties[span] * keys.wanted[span]) / firm
        trial = _without(keys, place, goal, firm, slopes, met)
        moved = error[span] + lever[span] * (trial.shown - keys.shown[span])[:, None, None]
        astray = (trial.shown - keys.wanted[span]) ** 2 * ties[span] / (TIED * ASTRAY**2)
        cost = max(float(((moved * moved).sum(-1) * squared[span]).max()), float(astray.max()))
        if cost <= 1.0:
            error[span], keys.shown[span] = moved, trial.shown
            (keys.values[place - 1], keys.slopes[place - 1]), (keys.values[place + 1], keys.slopes[place + 1]) = (
                trial.ends.tolist()
            )
            del keys.rows[place], keys.values[place], keys.slopes[place]
        else:
            if cost > HOPELESS**2:
                dear.append(keys.rows[place])
            place += 1
        looked += 1
        if looked % AT_ONCE == 0:
            yield
    return dear


def _strength(lever: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How much (K,) a change of a channel by 1 counts."""
    return np.einsum("kpi,kpi,kp->k", lever, lever, weights * weights)


def _without(
    keys: _Keys, place: int, goal: np.ndarray, weights: np.ndarray, slopes: np.ndarray, met: set[int]
) -> _Trial:
    """``keys`` without the one at ``place``: those beside it fitted to ``goal`` (R,) by ``weights`` (R,), those beyond
    as they are.

    Slopes that few frames tell are drawn to those of the motion, ``slopes`` (K,), as everywhere.
    """
    near = [number for number in (place - 2, place - 1, place + 1, place + 2) if 0 <= number < len(keys.rows)]
    rows = np.array([keys.rows[number] for number in near])
    shares = basis(rows - rows[0], len(goal))
    state = np.array([(keys.values[number], keys.slopes[number]) for number in near]).ravel()
    at = near.index(place - 1)
    spans = np.diff(rows)
    shortest = [min(spans[max(at + side - 1, 0)], spans[min(at + side, len(spans) - 1)]) for side in (0, 1)]
    beside = rows[[at, at + 1]]
    free = [2 * at + 2 * side + kind for side in (0, 1) for kind in (0, 1) if kind or int(beside[side]) not in met]
    prior = np.stack([keys.wanted[beside], slopes[beside]], -1).ravel()
    hold = weights.mean() * np.stack([np.full(2, 1e-6), STIFFNESS / np.power(shortest, 3.0)], -1).ravel()
    chosen = np.array(free) - 2 * at
    part = shares[:, free]
    missing = goal - shares @ state + part @ state[free]
    weighted = part.T * weights
    state[free] = np.linalg.solve(
        weighted @ part + np.diag(hold[chosen]), weighted @ missing + hold[chosen] * prior[chosen]
    )
    ends = state[2 * at : 2 * at + 4].reshape(2, 2)
    return _Trial(int(rows[0]), int(rows[-1]), shares @ state, ends)
