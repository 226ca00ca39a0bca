# SPDX-License-Identifier: GPL-3.0-or-later
"""The 263 motion features of HumanML3D, in both directions, for numpy arrays and torch tensors alike (differentiable).

Shapes: T frames, J = 22 joints, F = 263 features; leading batch axes (...) are allowed. Metres, radians, 20 fps, Y up.

Layout (Guo et al., "Generating Diverse and Natural 3D Human Motions from Text", CVPR 2022, section 3): heading velocity
(half angle per frame), ground velocity in heading axes, pelvis height, joint positions relative to the pelvis on the
ground in heading axes, 6-D joint rotations, joint velocities in heading axes, four foot contacts.

Heading convention. The data set's own code reads its list of hips and shoulders in two orders; the released features
were made with the order in which the hips count the wrong way round: across = (left_hip - right_hip) +
(right_shoulder - left_shoulder). We follow it, because the statistics and the published weights do; the shoulders win,
so the heading still points forward. It is smoothed over time (Gaussian, 20 frames) and is +Z by definition in frame 0.
"""

from __future__ import annotations

import itertools

import numpy as np

from . import quat
from .quat import AnyArray
from .skeleton import SKELETON

NUM_FEATURES = 263
YAW_VELOCITY = slice(0, 1)
GROUND_VELOCITY = slice(1, 3)
ROOT_HEIGHT = slice(3, 4)
JOINT_POSITIONS = slice(4, 67)
JOINT_ROTATIONS = slice(67, 193)
JOINT_VELOCITIES = slice(193, 259)
FOOT_CONTACTS = slice(259, 263)

HEADING_SIGMA = 20.0  # frames
CONTACT_SPEED = 0.002**0.5  # metres a frame; slower feet count as planted

# Rest directions and chains that the data set's 6-D rotations refer to; used for nothing else.
_REST = {"pelvis": (0, 0, 0), "left_hip": (1, 0, 0), "right_hip": (-1, 0, 0), "left_collar": (1, 0, 0),
         "right_collar": (-1, 0, 0), "left_foot": (0, 0, 1), "right_foot": (0, 0, 1), "head": (0, 0, 1),
         "spine1": (0, 1, 0), "spine2": (0, 1, 0), "spine3": (0, 1, 0), "neck": (0, 1, 0)}  # fmt: skip
