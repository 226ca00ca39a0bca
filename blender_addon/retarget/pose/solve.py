# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn every mapped bone as the model's body segments turn, and put the hips where the model's pelvis is.

For each bone and frame: segment's turn since the T-pose, times the bone's neutral orientation, is where the bone
has to point in the world; taken into the frame that its parent leaves it, that is the rotation to key. Bones without a
joint keep the pose they have, so whatever hangs between two mapped bones is accounted for. Lengths are the armature's
own.

T frames, J = 22 joints. World points are scene units, Blender axes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...shared import quat
from ...shared.errors import RetargetError
from ...shared.limbs import LIMBS, Limb
from ...shared.skeleton import SKELETON
from ...shared.space import model_to_blender, model_to_blender_rotation
from ..bone_map.mapping import BoneMap
from ..rig import BoneRest, Rig
from . import alignment, fk, twist


@dataclass(frozen=True, eq=False)
class Solution:
    """What to key: ``rotations`` bone -> (T, 4) quaternions of its own pose, signs continuous; ``location`` (T,
    3) of the one bone ``location_bone``.

    Control rigs also have ``locations``, bone -> (T, 3), of other bones that move, and ``properties``, (bone, custom
    property) -> the value that it has throughout: the switches between FK and IK. ``object_matrices`` (T, 4, 4): the
    armature object's own transform, where it moves.
    """

    rotations: dict[str, np.ndarray]
    location_bone: str
    location: np.ndarray
    locations: dict[str, np.ndarray] = field(default_factory=dict)
    object_matrices: np.ndarray | None = None
    properties: dict[tuple[str, str], float] = field(default_factory=dict)


def solve(
    rig: Rig, bone_map: BoneMap, rotations: np.ndarray, pelvis: np.ndarray, matrix_world: np.ndarray | None = None
) -> Solution:
    """Pose ``rig``. ``rotations`` (T, 22, 4): segments since the T-pose, model axes; ``pelvis`` (T, 3): target of the
    hips bone's head.

    ``matrix_world`` (T, 4, 4) or (4, 4): where the armature object stands, where it moves; else where ``rig`` says.
    """
    matrix_world = np.asarray(rig.matrix_world if matrix_world is None else matrix_world, dtype=np.float64)
    object_rotation = alignment.object_rotation(matrix_world)
    in_world = world_orientations(rig, bone_map, rotations)
    in_armature = quat.multiply(quat.conjugate(object_rotation), np.stack(list(in_world.values())))
    orientations = dict(zip(in_world, in_armature, strict=True))
    inverse = np.linalg.inv(matrix_world)
    target = (inverse[..., :3, :3] @ pelvis[..., None])[..., 0] + inverse[..., :3, 3]
    return solve_orientations(rig, bone_map, orientations, target)


def solve_orientations(
    rig: Rig,
    bone_map: BoneMap,
    orientations: dict[str, np.ndarray],
    target: np.ndarray,
    fixed: dict[str, np.ndarray] | None = None,
) -> Solution:
    """What to key for bones to have these ``orientations`` (bone -> (T, 4)), and the hips to be at ``target`` (T, 3);
    armature space. ``fixed``: poses (T, 4, 4) of other bones, instead of their present ones."""
    chain, frames = posed_chain(rig, bone_map), len(target)
    bases = _solve_rotations(rig, chain, orientations, frames, fixed or {})
    location_bone = find_location_bone(rig, bone_map["pelvis"])
    bases[location_bone] = np.array(
        np.broadcast_to(bases.get(location_bone, rig.by_name[location_bone].basis), (frames, 4, 4))
    )
    bases[location_bone][:, :3, 3] = 0
    posed = fk.pose_rig(rig, chain, bases)
    missing = target - posed[bone_map["pelvis"]][..., :3, 3]
    parent = rig.by_name[location_bone].parent
    _, location_frame = fk.parent_frames(rig, rig.by_name[location_bone], posed.get(parent or ""))
    location = np.linalg.solve(np.broadcast_to(location_frame[..., :3, :3], (frames, 3, 3)), missing[..., None])
    bones = [bone for bone in chain if bone in orientations]
    keyed = _rotation_of(np.stack([bases[bone] for bone in bones]))
    continuous = {bone: quat.make_continuous(rotation) for bone, rotation in zip(bones, keyed, strict=True)}
    return Solution(continuous, location_bone, location[..., 0])


