# SPDX-License-Identifier: GPL-3.0-or-later
"""The keyed bones of an armature, posed from the root outward, and the points by which key reduction measures them.

K scene frames, P points: heads and tails of the bones that are keyed.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np

from ...shared import quat
from ..pose import fk, scale
from ..pose.rotation_modes import channel_rotations, rotation_channels
from ..pose.solve import with_rotation
from ..rig import BoneRest, Rig
from .spline_fit import Curve, thin

EACH = 0.6  # of what a bone may use up, for each of its channels
FARTHER = 0.4  # how much the length of all that hangs on a bone counts beside its own, 0..1, in what it may use up
SHORTEST_LEVER = 0.03  # of the armature's height

Posed = dict[str, np.ndarray]
"""Bone -> matrices (K, 4, 4), or (4, 4) where it stays, in armature space."""


class Tree:
    """The keyed bones of a rig with those above them."""

    def __init__(self, rig: Rig, bones: list[str], compensate: bool = True) -> None:
        self.rig, self.bones = rig, bones
        self.chain = rig.with_ancestors(bones)
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

    # Eight: the curves of a round, what they are measured by, and those of the round before.
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
                if not has_several_keys(curve):
                    found[curve] = curve
                    continue
                wanted = curve
                if compensate and bone.parent in posed:
                    if curve.prop.startswith("rotation"):
                        inside = np.swapaxes(fk.strip_scale(rotation_frame)[..., :3, :3], -1, -2)
                        turn = quat.from_matrix(inside @ fk.strip_scale(dense[name])[..., :3, :3])
                        values = rotation_channels(np.broadcast_to(turn, (len(frames), 4)), modes[name])[1]
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


def has_several_keys(curve: Curve) -> bool:
    """Whether the curve has more than one key."""
    return len(curve.channels[0].frames) > 1


def _with(basis: np.ndarray, bone: BoneRest, curve: Curve, values: np.ndarray, modes: dict[str, str]) -> np.ndarray:
    """``basis`` (..., 4, 4) of ``bone`` with what ``curve`` says, at its ``values`` (K, C)."""
    changed = np.array(np.broadcast_to(basis, (len(values), 4, 4)))
    if curve.prop.startswith("rotation"):
        changed[:, :3, :3] = with_rotation(bone, channel_rotations(values, modes[curve.bone]))[:, :3, :3]
    elif curve.prop == "location":
        changed[:, :3, 3] = values
    return changed
