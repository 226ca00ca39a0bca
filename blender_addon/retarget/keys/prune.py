# SPDX-License-Identifier: GPL-3.0-or-later
"""Take out the keys that an armature as a whole can spare.

Channels that are thinned one by one each have to be as near as if all were off at once and in the same direction, which
they seldom are. Here the armature's points say what a key is worth: it goes if its two neighbours, fitted again, keep
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
from ..pose.rotation_modes import channel_rotations
from .pose_tree import Posed, Tree, has_several_keys
from .spline_fit import SLOPE_STIFFNESS, Channel, Curve, basis


@dataclass(frozen=True)
class PruneParams:
    """A channel may do little by itself, as does the real part of a small rotation, and would run away: it is tied to
    what is wanted of it by ``tie_ratio`` of what all channels of the property do, and comes no farther from it than
    ``max_drift_ratio`` times the bound, by these ties.
    """

    rounds: tuple[float, ...] = (0.7, 0.95, 0.95)  # shares of the bound that may be used up: the cheapest keys go first
    tries: int = 3  # of each round
    neighbour_frames: int = 2  # around one that is off, in which the next try stays nearer
    retry_ratio: float = 0.9  # of the bound, which the next try aims at there
    keys_at_once: int = 24  # that are tried before the thread is handed back
    hopeless_ratio: float = 1.7  # times the bound: a key that costs more is not tried in later rounds either
    tie_ratio: float = 0.05
    max_drift_ratio: float = 8.0
    probe_step: float = 1e-5  # change of a channel by which its levers are measured


_PARAMS = PruneParams()


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


# Eight, as in reduce: the armature, its curves before and after, and what they may be off by.
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
    frames = next(curve.channels[0].frames for curve in curves if has_several_keys(curve))
    required = {0, len(frames) - 1, *must}
    hopeless: set[tuple[str, str, int, int]] = set()
    for share in _PARAMS.rounds:
        nearer = np.ones(len(frames))
        for _ in range(_PARAMS.tries):
            fewer = yield from _round(
                tree,
                curves,
                few,
                modes,
                matrix_world,
                goal,
                share * nearer[:, None] * bound,
                required,
                frames,
                hopeless,
            )
            posed = yield from tree.pose(fewer, modes, frames)
            points = yield from tree.points(posed, matrix_world)
            off = (np.linalg.norm(points - goal, axis=-1) / bound).max(-1)
            if off.max() <= 1.0:
                few = fewer
                break
            nearer *= np.minimum(
                1.0, _PARAMS.retry_ratio / np.maximum(dilate_maximum(off, _PARAMS.neighbour_frames), 1e-9)
            )
    return few


# Ten: those of prune, and what its rounds share.
def _round(
    tree: Tree,
    curves: Sequence[Curve],
    few: Sequence[Curve],
    modes: dict[str, str],
    matrix_world: np.ndarray,
    goal: np.ndarray,
    bound: np.ndarray,
    required: set[int],
    frames: np.ndarray,
    hopeless: set[tuple[str, str, int, int]],
) -> Generator[None, None, list[Curve]]:
    posed = yield from tree.pose(few, modes, frames)
    points = yield from tree.points(posed, matrix_world)
    error, fewer = points - goal, []
    for dense, curve in zip(curves, few, strict=True):
        if curve.channels[0].slopes is None:
            fewer.append(curve)
            continue
        below = tree.points_below(curve.bone)
        moved, weights = error[:, below], 1.0 / bound[:, below]
        channels, levers = [], []
        for direction in _directions(tree, curve, posed, modes, matrix_world, frames):
            if curve.prop == "location":
                levers.append(np.broadcast_to(direction[:, None], moved.shape))
            else:
                arms = points[:, below] - points[:, [tree.bones.index(curve.bone)]]
                levers.append(quat.cross(direction[:, None], arms))
            yield
        ties = _PARAMS.tie_ratio * np.sum([_strength(lever, weights) for lever in levers], axis=0)
        yield
        for number, (channel, wanted, lever) in enumerate(zip(curve.channels, dense.channels, levers, strict=True)):
            keys = _Keys.of(channel, wanted)
            name = (curve.bone, curve.prop, number)
            stay = required | {row for row in keys.rows if (*name, row) in hopeless}
            dear = yield from _spare(keys, lever, moved, weights, ties, required, stay)
            hopeless.update((*name, row) for row in dear)
            channels.append(keys.channel(frames))
        error[:, below] = moved
        fewer.append(replace(curve, channels=tuple(channels)))
    return fewer


def _directions(
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
    now, found = quat.conjugate(channel_rotations(values, modes[curve.bone])), []
    for number in range(values.shape[1]):
        changed = values.copy()
        changed[:, number] += _PARAMS.probe_step
        rotation = quat.multiply(channel_rotations(changed, modes[curve.bone]), now)
        axis = 2.0 / _PARAMS.probe_step * rotation[:, 1:] * np.sign(rotation[:, :1])
        found.append((frame @ axis[..., None])[..., 0])
    return found


# Seven: the channel, what it moves, what that costs, and the rows that stay.
def _spare(
    keys: _Keys,
    lever: np.ndarray,
    error: np.ndarray,
    weights: np.ndarray,
    ties: np.ndarray,
    required: set[int],
    stay: set[int],
) -> Generator[None, None, list[int]]:
    """Take every key out of ``keys`` that can go, but for the rows ``stay``; the rows of those that are far too dear.

    ``lever`` (K, P, 3): how the points move for a change of the channel by 1. ``error`` (K, P, 3): by what they are
    off, which is kept up to date. ``weights`` (K, P): 1 over what they may be off by. ``ties`` (K,): how strongly the
    channel is tied to what is wanted of it, whatever its points say.
    """
    squared, strength = weights * weights, _strength(lever, weights)
    slopes, index, tried, dear = np.gradient(keys.wanted), 1, 0, []
    while index < len(keys.rows) - 1:
        if keys.rows[index] in stay:
            index += 1
            continue
        first, last = keys.rows[max(index - 2, 0)], keys.rows[min(index + 2, len(keys.rows) - 1)]
        span = slice(first, last + 1)
        gradient = np.einsum("kpi,kpi,kp->k", lever[span], error[span], squared[span])
        stiffness = strength[span] + ties[span] + 1e-12
        goal = (strength[span] * keys.shown[span] - gradient + ties[span] * keys.wanted[span]) / stiffness
        trial = _without(keys, index, goal, stiffness, slopes, required)
        moved = error[span] + lever[span] * (trial.shown - keys.shown[span])[:, None, None]
        astray = (trial.shown - keys.wanted[span]) ** 2 * ties[span] / (_PARAMS.tie_ratio * _PARAMS.max_drift_ratio**2)
        cost = max(float(((moved * moved).sum(-1) * squared[span]).max()), float(astray.max()))
        if cost <= 1.0:
            error[span], keys.shown[span] = moved, trial.shown
            (keys.values[index - 1], keys.slopes[index - 1]), (keys.values[index + 1], keys.slopes[index + 1]) = (
                trial.ends.tolist()
            )
            del keys.rows[index], keys.values[index], keys.slopes[index]
        else:
            if cost > _PARAMS.hopeless_ratio**2:
                dear.append(keys.rows[index])
            index += 1
        tried += 1
        if tried % _PARAMS.keys_at_once == 0:
            yield
    return dear


def _strength(lever: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How much (K,) a change of a channel by 1 counts."""
    return np.einsum("kpi,kpi,kp->k", lever, lever, weights * weights)


