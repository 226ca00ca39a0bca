# SPDX-License-Identifier: GPL-3.0-or-later
"""A body whose bones keep their lengths, moved a little in every frame at once: inverse kinematics over a whole motion.

The motion is a way of the pelvis and a direction for each bone. What may change is the pelvis's place, the turn of the
whole body, and the turn of each bone against its parent. Around the present pose joints are linear in these, so pulls
on joints (``goals.py``) become pulls on angles; beside them stands how dear a change is:

    sum over frames and angles  w ( SMOOTH |a''|^2 + KEEP |a|^2 ) / 2,   a the change since the motion that came in

The matrix of a Gauss-Newton step couples a frame with its two neighbours on each side, so one banded Cholesky solve
moves all frames of all joints together. The cost per frame is constant.

Shapes: T frames, J = 22 joints, C joints that are pulled, A numbers that may change in a frame. Metres, radians; numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from blender_addon.shared import quat
from blender_addon.shared.skeleton import SKELETON

from .second_differences import apply_transposed, gram_band

SMOOTH, KEEP = 2e-2, 1e-4
FAST = 1e6  # instead of KEEP where nothing may change
LENGTHS = np.linalg.norm(SKELETON.offsets.astype(np.float64), axis=-1)

# How dear it is to turn a bone against its parent, beside elbows and knees, which are made for it. Hips and collars are
# next to rigid, the back is stiff, and the whole body is turned last.
_STIFF = {"hip": 30.0, "collar": 10.0, "spine1": 6.0, "spine2": 6.0, "spine3": 6.0, "shoulder": 3.0, "neck": 2.0}
TURN_WEIGHT = 30.0
# Of the pelvis's place, for a metre beside a radian. Its height is the dearest: where it gave way first, the hips of a
# walk bobbed by 22 cm, real ones do by 5; heels lift instead.
MOVE_WEIGHTS = (100.0, 1000.0, 100.0)

_PARENTS = np.array(SKELETON.parents)
_ANCESTORS = np.eye(SKELETON.num_joints, dtype=bool)  # [j, a]: bone a leads to joint j
for _joint, _parent in enumerate(SKELETON.parents[1:], start=1):
    _ANCESTORS[_joint] |= _ANCESTORS[_parent]


@dataclass(frozen=True, eq=False)
class Body:
    """``root`` (T, 3) and ``bones`` (T, J, 3), the way from each joint's parent to it (0 for the pelvis)."""

    root: np.ndarray
    bones: np.ndarray

    @classmethod
    def of(cls, joints: np.ndarray) -> Body:
        """The body that moves as ``joints`` (T, J, 3) do, with the skeleton's own bone lengths."""
        joints = np.asarray(joints, np.float64)
        ways = joints[:, 1:] - joints[:, _PARENTS[1:]]
        length = np.linalg.norm(ways, axis=-1, keepdims=True)
        down = np.array([0.0, -1.0, 0.0])  # a bone without length points somewhere
        ways = np.where(length > 1e-6, ways / np.maximum(length, 1e-6), down) * LENGTHS[1:, None]
        return cls(joints[:, 0], np.concatenate([np.zeros_like(ways[:, :1]), ways], 1))

    @property
    def joints(self) -> np.ndarray:
        """(T, J, 3)"""
        points = [self.root]
        for joint in range(1, SKELETON.num_joints):
            points.append(points[_PARENTS[joint]] + self.bones[:, joint])
        return np.stack(points, 1)

    def moved(self, way: np.ndarray, turns: np.ndarray) -> Body:
        """The body with its pelvis moved by ``way`` (T, 3) and each bone turned, with all that hangs on it, by the
        rotation vectors ``turns`` (T, J, 3); those of the pelvis turn all.
        """
        vectors = _ANCESTORS.astype(float) @ turns
        angle = np.linalg.norm(vectors, axis=-1)
        axis = vectors / np.maximum(angle, 1e-12)[..., None]
        return Body(self.root + way, quat.rotate(quat.from_axis_angle(axis, angle), self.bones))


