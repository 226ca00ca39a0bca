# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a character stands: as its bones rest, or as its pose is seen now.

Files bring rest poses metres below the floor, turned around or in mid-stride, and a pose that puts the body where it is
seen. *How* it stands upright is told by the rest pose, if that is a stand, else by the present pose, if that is one.
*Where* is told by the present pose; by what carries the body alone while its own bones are animated, for a frame of a
motion is no stand. No bone is moved.
"""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np

from .. import compat
from ..retarget.bone_map import BoneMap
from ..retarget.pose import alignment, fk, scale, solve
from ..retarget.rig import Rig
from ..shared import quat

UP = np.array([0.0, 0.0, 1.0])
UPRIGHT_RAD = np.radians(35.0)
STRAIGHT_RATIO = 0.88  # of a leg's length that its ankle is from its hip at least in a stand
# Shares of the leg's length: how far apart a stand's ankles are in height and front to back; how far a body is moved.
LEVEL_RATIO, BESIDE_RATIO, MOVED_RATIO = 0.12, 0.35, 0.1
TURNED_RAD, SCALED_RATIO = np.radians(5.0), 0.02
SAME = 1e-3  # by which a turn, and a place as a share of the figure's size, may be off
CORNERS = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")


def find_standing(armature: bpy.types.Object, rest: Rig, bone_map: BoneMap) -> Rig | None:
    """``rest`` with its bones where the character stands; None where that is its rest pose."""
    shown = _shown(armature)
    if _rests(rest, shown):
        return None
    keyed = animated_bones(armature) & set(solve.posed_chain(rest, bone_map))
    if not keyed:
        seen = with_matrices(rest, shown)
        if not _stands(rest, bone_map) and _stands(seen, bone_map):
            return seen
        return _placed(rest, seen, bone_map)
    if not _stands(rest, bone_map) and _stands(seen := evaluated(armature, rest), bone_map):
        return seen
    fixed = _placed(rest, _carried(rest, bone_map.posed_bones | keyed), bone_map)
    if _is_near_origin(fixed or rest, bone_map):
        return fixed
    for seen in (_carried(rest, bone_map.posed_bones), evaluated(armature, rest)):
        placed = _placed(rest, seen, bone_map)
        if placed is not None and _is_near_origin(placed, bone_map):
            return placed
    return fixed


def animated_bones(armature: bpy.types.Object) -> set[str]:
    """Bones that an Action or a strip moves now."""
    animation = armature.animation_data
    if animation is None:
        return set()
    bags = [compat.played_bag(armature)] if animation.action is not None else []
    for track in animation.nla_tracks:
        if not track.mute:
            bags += [
                bag for strip in track.strips if not strip.mute and strip.action for bag in compat.bags(strip.action)
            ]
    paths = {curve.data_path for bag in bags if bag is not None for curve in bag.fcurves}
    quoted = {path.split('"')[1] for path in paths if path.startswith("pose.bones") and path.count('"') >= 2}
    return {bone.name for bone in armature.pose.bones if bpy.utils.escape_identifier(bone.name) in quoted}


def evaluated(armature: bpy.types.Object, rest: Rig) -> Rig:
    """``rest`` with its bones where Blender shows them."""
    return with_matrices(rest, _shown(armature))


def _shown(armature: bpy.types.Object) -> dict[str, np.ndarray]:
    """Bone -> where Blender shows it (4, 4), armature space."""
    values = np.empty(16 * len(armature.pose.bones), np.float32)
    armature.pose.bones.foreach_get("matrix", values)
    matrices = values.astype(np.float64).reshape(-1, 4, 4).swapaxes(1, 2)
    return {bone.name: matrix for bone, matrix in zip(armature.pose.bones, matrices, strict=True)}


def _rests(rest: Rig, shown: dict[str, np.ndarray]) -> bool:
    """Whether the character is seen in its rest pose."""
    bones = [bone for bone in rest.bones if bone.name in shown]
    heads = np.array([bone.head for bone in bones])
    off = np.abs(np.array([bone.matrix for bone in bones]) - np.array([shown[bone.name] for bone in bones]))
    return bool(off[:, :3, :3].max() < SAME and off[:, :3, 3].max() < SAME * np.ptp(heads, axis=0).max())


def _carried(rest: Rig, unposed: set[str]) -> Rig:
    """``rest`` with its bones where they are without the pose of the bones ``unposed``."""
    names = [bone.name for bone in rest.bones]
    return with_matrices(rest, fk.pose_rig(rest, names, {bone: np.eye(4) for bone in unposed}))


def with_matrices(rest: Rig, matrices: dict[str, np.ndarray]) -> Rig:
    """``rest`` with its bones at ``matrices`` (4, 4), armature space; what these do not name goes along with its
    parent."""
    found: dict[str, np.ndarray] = {}
    for bone in rest.bones:
        matrix = matrices.get(bone.name)
        if matrix is None:
            matrix = bone.matrix
            if bone.parent in found:
                matrix = found[bone.parent] @ np.linalg.inv(rest.by_name[bone.parent].matrix) @ matrix
        found[bone.name] = matrix
    placed, rests = np.array(list(found.values())), np.array([bone.matrix for bone in rest.bones])
    along = np.array([bone.tail for bone in rest.bones]) - np.array([bone.head for bone in rest.bones])
    tails = placed[:, :3, 3] + np.linalg.norm(along, axis=-1, keepdims=True) * placed[:, :3, 1]
    moved = (placed != rests).any((1, 2)) | (tails != rests[:, :3, 3] + along).any(1)
    bones = [
        replace(bone, matrix=matrix, head=tuple(matrix[:3, 3]), tail=tuple(tail)) if moves else bone
        for bone, matrix, tail, moves in zip(rest.bones, placed, tails, moved, strict=True)
    ]
    return replace(rest, bones=bones, standing_pose=None)


def _stands(rig: Rig, bone_map: BoneMap) -> bool:
    """Whether the figure stands upright on two legs beside each other, both about straight."""
    figure, leg = alignment.figure_rotation(rig, bone_map), alignment.leg_length(rig, bone_map)
    if not 1e-9 < leg < np.inf:
        return False
    ankles = []
    for side in ("left", "right"):
        hip, ankle = (quat.rotate(figure, alignment.head(rig, bone_map[f"{side}_{part}"])) for part in ("hip", "ankle"))
        ankles.append(ankle)
        far = float(np.linalg.norm(hip - ankle))
        if hip[2] - ankle[2] < STRAIGHT_RATIO * far or far < STRAIGHT_RATIO * leg:
            return False
    apart = np.abs(ankles[0] - ankles[1]) / leg
    return bool(apart[2] < LEVEL_RATIO and apart[1] < BESIDE_RATIO)


def _placed(rest: Rig, seen: Rig, bone_map: BoneMap) -> Rig | None:
    """``rest`` as a whole where ``seen`` is: turned, moved and scaled with its trunk, on the height of its soles; None
    where that is the same, or where ``seen`` is not upright."""
    before, after = (
        alignment.trunk_axes(*(alignment.head(rig, bone_map[joint]) for joint in CORNERS)) for rig in (rest, seen)
    )
    up = quat.rotate(quat.conjugate(alignment.object_rotation(rest.matrix_world)), UP)
    turn = quat.multiply(after, quat.conjugate(before))
    own_up = quat.rotate(turn, quat.rotate(quat.conjugate(alignment.figure_rotation(rest, bone_map)), UP))
    upright = quat.between(own_up, up)
    leg = alignment.leg_length(seen, bone_map)
    if quat.angle(upright) > UPRIGHT_RAD or not 1e-9 < leg < np.inf:
        return None
    turn = quat.multiply(upright, turn)
    factor = leg / alignment.leg_length(rest, bone_map)
    factor = factor if abs(factor - 1) > SCALED_RATIO else 1.0
    change = fk.to_transform(turn)
    change[:3, :3] *= factor
    hips = [sum(alignment.head(rig, bone_map[joint]) for joint in CORNERS[:2]) / 2 for rig in (rest, seen)]
    change[:3, 3] = hips[1] - change[:3, :3] @ hips[0]
    soles = [scale.soles(rig, bone_map) for rig in (rest, seen)]
    moved_soles = soles[0] @ change[:3, :3].T + change[:3, 3]
    change[:3, 3] += up * ((soles[1] @ up).min() - (moved_soles @ up).min())
    moved = np.linalg.norm(change[:3, :3] @ hips[0] + change[:3, 3] - hips[0])
    if moved < MOVED_RATIO * leg and quat.angle(turn) < TURNED_RAD and factor == 1.0:
        return None
    return with_matrices(rest, {bone.name: change @ bone.matrix for bone in rest.bones})


def _is_near_origin(rig: Rig, bone_map: BoneMap) -> bool:
    """Whether the object's origin is between soles and hips, as it is by custom."""
    up = quat.rotate(quat.conjugate(alignment.object_rotation(rig.matrix_world)), UP)
    leg = alignment.leg_length(rig, bone_map)
    soles, hips = (scale.soles(rig, bone_map) @ up).min(), alignment.head(rig, bone_map["pelvis"]) @ up
    return bool(soles < MOVED_RATIO * leg and hips > -MOVED_RATIO * leg)