def _without(
    keys: _Keys, index: int, goal: np.ndarray, weights: np.ndarray, slopes: np.ndarray, required: set[int]
) -> _Trial:
    """``keys`` without the one at ``index``: those beside it fitted to ``goal`` (R,) by ``weights`` (R,), those beyond
    as they are.

    Slopes that few frames tell are drawn to those of the motion, ``slopes`` (K,), as everywhere.
    """
    near = [number for number in (index - 2, index - 1, index + 1, index + 2) if 0 <= number < len(keys.rows)]
    rows = np.array([keys.rows[number] for number in near])
    shares = basis(rows - rows[0], len(goal))
    state = np.array([(keys.values[number], keys.slopes[number]) for number in near]).ravel()
    at = near.index(index - 1)
    spans = np.diff(rows)
    shortest = [min(spans[max(at + side - 1, 0)], spans[min(at + side, len(spans) - 1)]) for side in (0, 1)]
    beside = rows[[at, at + 1]]
    free = [2 * at + 2 * side + kind for side in (0, 1) for kind in (0, 1) if kind or int(beside[side]) not in required]
    prior = np.stack([keys.wanted[beside], slopes[beside]], -1).ravel()
    prior_weight = weights.mean() * np.stack([np.full(2, 1e-6), SLOPE_STIFFNESS / np.power(shortest, 3.0)], -1).ravel()
    chosen = np.array(free) - 2 * at
    part = shares[:, free]
    missing = goal - shares @ state + part @ state[free]
    weighted = part.T * weights
    state[free] = np.linalg.solve(
        weighted @ part + np.diag(prior_weight[chosen]), weighted @ missing + prior_weight[chosen] * prior[chosen]
    )
    ends = state[2 * at : 2 * at + 4].reshape(2, 2)
    return _Trial(int(rows[0]), int(rows[-1]), shares @ state, ends)
