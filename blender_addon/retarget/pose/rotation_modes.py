# SPDX-License-Identifier: GPL-3.0-or-later
"""Quaternions as the channels of each of Blender's rotation modes, without jumps from one frame to the next.

T frames. Euler orders are named as Blender names them: "XYZ" turns about X first, so its matrix is Rz Ry Rx.
"""

from __future__ import annotations

import math

import numpy as np

from ...shared import quat

EULER_MODES = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
LOCKED = 1e-6
FULL_TURN = 2 * math.pi


def rotation_channels(rotations: np.ndarray, mode: str) -> tuple[str, np.ndarray]:
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
    m = quat.to_matrix(np.asarray(rotations, dtype=np.float64))
    across = np.hypot(m[:, first, first], m[:, second, first])
    a = np.arctan2(sign * m[:, third, second], m[:, third, third])
    b = np.arctan2(-sign * m[:, third, first], across)
    c = np.arctan2(sign * m[:, second, first], m[:, first, first])
    readings = np.stack([np.stack([a, b, c], -1), np.stack([a + np.pi, np.pi - b, c + np.pi], -1)], 1)
    ordered = np.zeros((len(m), 3))
    previous = [0.0, 0.0, 0.0]
    for row, (reading, other) in enumerate(readings.tolist()):
        if across[row] < LOCKED:
            # First and third axis coincide: the first keeps its angle and the third takes the rest.
            turned = m[row] @ _about(first, -previous[0])
            reading = other = [
                previous[0],
                reading[1],
                math.atan2(-sign * turned[first, second], turned[second, second]),
            ]
        previous = min(
            (_nearest(angles, previous) for angles in (reading, other)), key=lambda near: _distance(near, previous)
        )
        ordered[row] = previous
    angles = np.empty_like(ordered)
    angles[:, [first, second, third]] = ordered
    return angles


def _nearest(angles: list[float], previous: list[float]) -> list[float]:
    """``angles`` with full turns added that bring each nearest to ``previous``."""
    # Written out, as is the distance: this is done twice a frame, and a comprehension takes three times as long.
    (a, b, c), (x, y, z) = angles, previous
    return [
        a + FULL_TURN * round((x - a) / FULL_TURN),
        b + FULL_TURN * round((y - b) / FULL_TURN),
        c + FULL_TURN * round((z - c) / FULL_TURN),
    ]


def _distance(angles: list[float], previous: list[float]) -> float:
    (a, b, c), (x, y, z) = angles, previous
    return abs(a - x) + abs(b - y) + abs(c - z)


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


def channel_rotations(values: np.ndarray, mode: str) -> np.ndarray:
    """What the channels ``values`` (T, 3 or 4) of ``mode`` turn a bone by (T, 4), as Blender reads them."""
    if mode == "QUATERNION":
        return quat.normalize(values)
    if mode == "AXIS_ANGLE":
        return quat.from_axis_angle(quat.normalize(values[:, 1:]), values[:, 0])
    turned = quat.identity(values.shape[:1])
    for axis in mode:
        index = "XYZ".index(axis)
        turned = quat.multiply(quat.from_axis_angle(np.eye(3)[index], values[:, index]), turned)
    return turned
