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
from dataclasses import dataclass, replace

import numpy as np

from ..shared import quat
from . import fk, scale
from .prune import prune
from .reduce import Curve, thin
from .rest import BoneRest, Rig
from .rotation_modes import channels, rotations
from .solve import with_rotation
from .spread import spread_maximum

ROUNDS, PATIENT_ROUNDS = 24, 6  # in the first ones only the bones to blame are fitted nearer
SHARE = 1.0  # of the bound that each bone may use up at first: they are seldom off together
CLOSE = 0.97  # of the bound: rounding to 32 bits must not break it
EACH = 0.6  # of that for each of its channels
BLAME = 0.2  # of the bound, from which on a bone's own share of an error is to blame
FARTHER = 0.4  # how much the length of all that hangs on a bone counts beside its own, 0..1, in what it may use up
NEIGHBOURS = 2  # frames around one that is off in which the curves shall be nearer
SHORTEST_LEVER = 0.03  # of the armature's height


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
    frames = next((curve.channels[0].frames for curve in curves if _is_moving(curve)), None)
    if frames is None:
        return list(curves)
    tree = Tree(rig, sorted({curve.bone for curve in curves}, key=lambda bone: len(rig.ancestors(bone))), compensate)
    dense = yield from tree.pose(curves, modes, frames)
    goal = yield from tree.points(dense, matrix_world)
    heads = np.stack([bound.stricter.get(bone, np.ones(len(frames))) for bone in tree.bones], -1)
    strict = np.concatenate([heads, np.ones_like(heads)], axis=-1)
    distance = np.broadcast_to(bound.distance, len(frames))
    near = {curve: SHARE * distance / tree.lever(curve, modes) for curve in curves}
    thinned: dict[Curve, Curve] = {}
    for attempt in range(ROUNDS):
        posed = yield from tree.follow(curves, modes, dense, near, bound.must, frames, compensate, thinned)
        places = yield from tree.points(posed, matrix_world)
        error = places - goal
        off = np.linalg.norm(error, axis=-1) * strict / (CLOSE * distance[:, None])
        if off.max() <= 1.0:
            few = [thinned[curve] for curve in curves]
            if not compensate:
                return few
            allowed = CLOSE * distance[:, None] / strict
            return (yield from prune(tree, curves, few, modes, matrix_world, goal, allowed, bound.must))
        patient = attempt < PATIENT_ROUNDS
        for curve in curves:
            worst = spread_maximum(tree.worst_below(curve.bone, off), NEIGHBOURS)
            own = spread_maximum(tree.own(curve, error), NEIGHBOURS) / distance
            blame = (worst > 1.0) & ((own > BLAME) | (not patient))
            less = np.clip(0.9 / np.maximum(worst, 1e-9), 0.5, 0.9 if patient else 0.6)
            near[curve] = near[curve] * np.where(blame, less, 1.0)
    return list(curves)


