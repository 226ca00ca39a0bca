# SPDX-License-Identifier: GPL-3.0-or-later
"""A body whose bones keep their lengths, moved a little in every frame at once: inverse kinematics over a whole motion.

The motion is a path of the pelvis and a direction for each bone. What may change is the pelvis's position, the rotation
of the whole body, and the rotation of each bone against its parent. Around the present pose joints are linear in these,
so a cost of joints (``control/goals.py``) becomes one of angles; beside it stands a regularizer:

    sum over frames and angles  w ( _SMOOTH_WEIGHT |a''|^2 + _KEEP_WEIGHT |a|^2 ) / 2,
    a the change accumulated since the motion that came in

The matrix of a Gauss-Newton step couples a frame with its two neighbours on each side, so one banded Cholesky solve
moves all frames of all joints together. The cost per frame is constant.

Shapes: T frames, J = 22 joints, C joints that the cost concerns, A degrees of freedom of a frame. Metres, radians;
numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from blender_addon.shared import quat
from blender_addon.shared.skeleton import SKELETON

from ..control.quadratic_cost import QuadraticCost
from .second_differences import apply_transposed, gram_band

_SMOOTH_WEIGHT, _KEEP_WEIGHT = 2e-2, 1e-4
_FROZEN_WEIGHT = 1e6  # instead of _KEEP_WEIGHT in frozen frames
LENGTHS_M = np.linalg.norm(SKELETON.offsets.astype(np.float64), axis=-1)

# Of the rotation of a bone against its parent; elbows and knees have 1. Hips and collars are next to rigid, the back is
# stiff, and the whole body rotates last.
_BONE_WEIGHTS = {"hip": 30.0, "collar": 10.0, "spine1": 6.0, "spine2": 6.0, "spine3": 6.0, "shoulder": 3.0, "neck": 2.0}
WHOLE_BODY_WEIGHT = 30.0
# Of the pelvis's position, for a metre beside a radian. Its height has the largest: where it gave way first, the hips
# of a walk bobbed by 22 cm, real ones do by 5; heels lift instead.
PELVIS_WEIGHTS = (100.0, 1000.0, 100.0)

_PARENTS = np.array(SKELETON.parents)
_ANCESTORS = np.eye(SKELETON.num_joints, dtype=bool)  # [j, a]: bone a leads to joint j
for _joint, _parent in enumerate(SKELETON.parents[1:], start=1):
    _ANCESTORS[_joint] |= _ANCESTORS[_parent]


@dataclass(frozen=True, eq=False)
class Body:
    """``root`` (T, 3) and ``bones`` (T, J, 3), the offset from each joint's parent to it (0 for the pelvis)."""

    root: np.ndarray
    bones: np.ndarray

    @classmethod
    def of(cls, joints: np.ndarray) -> Body:
        """The body that moves as ``joints`` (T, J, 3) do, with the skeleton's own bone lengths."""
        joints = np.asarray(joints, np.float64)
        offsets = joints[:, 1:] - joints[:, _PARENTS[1:]]
        length = np.linalg.norm(offsets, axis=-1, keepdims=True)
        down = np.array([0.0, -1.0, 0.0])  # a bone without length points somewhere
        offsets = np.where(length > 1e-6, offsets / np.maximum(length, 1e-6), down) * LENGTHS_M[1:, None]
        return cls(joints[:, 0], np.concatenate([np.zeros_like(offsets[:, :1]), offsets], 1))

    @property
    def joints(self) -> np.ndarray:
        """(T, J, 3)"""
        points = [self.root]
        for joint in range(1, SKELETON.num_joints):
            points.append(points[_PARENTS[joint]] + self.bones[:, joint])
        return np.stack(points, 1)

    def moved(self, offset: np.ndarray, rotations: np.ndarray) -> Body:
        """The body with its pelvis moved by ``offset`` (T, 3) and each bone rotated, with all that hangs on it, by the
        rotation vectors ``rotations`` (T, J, 3); those of the pelvis rotate all.
        """
        vectors = _ANCESTORS.astype(float) @ rotations
        angle = np.linalg.norm(vectors, axis=-1)
        axis = vectors / np.maximum(angle, 1e-12)[..., None]
        return Body(self.root + offset, quat.rotate(quat.from_axis_angle(axis, angle), self.bones))


