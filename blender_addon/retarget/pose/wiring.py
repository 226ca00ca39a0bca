# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures whose bones hang elsewhere than the body's joints do: solved as a body, keyed as they are.

The *body* of an armature is the same with these bones hung where a body has them. What poses the body is turned into
what to key for every bone of the armature to stand where the body's does: rotations in the frames that its own parents
leave it, and locations of the bones that hang elsewhere.

K scene frames, armature space.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from ...shared import quat
from ..bone_map.mapping import BoneMap
from ..bone_map.wiring import rehung_bones
from ..rig import BoneRest, Rig
from . import fk, root_motion
from .solve import Solution, with_rotation


def wired_as_body(rig: Rig, bone_map: BoneMap) -> Rig:
    """``rig`` with every bone below the one that carries it in a body; ``rig`` itself where all are."""
    parents = rehung_bones(rig.bones, bone_map)
    if not parents:
        return rig
    bones = [_rehung(bone, parents[bone.name]) if bone.name in parents else bone for bone in rig.bones]
    return replace(rig, bones=_parents_first(bones))


def _rehung(bone: BoneRest, parent: str | None) -> BoneRest:
    basis = np.eye(4)
    basis[:3, :3] *= np.linalg.norm(np.asarray(bone.basis, dtype=np.float64)[:3, :3], axis=0)
    return replace(
        bone,
        parent=parent,
        connected=False,
        inherit_rotation=True,
        inherit_scale=True,
        local_location=True,
        basis=basis,
    )


def _parents_first(bones: list[BoneRest]) -> list[BoneRest]:
    by_name = {bone.name: bone for bone in bones}
    depth: dict[str, int] = {}

    def depth_of(name: str) -> int:
        if name not in depth:
            parent = by_name[name].parent
            depth[name] = depth_of(parent) + 1 if parent in by_name else 0
        return depth[name]

    return sorted(bones, key=lambda bone: depth_of(bone.name))


def on_armature(
    rig: Rig, body: Rig, bone_map: BoneMap, solution: Solution, root: tuple[str, np.ndarray] | None = None
) -> Generator[None, None, Solution]:
    """What to key on ``rig`` for its bones to stand where ``solution`` poses those of its ``body``.

    ``root``: a bone that carries the motion and where it is (K, 4, 4); the body stays where it was. A generator that
    hands the thread back.
    """
    targets = root_motion.posed_matrices(body, bone_map, solution)
    rotated, moved = [*solution.rotations], {solution.location_bone, *rehung_bones(rig.bones, bone_map)}
    if root is not None:
        targets, rotated = targets | {root[0]: root[1]}, [root[0], *rotated]
        moved |= {root[0]}
    posed: dict[str, np.ndarray] = {}
    rotations, locations = {}, {}
    yield
    for name in rig.with_ancestors([*rotated, *moved]):
        bone = rig.by_name[name]
        rotation_frame, location_frame = fk.parent_frames(rig, bone, posed.get(bone.parent or ""))
        basis = np.asarray(bone.basis, dtype=np.float64)
        if name in rotated:
            turn = np.swapaxes(fk.strip_scale(rotation_frame)[..., :3, :3], -1, -2)
            turn = turn @ fk.strip_scale(targets[name])[..., :3, :3]
            rotations[name] = quat.make_continuous(quat.from_matrix(turn))
            basis = with_rotation(bone, rotations[name])
        if name in moved:
            missing = (targets[name][:, :3, 3] - location_frame[..., :3, 3])[..., None]
            axes = np.broadcast_to(location_frame[..., :3, :3], (len(missing), 3, 3))
            locations[name] = np.linalg.solve(axes, missing)[..., 0]
            basis = np.array(np.broadcast_to(basis, (len(missing), 4, 4)))
            basis[:, :3, 3] = locations[name]
        posed[name] = fk.pose_bone(rotation_frame, location_frame, basis)
        yield
    return replace(solution, rotations=rotations, location=locations.pop(solution.location_bone), locations=locations)