@dataclass(frozen=True, eq=False)
class DegreesOfFreedom:
    """What may change: the pelvis's place where ``moves`` is True, and the turns of ``bones`` (0: the whole body)."""

    bones: tuple[int, ...]
    moves: bool = True

    @property
    def size(self) -> int:
        return 3 * (len(self.bones) + self.moves)

    @property
    def weights(self) -> np.ndarray:
        """(A,)"""
        weights = list(MOVE_WEIGHTS) if self.moves else []
        for bone in self.bones:
            name = SKELETON.names[bone].removeprefix("left_").removeprefix("right_")
            weights += 3 * [_STIFF.get(name, 1.0) if bone else TURN_WEIGHT]
        return np.array(weights)

    def derivative(self, joints: np.ndarray, pulled: Sequence[int]) -> np.ndarray:
        """(T, 3C, A) of the ``pulled`` joints at ``joints`` (T, J, 3)."""
        result = np.zeros((len(joints), len(pulled), 3, self.size))
        place = 0
        if self.moves:
            result[..., :3] = np.eye(3)
            place = 3
        for bone in self.bones:
            pivot = joints[:, max(_PARENTS[bone], 0)]
            for c, joint in enumerate(pulled):
                if _ANCESTORS[joint, bone]:
                    x, y, z = (joints[:, joint] - pivot).T
                    block = result[:, c, :, place : place + 3]  # w x r = -[r]x w
                    block[:, 0, 1], block[:, 0, 2] = z, -y
                    block[:, 1, 0], block[:, 1, 2] = -z, x
                    block[:, 2, 0], block[:, 2, 1] = y, -x
            place += 3
        return result.reshape(len(joints), -1, self.size)

    def split(self, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``change`` (T, A) as the pelvis's way (T, 3) and turns (T, J, 3), for :meth:`Body.moved`."""
        parts = change.reshape(len(change), -1, 3)
        turns = np.zeros((len(change), SKELETON.num_joints, 3))
        turns[:, list(self.bones)] = parts[:, int(self.moves) :]
        return (parts[:, 0] if self.moves else np.zeros((len(change), 3))), turns


def degrees_of_freedom(pulled: Sequence[int], moves: bool = True) -> DegreesOfFreedom:
    """All that moves the ``pulled`` joints."""
    bones = np.flatnonzero(_ANCESTORS[list(pulled)].any(0)).tolist()
    return DegreesOfFreedom(tuple(bone for bone in bones if bone or any(pulled)), moves)


def regularizer(gone: np.ndarray, weights: np.ndarray) -> float:
    """What the change ``gone`` (T, A) of the motion costs."""
    bends = np.diff(gone, n=2, axis=0)
    return float((weights * (SMOOTH * (bends**2).sum(0) + KEEP * (gone**2).sum(0))).sum() / 2)


def step(
    derivative: np.ndarray,
    gradient: np.ndarray,
    matrix: np.ndarray,
    weights: np.ndarray,
    gone: np.ndarray,
    damping: float = 0.0,
    kept: np.ndarray | None = None,
) -> np.ndarray:
    """The change (T, A) that lowers the pulls, when the motion has been changed by ``gone`` (T, A) already.

    derivative (T, 3C, A); gradient (T, 3C) and matrix (T, 3C, 3C) of the pulls; weights (A,); ``damping`` times these
    makes the step shorter. kept (T,) bool: frames in which nothing may change.
    """
    frames, size = gone.shape
    turned = derivative.swapaxes(-1, -2)
    blocks = turned @ (matrix @ derivative)
    slope = (turned @ gradient[..., None])[..., 0]
    stiffness = SMOOTH * gram_band(frames)
    stiffness[0] += KEEP
    slope += weights * KEEP * gone
    if frames > 2:
        slope += weights * SMOOTH * apply_transposed(np.diff(gone, n=2, axis=0))
    if kept is not None:
        stiffness[0, kept] += FAST
    band = np.zeros((2 * size + 1, frames * size), order="F")  # as LAPACK reads it: a copy costs more than the solving
    shaped = band.reshape(2 * size + 1, frames, size)
    for column in range(size):
        shaped[: size - column, :, column] = blocks[:, column:, column].T
    shaped[0] += damping * weights
    for away in range(min(3, frames)):
        shaped[away * size, : frames - away] += stiffness[away, : frames - away, None] * weights
    return -solveh_banded(band, slope.reshape(-1), lower=True, overwrite_ab=True, check_finite=False).reshape(
        gone.shape
    )
