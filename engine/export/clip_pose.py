# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip as a skeleton in motion: constant bone lengths, one rotation a joint, the path of the pelvis.

The exported skeleton has one joint more than the model's: ``lower_back``, at the pelvis itself, carries the spine. In
bodies the spine bends against the hips right there, so no single rotation of the pelvis could put both hips and spine
where they are (it missed by 1 to 4 cm on captured motion; with the joint it is exact). Captured .bvh files have
carried such a joint under this name for decades.

Legend: T frames, E = 23 exported joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blender_addon.shared import pose, quat
from blender_addon.shared.skeleton import SKELETON

from .clip import ExportClip

NAMES = (SKELETON.names[0], "lower_back", *SKELETON.names[1:])
PARENTS = (
    -1,
    0,
    *(
        1 if name == "spine1" else NAMES.index(SKELETON.names[SKELETON.parents[j]])
        for j, name in enumerate(SKELETON.names)
        if j
    ),
)
CHILDREN = tuple(tuple(c for c, p in enumerate(PARENTS) if p == j) for j in range(len(NAMES)))
_LEFT, _RIGHT, _SPINE = SKELETON.indices("left_hip", "right_hip", "spine1")


@dataclass(frozen=True, eq=False)
class ClipPose:
    """``offsets`` (E,3) from the parent in the T-pose, metres; ``rotations`` (T,E,4) against the parent;
    ``root_positions`` (T,3).

    Forward kinematics gives back the joints of the clip wherever its bones keep their lengths.
    """

    offsets: np.ndarray
    rotations: np.ndarray
    root_positions: np.ndarray


def clip_pose(clip: ExportClip) -> ClipPose:
    """The skeleton pose of ``clip``, in float64; joints in the order of ``NAMES``."""
    joints = skeleton_joints(clip.joints)
    world = pose.global_rotations(joints)
    pelvis = _pelvis_rotation(joints)
    spine_offset = SKELETON.offsets[_SPINE]
    spine = joints[:, _SPINE] - joints[:, 0]
    lower_back = quat.multiply(quat.between(quat.rotate(pelvis, spine_offset), spine), pelvis)
    world = np.concatenate([pelvis[:, None], lower_back[:, None], world[:, 1:]], axis=1)
    local = quat.multiply(quat.conjugate(world[:, list(PARENTS[1:])]), world[:, 1:])
    rotations = quat.make_continuous(np.concatenate([world[:, :1], local], axis=1))

    offsets = pose.bone_offsets(joints)
    offsets[_SPINE] = quat.normalize(spine_offset) * np.linalg.norm(offsets[_SPINE])
    for hip in (_LEFT, _RIGHT):
        offsets[hip] = _seen_from(pelvis, joints[:, hip] - joints[:, 0])
    return ClipPose(np.insert(offsets, 1, 0.0, axis=0), rotations, joints[:, 0])


def skeleton_joints(joints: np.ndarray) -> np.ndarray:
    """The joints (T,J,3) of a skeleton whose bones keep their mean lengths, as near to ``joints`` (T,J,3) as it gets.

    A generated figure stretches by some millimetres. From the pelvis outwards each bone points to where its end really
    is, so that the misfits do not add up; hips and shoulder girdle move as rigid triangles. Joints whose bones keep
    their lengths come back as they are.
    """
    joints = np.asarray(joints, dtype=np.float64)
    fitted, world, pelvis = joints.copy(), pose.global_rotations(joints), _pelvis_rotation(joints)
    for joint, parent in list(enumerate(SKELETON.parents))[1:]:
        bone = joints[:, joint] - joints[:, parent]
        if len(SKELETON.children[parent]) > 1 and joint != _SPINE:
            carrier = pelvis if parent == 0 else world[:, parent]
            fitted[:, joint] = fitted[:, parent] + quat.rotate(carrier, _seen_from(carrier, bone))
        else:
            length = np.linalg.norm(bone, axis=-1).mean()
            fitted[:, joint] = fitted[:, parent] + length * quat.normalize(joints[:, joint] - fitted[:, parent])
    return fitted


def _seen_from(rotation: np.ndarray, bone: np.ndarray) -> np.ndarray:
    """The constant vector (3,) that ``bone`` (T,3) is in the frame ``rotation`` (T,4): mean direction, mean length."""
    seen = quat.rotate(quat.conjugate(rotation), bone).mean(0)
    return quat.normalize(seen) * np.linalg.norm(bone, axis=-1).mean()


def _pelvis_rotation(joints: np.ndarray) -> np.ndarray:
    """Rotation (T,4) of the pelvis since the T-pose, from the triangle of pelvis and hips."""
    rest = SKELETON.offsets.astype(np.float64)  # the hips seen from the pelvis
    turned = _triangle(joints[:, _LEFT] - joints[:, 0], joints[:, _RIGHT] - joints[:, 0])
    return quat.multiply(turned, quat.conjugate(_triangle(rest[_LEFT], rest[_RIGHT])))


def _triangle(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Frame (..., 4) of the triangle between the pelvis and the hips (..., 3): X from right to left, Y from the hips
    up.
    """
    x = quat.normalize(left - right)
    z = quat.normalize(np.cross(x, -(left + right)))
    return quat.from_frame(x, np.cross(z, x), z)