def world_orientations(rig: Rig, bone_map: BoneMap, rotations: np.ndarray) -> dict[str, np.ndarray]:
    """Orientation (T, 4) in the world, by bone, of every mapped bone, bone between and twist bone, for segment
    rotations (T, 22, 4)."""
    neutral = alignment.neutral_rotations(rig.standing, bone_map)
    segments = model_to_blender_rotation(rotations)
    index = SKELETON.index
    by_bone = {bone: segments[:, index(joint)] for joint, bone in bone_map.bones.items()}
    for limb in LIMBS:
        if limb.middle in bone_map and rig.by_name[bone_map[limb.middle]].is_tip:
            by_bone[bone_map[limb.upper]] = _stiff(segments, limb)
    for bone, (joint, share) in bone_map.twists.items():
        by_bone[bone] = twist.untwisted(segments, joint, bone_map, share)
    for bone, (below, above, share) in bone_map.between.items():
        by_bone[bone] = quat.slerp(segments[:, index(below)], segments[:, index(above)], share)
    # All bones at once: a product of few numbers takes no longer than one of many.
    turned = quat.multiply(np.stack(list(by_bone.values())), np.stack([neutral[bone] for bone in by_bone])[:, None])
    return dict(zip(by_bone, turned, strict=True))


def _stiff(segments: np.ndarray, limb: Limb) -> np.ndarray:
    """Rotation (T, 4) of a limb of one bone, which points to where both parts of the model's lead; ``segments`` (T, 22,
    4), Blender axes."""
    parts = [
        quat.rotate(
            segments[:, SKELETON.index(joint)],
            model_to_blender(SKELETON.offsets[SKELETON.index(child)].astype(np.float64)),
        )
        for joint, child in ((limb.upper, limb.middle), (limb.middle, limb.end))
    ]
    return quat.multiply(quat.between(parts[0], parts[0] + parts[1]), segments[:, SKELETON.index(limb.upper)])


def posed_chain(rig: Rig, bone_map: BoneMap) -> list[str]:
    """Mapped bones, bones between and all their ancestors, parents first."""
    return rig.with_ancestors(bone_map.posed_bones)


def find_location_bone(rig: Rig, hips: str) -> str:
    """The bone whose location moves the hips: they themselves, or where they are connected to a parent the first
    free bone above."""
    for bone in (hips, *rig.ancestors(hips)):
        if not (rig.by_name[bone].connected and rig.by_name[bone].parent):
            return bone
    raise RetargetError(
        f"No bone can move the hips: '{hips}' and the bones above it are connected to their parents.",
        "Disconnect the hips bone from its parent.",
    )


def _solve_rotations(
    rig: Rig, chain: list[str], orientations: dict[str, np.ndarray], num_frames: int, fixed: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Pose matrices (T, 4, 4) of the bones in ``orientations`` (armature space) from the root outwards, and those in
    ``fixed``."""
    bases = dict(fixed)
    posed: dict[str, np.ndarray] = {}
    for name in chain:
        bone = rig.by_name[name]
        rotation_frame, location_frame = fk.parent_frames(rig, bone, posed.get(bone.parent or ""))
        if name in orientations:
            turn = quat.multiply(quat.conjugate(_rotation_of(rotation_frame)), orientations[name])
            bases[name] = np.broadcast_to(with_rotation(bone, turn), (num_frames, 4, 4))
        posed[name] = fk.pose_bone(rotation_frame, location_frame, bases.get(name, bone.basis))
    return bases


def _rotation_of(matrix: np.ndarray) -> np.ndarray:
    return quat.from_matrix(fk.strip_scale(matrix)[..., :3, :3])


def with_rotation(bone: BoneRest, rotation: np.ndarray) -> np.ndarray:
    """The bone's present pose (T, 4, 4) with its rotation replaced; location and scale, which are not keyed, stay."""
    basis = fk.to_transform(rotation)
    basis[..., :3, :3] *= np.linalg.norm(bone.basis[:3, :3], axis=0)
    basis[..., :3, 3] = bone.basis[:3, 3]
    return basis
