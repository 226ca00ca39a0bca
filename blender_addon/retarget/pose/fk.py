# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own rule for where a pose bone comes to stand, in numpy: parent, rest offset, inheritance flags, pose.

Matrices act on columns. T frames; a matrix without a time axis holds for all of them. Scale on bones is taken to be
uniform. Source: the manual's page "Bone relations" and what Blender 4.5 evaluates (held to it by a test).
"""

from __future__ import annotations

import numpy as np

from ...shared import quat
from ..rig import BoneRest, Rig


def to_transform(rotation: np.ndarray) -> np.ndarray:
    """(..., 4, 4) from a quaternion (..., 4)."""
    rotation = np.asarray(rotation, dtype=np.float64)
    matrix = np.zeros((*rotation.shape[:-1], 4, 4))
    matrix[..., :3, :3] = quat.to_matrix(rotation)
    matrix[..., 3, 3] = 1
    return matrix


def strip_scale(matrix: np.ndarray) -> np.ndarray:
    """``matrix`` (..., 4, 4) with its three axes at unit length."""
    plain = np.array(matrix, dtype=np.float64)
    plain[..., :3, :3] /= np.linalg.norm(plain[..., :3, :3], axis=-2, keepdims=True)
    return plain


def parent_frames(rig: Rig, bone: BoneRest, parent_pose: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """What ``bone``'s pose is applied to, (..., 4, 4) each: one matrix for its rotation and scale, one for its
    location.

    ``parent_pose`` (..., 4, 4): the posed parent in armature space, None for a root.
    """
    rest = np.asarray(bone.matrix, dtype=np.float64)
    if parent_pose is None or bone.parent is None:
        location = rest
        if not bone.local_location:
            location = np.eye(4)
            location[:3, 3] = rest[:3, 3]
        return rest, location
    parent_rest = np.asarray(rig.by_name[bone.parent].matrix, dtype=np.float64)
    offset = rig.rest_offsets[bone.name]
    carried = parent_pose @ offset
    frame = parent_pose if bone.inherit_scale else strip_scale(parent_pose)
    if not bone.inherit_rotation:
        frame = np.broadcast_to(parent_rest, parent_pose.shape).copy()
        if bone.inherit_scale:
            frame[..., :3, :3] *= np.linalg.norm(parent_pose[..., :3, :3], axis=-2).mean(-1)[..., None, None]
    location = carried
    if not bone.local_location:
        location = np.array(parent_pose)
        location[..., :3, 3] = carried[..., :3, 3]
    return carried if frame is parent_pose else frame @ offset, location


def pose_bone(rotation_frame: np.ndarray, location_frame: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Posed bone (..., 4, 4) in armature space from :func:`parent_frames` and the bone's own pose ``basis`` (...,
    4, 4)."""
    posed = rotation_frame @ basis
    moved = location_frame[..., :3, :3] @ basis[..., :3, 3:]
    posed[..., :3, 3] = location_frame[..., :3, 3] + moved[..., 0]
    return posed


def pose_rig(rig: Rig, names: list[str], bases: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Posed bones (..., 4, 4) in armature space of ``names``, parents first; bones not in ``bases`` keep the pose
    that they have."""
    posed: dict[str, np.ndarray] = {}
    for name in names:
        bone = rig.by_name[name]
        frames = parent_frames(rig, bone, posed.get(bone.parent or ""))
        posed[name] = pose_bone(*frames, bases.get(name, bone.basis))
    return posed