class Tree:
    """The keyed bones of a rig with those above them."""

    def __init__(self, rig: Rig, bones: list[str], compensate: bool = True) -> None:
        self.rig, self.bones = rig, bones
        needed = set(bones) | {above for bone in bones for above in rig.ancestors(bone)}
        self.chain = sorted(needed, key=lambda bone: len(rig.ancestors(bone)))
        size = scale.object_scale(rig)
        points = {bone: np.array([rig.by_name[bone].head, rig.by_name[bone].tail], dtype=float) for bone in bones}
        everything = np.concatenate(list(points.values()))
        least = SHORTEST_LEVER * float(np.ptp(everything, axis=0).max())
        self.below = {
            bone: [other for other in bones if bone == other or bone in rig.ancestors(other)] for bone in bones
        }
        self.levers = {}
        self.carried: dict[str, list[str]] = {bone: [] for bone in bones}
        for bone in bones:
            above = next((other for other in rig.ancestors(bone) if other in points), None)
            if above is not None:
                self.carried[above].append(bone)
        for bone in bones:
            near = np.concatenate([points[bone][1:], *(points[other][:1] for other in self.carried[bone])])
            far = np.concatenate([points[other] for other in self.below[bone]])
            own, full = (
                max(float(np.linalg.norm(ends - points[bone][0], axis=-1).max()), least) * size for ends in (near, far)
            )
            self.levers[bone] = own ** (1 - FARTHER) * full**FARTHER if compensate else full
        self.size = size

    def lever(self, curve: Curve, modes: dict[str, str]) -> float:
        """By what the armature's points move at most, for a small change of ``curve``'s values by 1."""
        if curve.prop == "location":
            return self.size
        # A quaternion is half as long as the angle.
        return self.levers[curve.bone] * (1.0 if len(modes[curve.bone]) == 3 else 2.0)

    def own(self, curve: Curve, error: np.ndarray) -> np.ndarray:
        """How much of ``error`` (K, P, 3) comes in with ``curve``'s bone (K,)."""
        half, row = len(self.bones), self.bones.index(curve.bone)
        if curve.prop == "location":
            return np.linalg.norm(error[:, row], axis=-1)
        points = [half + row, *(self.bones.index(other) for other in self.carried[curve.bone])]
        return np.linalg.norm(error[:, points] - error[:, [row]], axis=-1).max(-1)

    def worst_below(self, bone: str, off: np.ndarray) -> np.ndarray:
        """In each frame (K,) the largest of ``off`` (K, P) among the points that ``bone`` moves."""
        return off[:, self.points_below(bone)].max(-1)

    def points_below(self, bone: str) -> list[int]:
        """The places among the points (P) of those that ``bone`` moves."""
        rows = [self.bones.index(other) for other in self.below[bone]]
        return [*rows, *(len(self.bones) + row for row in rows)]

    def pose(self, curves: Sequence[Curve], modes: dict[str, str], frames: np.ndarray) -> Generator[None, None, Posed]:
        """The chain's bones (K, 4, 4) in armature space as ``curves`` pose them at ``frames`` (K,)."""
        posed: Posed = {}
        for name in self.chain:
            bone = self.rig.by_name[name]
            basis = bone.basis
            for curve in curves:
                if curve.bone == name:
                    basis = _with(basis, bone, curve, curve.at(frames), modes)
            posed[name] = fk.pose_bone(*fk.parent_frames(self.rig, bone, posed.get(bone.parent or "")), basis)
            yield
        return posed

    def follow(
        self,
        curves: Sequence[Curve],
        modes: dict[str, str],
        dense: Posed,
        near: dict[Curve, np.ndarray],
        must: Sequence[int],
        frames: np.ndarray,
        compensate: bool,
        found: dict[Curve, Curve],
    ) -> Generator[None, None, Posed]:
        """Put thinner ``curves`` into ``found``, which holds those of the round before; the bones as they pose them.

        With ``compensate`` a bone makes good what is missing in those above it, so that it comes to be where it is in
        ``dense``."""
        posed: Posed = {}
        for name in self.chain:
            bone = self.rig.by_name[name]
            rotation_frame, location_frame = fk.parent_frames(self.rig, bone, posed.get(bone.parent or ""))
            basis = bone.basis
            for curve in (curve for curve in curves if curve.bone == name):
                if not _is_moving(curve):
                    found[curve] = curve
                    continue
                wanted = curve
                if compensate and bone.parent in posed:
                    if curve.prop.startswith("rotation"):
                        inside = np.swapaxes(fk.strip_scale(rotation_frame)[..., :3, :3], -1, -2)
                        turn = quat.from_matrix(inside @ fk.strip_scale(dense[name])[..., :3, :3])
                        values = channels(np.broadcast_to(turn, (len(frames), 4)), modes[name])[1]
                        wanted = Curve.dense(name, curve.prop, frames, values)
                    elif curve.prop == "location":
                        missing = (dense[name][..., :3, 3] - location_frame[..., :3, 3])[..., None]
                        axes = np.broadcast_to(location_frame[..., :3, :3], (len(frames), 3, 3))
                        wanted = Curve.dense(name, curve.prop, frames, np.linalg.solve(axes, missing)[..., 0])
                few = []
                for number, channel in enumerate(wanted.channels):
                    start = found[curve].channels[number] if curve in found else None
                    few.append((yield from thin(channel, EACH * near[curve], must, start)))
                found[curve] = replace(wanted, channels=tuple(few))
                basis = _with(basis, bone, curve, found[curve].at(frames), modes)
            posed[name] = fk.pose_bone(rotation_frame, location_frame, basis)
        return posed

    def points(self, posed: Posed, matrix_world: np.ndarray) -> Generator[None, None, np.ndarray]:
        """Heads and tails (K, P, 3) of the keyed bones in the world."""
        ends = []
        for along in (0.0, 1.0):
            for bone in self.bones:
                rest = self.rig.by_name[bone]
                length = along * float(np.linalg.norm(np.subtract(rest.tail, rest.head)))
                ends.append((posed[bone] @ np.array([0.0, length, 0.0, 1.0]))[..., :3])
            yield
        local = np.stack(np.broadcast_arrays(*ends), axis=-2)
        turned = np.einsum("...ij,...pj->...pi", matrix_world[..., :3, :3], local)
        return turned + matrix_world[..., None, :3, 3]


def _is_moving(curve: Curve) -> bool:
    return len(curve.channels[0].frames) > 1


Posed = dict[str, np.ndarray]


def _with(basis: np.ndarray, bone: BoneRest, curve: Curve, values: np.ndarray, modes: dict[str, str]) -> np.ndarray:
    """``basis`` (..., 4, 4) of ``bone`` with what ``curve`` says, at its ``values`` (K, C)."""
    changed = np.array(np.broadcast_to(basis, (len(values), 4, 4)))
    if curve.prop.startswith("rotation"):
        changed[:, :3, :3] = with_rotation(bone, rotations(values, modes[curve.bone]))[:, :3, :3]
    elif curve.prop == "location":
        changed[:, :3, 3] = values
    return changed
