# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint positions to joint rotations and back.

A rotation here is always that of a body segment *since the T-pose* (``SKELETON.offsets``, facing +Z, Y up), so it
says the same for every skeleton and armature that can be brought into a T-pose. Positions alone leave some angles
open; they are found as follows. Pelvis and chest: from three points each. Spine: the turn from pelvis to chest is
shared out evenly, then each piece is swung onto its direction. Limbs: swing in the parent's frame, twist from the
hinge plane of elbow and knee (``limbs.py``). Collars, neck, feet: shortest arc in the parent's frame. Head, hands and
toes have no end point and follow their parents.

Shapes: T frames, J = 22 joints; quaternions w, x, y, z. Model axes, metres. Numpy only.
"""

from __future__ import annotations

import numpy as np

from . import quat
from .limbs import LIMBS, Limb, bend_angle, limb_twist, signed_angle
from .skeleton import SKELETON

_J = SKELETON.index


def global_rotations(joints: np.ndarray) -> np.ndarray:
    """Rotation (T, 22, 4) of every joint's body segment since the T-pose, in the axes of ``joints`` (T, 22, 3).

    The identity for a T-pose facing +Z. Signs are continuous in time.
    """
    joints = np.asarray(joints, dtype=np.float64)
    rotations = quat.identity(joints.shape[:2])
    rotations[:, _J("pelvis")] = _frame(joints, "left_hip", "right_hip", "spine1")
    rotations[:, _J("spine3")] = _frame(joints, "left_collar", "right_collar", "neck")
    for name, share in (("spine1", 1 / 3), ("spine2", 2 / 3)):
        turn = quat.slerp(rotations[:, _J("pelvis")], rotations[:, _J("spine3")], share)
        rotations[:, _J(name)] = _swing(joints, name, turn)
    for name in ("neck", "left_collar", "right_collar"):
        _follow(joints, rotations, name)
    _rotate_limbs(joints, rotations)
    for name in ("left_ankle", "right_ankle", "head", "left_wrist", "right_wrist", "left_foot", "right_foot"):
        _follow(joints, rotations, name)
    return quat.make_continuous(rotations)


def local_rotations(rotations: np.ndarray) -> np.ndarray:
    """Rotation (T, 22, 4) of every joint against its parent, from :func:`global_rotations`; the pelvis keeps its
    own."""
    rotations = np.asarray(rotations)
    parents = list(SKELETON.parents[1:])
    local = quat.multiply(quat.conjugate(rotations[:, parents]), rotations[:, 1:])
    return quat.make_continuous(np.concatenate([rotations[:, :1], local], axis=1))


def forward_kinematics(local: np.ndarray, root_positions: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Joints (T, 22, 3) from parent-relative rotations (T, 22, 4), pelvis positions (T, 3) and T-pose offsets
    (22, 3)."""
    rotations, joints = [local[:, 0]], [np.asarray(root_positions)]
    for joint, parent in enumerate(SKELETON.parents[1:], start=1):
        joints.append(joints[parent] + quat.rotate(rotations[parent], np.asarray(offsets)[joint]))
        rotations.append(quat.multiply(rotations[parent], local[:, joint]))
    return np.stack(joints, axis=1)


def bone_offsets(joints: np.ndarray) -> np.ndarray:
    """T-pose offsets (22, 3) of the body that moves in ``joints`` (T, 22, 3): each joint seen from its parent's
    frame, mean over time.

    Lengths are the mean measured bone lengths. Directions are those of ``SKELETON`` wherever a joint has one child;
    pelvis and chest carry three each, whose directions are measured, because bodies differ there.
    """
    joints = np.asarray(joints, dtype=np.float64)
    parents = list(SKELETON.parents[1:])
    segments = joints[:, 1:] - joints[:, parents]
    seen = quat.rotate(quat.conjugate(global_rotations(joints)[:, parents]), segments).mean(0)
    lengths = np.linalg.norm(segments, axis=-1).mean(0)
    return np.concatenate([np.zeros((1, 3)), quat.normalize(seen) * lengths[:, None]])


def _t_pose() -> np.ndarray:
    joints = np.zeros((SKELETON.num_joints, 3))
    for joint, parent in enumerate(SKELETON.parents[1:], start=1):
        joints[joint] = joints[parent] + SKELETON.offsets[joint]
    return joints


def _axes(joints: np.ndarray, left: str, right: str, top: str) -> np.ndarray:
    """Frame (..., 4) of three points: X from right to left, Y towards ``top`` from the middle between the two."""
    x = quat.normalize(joints[..., _J(left), :] - joints[..., _J(right), :])
    up = joints[..., _J(top), :] - (joints[..., _J(left), :] + joints[..., _J(right), :]) / 2
    z = quat.normalize(np.cross(x, up))
    return quat.from_frame(x, np.cross(z, x), z)


def _frame(joints: np.ndarray, left: str, right: str, top: str) -> np.ndarray:
    """Rotation (T, 4) of a three-point frame since the T-pose."""
    return quat.multiply(_axes(joints, left, right, top), quat.conjugate(_axes(T_POSE, left, right, top)))


def _swing(joints: np.ndarray, name: str, base: np.ndarray) -> np.ndarray:
    """``base`` (T, 4) followed by the shortest arc that lays the segment from ``name`` to its child on its
    direction."""
    child = SKELETON.children[_J(name)][0]
    segment = joints[:, child] - joints[:, _J(name)]
    return quat.multiply(quat.between(quat.rotate(base, SKELETON.offsets[child]), segment), base)


def _follow(joints: np.ndarray, rotations: np.ndarray, name: str) -> None:
    """Rotate ``name`` as its parent, then swing it onto its child if it has one."""
    base = rotations[:, SKELETON.parents[_J(name)]]
    rotations[:, _J(name)] = _swing(joints, name, base) if SKELETON.children[_J(name)] else base


def _rotate_limbs(joints: np.ndarray, rotations: np.ndarray) -> None:
    """Set the rotations of the upper and lower bones of both arms and both legs."""
    for limb in LIMBS:
        _follow(joints, rotations, limb.upper)
    above, middle, end = ([_J(getattr(limb, part)) for limb in LIMBS] for part in ("upper", "middle", "end"))
    swing = rotations[:, above]
    upper, lower = joints[:, middle] - joints[:, above], joints[:, end] - joints[:, middle]
    resting = np.zeros(upper.shape[:2])
    for place, limb in enumerate(LIMBS):
        if SKELETON.children[_J(limb.end)]:
            resting[:, place] = _twist_of_foot(joints, swing[:, place], limb)
    twist = limb_twist(swing, upper, lower, resting)
    rotations[:, above] = quat.multiply(quat.from_axis_angle(quat.normalize(upper), twist), swing)
    for limb in LIMBS:
        _follow(joints, rotations, limb.middle)


def _twist_of_foot(joints: np.ndarray, swing: np.ndarray, leg: Limb) -> np.ndarray:
    """Twist (T) that a straight leg needs for its foot to point where it does; 0 while the foot is stretched
    along the leg."""
    ankle = _J(leg.end)
    toe = SKELETON.children[ankle][0]
    shin, foot = quat.normalize(joints[:, ankle] - joints[:, _J(leg.middle)]), joints[:, toe] - joints[:, ankle]
    expected = quat.rotate(_swing(joints, leg.middle, swing), SKELETON.offsets[toe])
    seen = np.clip(np.sin(bend_angle(shin, foot)) / np.sin(np.radians(45)), 0, 1)
    return signed_angle(shin, expected, foot) * seen**2


T_POSE = _t_pose()
