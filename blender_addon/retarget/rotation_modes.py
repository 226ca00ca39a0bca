# SPDX-License-Identifier: GPL-3.0-or-later
"""Quaternions as the channels of each of Blender's rotation modes, without jumps from one frame to the next.

T frames. Euler orders are named as Blender names them: "XYZ" turns about X first, so its matrix is Rz Ry Rx.
"""

from __future__ import annotations

import numpy as np

from ..shared import quat

EULER_MODES = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
LOCKED = 1e-6


def channels(rotations: np.ndarray, mode: str) -> tuple[str, np.ndarray]:
    """Property of a pose bone and its values (T, 3 or 4) that turn it by ``rotations`` (T, 4) in ``mode``."""
    if mode == "QUATERNION":
        return "rotation_quaternion", quat.make_continuous(rotations)
    if mode == "AXIS_ANGLE":
        return "rotation_axis_angle", to_axis_angle(rotations)
    return "rotation_euler", to_euler(rotations, mode)


def to_euler(rotations: np.ndarray, mode: str) -> np.ndarray:
    """Angles (T, 3) about X, Y and Z in radians, each frame's reading the nearest to the frame before."""
    first, second, third = ("XYZ".index(axis) for axis in mode)
    sign = 1.0 if (second - first) % 3 == 1 else -1.0
    matrices = quat.to_matrix(np.asarray(rotations, dtype=np.float64))
    angles = np.zeros((len(matrices), 3))
    previous = np.zeros(3)
    for row, m in enumerate(matrices):
        across = np.hypot(m[first, first], m[second, first])
        b = np.arctan2(-sign * m[third, first], across)
        if across < LOCKED:
            # First and third axis coincide: the first keeps its angle and the third takes the rest.
            a = previous[first]
            turned = m @ _about(first, -a)
            c = np.arctan2(-sign * turned[first, second], turned[second, second])
        else:
            a = np.arctan2(sign * m[third, second], m[third, third])
            c = np.arctan2(sign * m[second, first], m[first, first])
        readings = np.zeros((2, 3))
        readings[:, [first, second, third]] = (a, b, c), (a + np.pi, np.pi - b, c + np.pi)
        readings += 2 * np.pi * np.round((previous - readings) / (2 * np.pi))
        angles[row] = previous = readings[abs(readings - previous).sum(-1).argmin()]
    return angles


def to_axis_angle(rotations: np.ndarray) -> np.ndarray:
    """Angle in radians and axis (T, 4): w is the angle. A rotation by nothing keeps the axis of its neighbour."""
    rotations = quat.make_continuous(np.asarray(rotations, dtype=np.float64))
    sines = np.linalg.norm(rotations[:, 1:], axis=-1)
    values = np.zeros((len(rotations), 4))
    turning = np.flatnonzero(sines > 1e-7)
    axis = rotations[turning[0], 1:] / sines[turning[0]] if len(turning) else np.array([0.0, 1.0, 0.0])
    for row, (q, sine) in enumerate(zip(rotations, sines, strict=True)):
        sense = 1.0
        if sine > 1e-7:
            sense = -1.0 if q[1:] @ axis < 0 else 1.0
            axis = sense * q[1:] / sine
        values[row] = 2 * np.arctan2(sense * sine, q[0]), *axis
    values[:, 0] = np.unwrap(values[:, 0])
    return values


def _about(axis: int, angle: float) -> np.ndarray:
    return quat.to_matrix(quat.from_axis_angle(np.eye(3)[axis], np.asarray(angle)))