@dataclass(frozen=True, eq=False)
class DegreesOfFreedom:
    """What may change: the pelvis's position where ``moves``, and the rotations of ``bones`` (0: the whole body)."""

    bones: tuple[int, ...]
    moves: bool = True

    @classmethod
    def of(cls, joints: Sequence[int], moves: bool = True) -> DegreesOfFreedom:
        """All that moves ``joints``."""
        bones = np.flatnonzero(_ANCESTORS[list(joints)].any(0)).tolist()
        return cls(tuple(bone for bone in bones if bone or any(joints)), moves)

    @property
    def size(self) -> int:
        return 3 * (len(self.bones) + self.moves)

    @property
    def weights(self) -> np.ndarray:
        """(A,) of the regularizer."""
        weights = list(PELVIS_WEIGHTS) if self.moves else []
        for bone in self.bones:
            name = SKELETON.names[bone].removeprefix("left_").removeprefix("right_")
            weights += 3 * [_BONE_WEIGHTS.get(name, 1.0) if bone else WHOLE_BODY_WEIGHT]
        return np.array(weights)

    def derivative(self, joints: np.ndarray, concerned: Sequence[int]) -> np.ndarray:
        """(T, 3C, A) of the ``concerned`` joints at ``joints`` (T, J, 3)."""
        result = np.zeros((len(joints), len(concerned), 3, self.size))
        first = 0
        if self.moves:
            result[..., :3] = np.eye(3)
            first = 3
        for bone in self.bones:
            pivot = joints[:, max(_PARENTS[bone], 0)]
            for c, joint in enumerate(concerned):
                if _ANCESTORS[joint, bone]:
                    x, y, z = (joints[:, joint] - pivot).T
                    block = result[:, c, :, first : first + 3]  # w x r = -[r]x w
                    block[:, 0, 1], block[:, 0, 2] = z, -y
                    block[:, 1, 0], block[:, 1, 2] = -z, x
                    block[:, 2, 0], block[:, 2, 1] = y, -x
            first += 3
        return result.reshape(len(joints), -1, self.size)

    def split(self, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``change`` (T, A) as the pelvis's offset (T, 3) and rotations (T, J, 3), for :meth:`Body.moved`."""
        parts = change.reshape(len(change), -1, 3)
        rotations = np.zeros((len(change), SKELETON.num_joints, 3))
        rotations[:, list(self.bones)] = parts[:, int(self.moves) :]
        return (parts[:, 0] if self.moves else np.zeros((len(change), 3))), rotations


def regularizer(accumulated: np.ndarray, weights: np.ndarray) -> float:
    """What the ``accumulated`` change (T, A) of the motion costs, with the ``weights`` (A,)."""
    bends = np.diff(accumulated, n=2, axis=0)
    smooth, keep = _SMOOTH_WEIGHT * (bends**2).sum(0), _KEEP_WEIGHT * (accumulated**2).sum(0)
    return float((weights * (smooth + keep)).sum() / 2)


def newton_step(
    cost: QuadraticCost,
    derivative: np.ndarray,
    weights: np.ndarray,
    accumulated: np.ndarray,
    damping: float = 0.0,
    frozen: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """The Gauss-Newton step (T, A) that lowers the ``cost`` of C joints and the regularizer, when the motion has been
    changed by ``accumulated`` (T, A) already; and by how much it lowers them, if all is as linear as it is here.

    derivative (T, 3C, A) of the joints; weights (A,) of the regularizer; ``damping`` times these makes the step
    shorter. frozen (T,) bool: frames in which nothing may change.
    """
    frames, size = accumulated.shape
    transposed = derivative.swapaxes(-1, -2)
    blocks = transposed @ (cost.matrix @ derivative)
    slope = (transposed @ cost.gradient[..., None])[..., 0]
    stiffness = _SMOOTH_WEIGHT * gram_band(frames)
    stiffness[0] += _KEEP_WEIGHT
    slope += weights * _KEEP_WEIGHT * accumulated
    if frames > 2:
        slope += weights * _SMOOTH_WEIGHT * apply_transposed(np.diff(accumulated, n=2, axis=0))
    if frozen is not None:
        stiffness[0, frozen] += _FROZEN_WEIGHT
    band = np.zeros((2 * size + 1, frames * size), order="F")  # as LAPACK reads it: a copy costs more than the solving
    shaped = band.reshape(2 * size + 1, frames, size)
    for column in range(size):
        shaped[: size - column, :, column] = blocks[:, column:, column].T
    shaped[0] += damping * weights
    for away in range(min(3, frames)):
        shaped[away * size, : frames - away] += stiffness[away, : frames - away, None] * weights
    step = solveh_banded(band, slope.reshape(-1), lower=True, overwrite_ab=True, check_finite=False)
    return -step.reshape(accumulated.shape), float(slope.reshape(-1) @ step) / 2
