# SPDX-License-Identifier: GPL-3.0-or-later
"""How near each bone's curves must be for the whole armature to stay within a bound, in the world and in every frame.

Bones are fitted from the root outward, and each makes good what those above it lost, so that errors do not add up along
a limb. Then the armature is posed with the fewer keys; where points come out too far, the bones to blame are fitted
again, nearer in those frames. If nothing helps, every frame is keyed.

On rigs with constraints the bones are posed as if there were none, and no bone makes good for another.

K scene frames, P points: heads and tails of the bones that are keyed.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from ...shared.series import dilate_maximum
from ..rig import Rig
from .pose_tree import Tree, has_several_keys
from .prune import prune
from .spline_fit import Curve

BOUND_RATIO = 0.97  # of the bound that is used: rounding to 32 bits must not break it
NEIGHBOUR_FRAMES = 2  # around one that is off, in which the next curves are fitted nearer


@dataclass(frozen=True)
class ReduceParams:
    """Ratios are of the bound. In the ``patient_rounds`` only the bones to blame are fitted nearer."""

    max_rounds: int = 24
    patient_rounds: int = 6
    start_ratio: float = 1.0  # that each bone may use up at first: they are seldom off together
    blame_ratio: float = 0.2  # from which on a bone's own part of an error is to blame


_PARAMS = ReduceParams()


@dataclass(frozen=True, eq=False)
class Bound:
    """``distance``, one or (K,): how far any point may be from where it is with a key a frame, in the world's units;
    ``stricter``: bone -> by what factor (K,) its head must be nearer. The frames ``must`` (rows) are keyed and met."""

    distance: float | np.ndarray
    stricter: dict[str, np.ndarray]
    must: Sequence[int] = ()


def reduce(
    rig: Rig,
    curves: Sequence[Curve],
    modes: dict[str, str],
    matrix_world: np.ndarray,
    bound: Bound,
    compensate: bool = True,
) -> Generator[None, None, list[Curve]]:
    """``curves``, which have a key a frame, with as few keys as keep ``rig`` within ``bound``.

    ``modes``: bone -> rotation mode. ``matrix_world`` (4, 4) or (K, 4, 4). A generator that hands the thread back.
    """
    frames = next((curve.channels[0].frames for curve in curves if has_several_keys(curve)), None)
    if frames is None:
        return list(curves)
    keyed = {curve.bone for curve in curves}
    tree = Tree(rig, [bone.name for bone in rig.bones if bone.name in keyed], compensate)
    dense = yield from tree.pose(curves, modes, frames)
    goal = yield from tree.points(dense, matrix_world)
    heads = np.stack([bound.stricter.get(bone, np.ones(len(frames))) for bone in tree.bones], -1)
    strict = np.concatenate([heads, np.ones_like(heads)], axis=-1)
    distance = np.broadcast_to(bound.distance, len(frames))
    near = {curve: _PARAMS.start_ratio * distance / tree.lever(curve, modes) for curve in curves}
    thinned: dict[Curve, Curve] = {}
    for attempt in range(_PARAMS.max_rounds):
        posed = yield from tree.follow(curves, modes, dense, near, bound.must, frames, compensate, thinned)
        points = yield from tree.points(posed, matrix_world)
        error = points - goal
        off = np.linalg.norm(error, axis=-1) * strict / (BOUND_RATIO * distance[:, None])
        if off.max() <= 1.0:
            few = [thinned[curve] for curve in curves]
            if not compensate:
                return few
            allowed = BOUND_RATIO * distance[:, None] / strict
            return (yield from prune(tree, curves, few, modes, matrix_world, goal, allowed, bound.must))
        patient = attempt < _PARAMS.patient_rounds
        for curve in curves:
            worst = dilate_maximum(tree.worst_below(curve.bone, off), NEIGHBOUR_FRAMES)
            own = dilate_maximum(tree.own(curve, error), NEIGHBOUR_FRAMES) / distance
            blame = (worst > 1.0) & ((own > _PARAMS.blame_ratio) | (not patient))
            less = np.clip(0.9 / np.maximum(worst, 1e-9), 0.5, 0.9 if patient else 0.6)
            near[curve] = near[curve] * np.where(blame, less, 1.0)
    return list(curves)