_DOWN = (0, -1, 0)  # legs and arms
_CHAINS = (
    ("pelvis", "right_hip", "right_knee", "right_ankle", "right_foot"),
    ("pelvis", "left_hip", "left_knee", "left_ankle", "left_foot"),
    ("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
    ("spine3", "right_collar", "right_shoulder", "right_elbow", "right_wrist"),
    ("spine3", "left_collar", "left_shoulder", "left_elbow", "left_wrist"),
)


def root_trajectory(features: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Heading quaternion (..., T, 4), which turns world axes into heading axes, and pelvis position (..., T, 3),
    integrated.
    """
    yaw_velocity = features[..., 0]
    yaw = quat.cat([0 * yaw_velocity[..., :1], yaw_velocity[..., :-1].cumsum(-1)])
    zero = 0 * yaw
    xp = quat.namespace(features)
    to_heading = quat.stack([xp.cos(yaw), zero, xp.sin(yaw), zero])  # the feature is already the half angle
    ground = features[..., GROUND_VELOCITY]
    shifted = quat.cat([0 * ground[..., :1, :], ground[..., :-1, :]], -2)
    step = quat.stack([shifted[..., 0], zero, shifted[..., 1]])
    path = quat.rotate(quat.conjugate(to_heading), step).cumsum(-2)
    position = quat.stack([path[..., 0], features[..., 3], path[..., 2]])
    return to_heading, position


def features_to_joints(features: AnyArray) -> AnyArray:
    """Joint positions (..., T, 22, 3) of features (..., T, 263), starting over the origin with heading +Z."""
    to_heading, root = root_trajectory(features)
    local = features[..., JOINT_POSITIONS]
    local = local.reshape(*local.shape[:-1], SKELETON.num_joints - 1, 3)
    world = quat.rotate(quat.conjugate(to_heading)[..., None, :], local)
    x, y, z = world[..., 0] + root[..., None, 0], world[..., 1], world[..., 2] + root[..., None, 2]
    return quat.cat([root[..., None, :], quat.stack([x, y, z])], -2)


def _gaussian_smoothing(num_frames: int, sigma: float) -> np.ndarray:
    """Matrix (T, T) of a Gaussian filter over time, cut at four sigma, the ends held."""
    radius = int(4 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    matrix = np.zeros((num_frames, num_frames))
    frames = np.arange(num_frames)[:, None]
    np.add.at(matrix, (frames, np.clip(frames + offsets, 0, num_frames - 1)), kernel)
    return matrix


def heading_rotation(joints: AnyArray) -> AnyArray:
    """Quaternion (T, 4) a frame that turns the (smoothed) heading of joints (T, 22, 3) onto +Z."""
    xp = quat.namespace(joints)
    left_hip, right_hip, left_shoulder, right_shoulder = (
        joints[..., j, :] for j in SKELETON.indices("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    )
    across = quat.normalize((left_hip - right_hip) + (right_shoulder - left_shoulder))
    forward = quat.stack([across[..., 2], 0 * across[..., 0], -across[..., 0]])  # up x across
    smooth = xp.asarray(_gaussian_smoothing(joints.shape[-3], HEADING_SIGMA), dtype=joints.dtype)
    forward = quat.normalize(smooth @ forward)
    # The rotation is about Y alone; half-angle form, stable for every heading but exactly backwards.
    cosine, sine = forward[..., 2], -forward[..., 0]
    zero = 0 * cosine
    half = quat.normalize(quat.stack([1 + cosine, zero, sine, zero]) + 0)
    return half


def yaw_of(joints: np.ndarray) -> np.ndarray:
    """Where the (smoothed) heading of joints (T, 22, 3) points, radians about +Y: (T,), each in -pi..pi."""
    return quat.yaw(quat.rotate(quat.conjugate(heading_rotation(joints)), np.array([0.0, 0.0, 1.0])))


def canonicalize(joints: np.ndarray) -> np.ndarray:
    """Joints (T, 22, 3) turned and moved so that frame 0 stands over the origin with (smoothed) heading +Z."""
    joints = np.asarray(joints)
    joints = joints - joints[:1, :1] * np.array([1, 0, 1], joints.dtype)
    return quat.rotate(heading_rotation(joints)[0], joints)


def _rotations_6d(joints: AnyArray, to_heading: AnyArray) -> AnyArray:
    """First two columns of each joint's rotation (..., T, 21, 6) by shortest arcs along the chains, as in the data
    set.
    """
    parts: dict[str, AnyArray] = {}
    for chain in _CHAINS:
        parent_rotation = to_heading
        for parent, child in itertools.pairwise(chain):
            direction = joints[..., SKELETON.index(child), :] - joints[..., SKELETON.index(parent), :]
            rest = quat.namespace(joints).asarray(_REST.get(child, _DOWN), dtype=joints.dtype) + 0 * direction
            rotation = quat.between(rest, quat.normalize(direction))
            parts[child] = quat.multiply(quat.conjugate(parent_rotation), rotation)
            parent_rotation = rotation
    matrices = quat.to_matrix(quat.namespace(joints).stack([parts[name] for name in SKELETON.names[1:]], -2))
    return quat.cat([matrices[..., 0], matrices[..., 1]])


def joints_to_features(joints: AnyArray) -> AnyArray:
    """Features (T-1, 263) of joints (T, 22, 3), the first frame of which starts at x = z = 0 with heading +Z.

    Inverse of :func:`features_to_joints` up to the last frame. Motions that start elsewhere lose their start on
    the ground; a heading other than +Z (see :func:`canonicalize`) shows as a jump in the first heading velocity.
    """
    xp = quat.namespace(joints)
    to_heading = heading_rotation(joints)
    start = 0 * to_heading[:1] + xp.asarray([1.0, 0.0, 0.0, 0.0], dtype=joints.dtype)
    to_heading = quat.cat([start, to_heading[1:]], -2)
    root = joints[:, 0]
    turn = quat.multiply(to_heading[1:], quat.conjugate(to_heading[:-1]))
    # A quaternion and its negative are the same turn: take the one whose half angle lies in (-90, 90] degrees.
    turn = xp.where(turn[..., :1] < 0, -turn, turn)
    yaw_velocity = xp.arctan2(turn[..., 2:3], turn[..., :1])
    ground_velocity = quat.rotate(to_heading[1:], root[1:] - root[:-1])[..., [0, 2]]
    on_ground = quat.stack([root[:, 0], 0 * root[:, 0], root[:, 2]])
    positions = quat.rotate(to_heading[:, None], joints - on_ground[:, None])[:-1, 1:]
    rotations = _rotations_6d(joints, to_heading)[:-1]
    velocities = quat.rotate(to_heading[:-1, None], joints[1:] - joints[:-1])
    contacts = foot_contacts(joints)[:-1]
    num = joints.shape[0] - 1
    parts = [yaw_velocity, ground_velocity, root[:-1, 1:2], positions.reshape(num, -1), rotations.reshape(num, -1),
             velocities.reshape(num, -1), contacts]  # fmt: skip
    return quat.cat(parts)


def foot_contacts(joints: AnyArray) -> AnyArray:
    """1.0 where an ankle or toe (left ankle, left toe, right ankle, right toe) hardly moves to the next frame: (T,
    4).
    """
    feet = joints[:, SKELETON.indices("left_ankle", "left_foot", "right_ankle", "right_foot")]
    step = feet[1:] - feet[:-1]
    planted = ((step * step).sum(-1) < CONTACT_SPEED**2) * (0 * feet[1:, :, 0] + 1)
    return quat.cat([planted, planted[-1:]], 0)
