# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit quaternions w, x, y, z in the last axis, (..., 4), for numpy arrays and torch tensors alike.

The same formulas serve both because their array functions share names; torch is found through the tensor that
is passed in and never imported here. Vectors are (..., 3), angles radians. All functions broadcast and, on torch,
differentiate. Products are written out by component: an operation over a last axis of 3 or 4 numbers costs several
times what it computes.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

AnyArray = Any


def namespace(x: AnyArray) -> Any:
    """The module whose functions work on ``x``: numpy, or torch when ``x`` is a tensor."""
    return np if isinstance(x, (np.ndarray, np.generic, float, int)) else sys.modules["torch"]


def stack(parts: list[AnyArray]) -> AnyArray:
    """``parts``, all of one shape, side by side in a new last axis."""
    xp = namespace(parts[0])
    if xp is not np:
        return xp.stack(parts, -1)
    # On few numbers np.stack takes longer than all the arithmetic around it.
    whole = np.empty((*np.shape(parts[0]), len(parts)), np.result_type(*parts))
    for place, part in enumerate(parts):
        whole[..., place] = part
    return whole


def cat(parts: list[AnyArray], axis: int = -1) -> AnyArray:
    return namespace(parts[0]).concatenate(parts, axis)


def dot(a: AnyArray, b: AnyArray) -> AnyArray:
    """Scalar product over the last axis, which is kept: (..., 1)."""
    total = a[..., 0] * b[..., 0]
    for i in range(1, a.shape[-1]):
        total = total + a[..., i] * b[..., i]
    return total[..., None]


def cross(a: AnyArray, b: AnyArray) -> AnyArray:
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def norm(v: AnyArray) -> AnyArray:
    """Euclidean length over the last axis, which is kept."""
    return namespace(v).sqrt(dot(v, v))


def normalize(v: AnyArray, eps: float = 1e-12) -> AnyArray:
    """``v`` at unit length; vectors (or quaternions) shorter than ``eps`` stay near zero instead of becoming NaN."""
    return v / namespace(v).sqrt(dot(v, v) + eps * eps)


def identity(shape: tuple[int, ...] = (), dtype: Any = np.float64) -> np.ndarray:
    q = np.zeros((*shape, 4), dtype=dtype)
    q[..., 0] = 1
    return q


def conjugate(q: AnyArray) -> AnyArray:
    return cat([q[..., :1], -q[..., 1:]])


def multiply(a: AnyArray, b: AnyArray) -> AnyArray:
    """Hamilton product: rotating by the result is rotating by ``b`` first, then by ``a``."""
    aw, ax, ay, az = (a[..., i] for i in range(4))
    bw, bx, by, bz = (b[..., i] for i in range(4))
    w = aw * bw - (ax * bx + ay * by + az * bz)
    x = aw * bx + bw * ax + (ay * bz - az * by)
    y = aw * by + bw * ay + (az * bx - ax * bz)
    z = aw * bz + bw * az + (ax * by - ay * bx)
    return stack([w, x, y, z])


def rotate(q: AnyArray, v: AnyArray) -> AnyArray:
    """``v`` (..., 3) rotated by ``q`` (..., 4)."""
    qw, qx, qy, qz = (q[..., i] for i in range(4))
    x, y, z = (v[..., i] for i in range(3))
    tx, ty, tz = 2 * (qy * z - qz * y), 2 * (qz * x - qx * z), 2 * (qx * y - qy * x)
    x = x + qw * tx + (qy * tz - qz * ty)
    y = y + qw * ty + (qz * tx - qx * tz)
    z = z + qw * tz + (qx * ty - qy * tx)
    return stack([x, y, z])


def from_axis_angle(axis: AnyArray, angle: AnyArray) -> AnyArray:
    """Rotation by ``angle`` (...) about the unit ``axis`` (..., 3)."""
    xp = namespace(axis)
    half = angle[..., None] / 2 if hasattr(angle, "shape") else xp.asarray(angle / 2)[None]
    return cat([xp.cos(half) + 0 * axis[..., :1], xp.sin(half) * axis])


def from_yaw(angle: AnyArray) -> AnyArray:
    """Rotation by ``angle`` (...) about +Y: +Z turns towards +X."""
    xp = namespace(angle)
    zero = 0 * angle
    return stack([xp.cos(angle / 2), zero, xp.sin(angle / 2), zero])


def yaw(direction: AnyArray) -> AnyArray:
    """Heading (...) of a direction (..., 3): the angle about +Y that turns +Z onto it, in (-pi, pi]."""
    return namespace(direction).arctan2(direction[..., 0], direction[..., 2])


def between(u: AnyArray, v: AnyArray) -> AnyArray:
    """Shortest rotation that turns the direction of ``u`` onto that of ``v``; for opposite directions a half turn."""
    xp = namespace(u)
    u, v = normalize(u + 0 * v), normalize(v + 0 * u)
    w = 1 + dot(u, v)
    axis = cross(u, v)
    # Opposite directions leave the axis open: any perpendicular one serves.
    x_axis, y_axis = 0 * u, 0 * u
    x_axis[..., 0], y_axis[..., 1] = 1, 1
    spare = xp.where(abs(u[..., :1]) < 0.9, cross(u, x_axis), cross(u, y_axis))
    return normalize(xp.where(w < 1e-6, cat([0 * w, spare]), cat([w, axis])))


def slerp(a: AnyArray, b: AnyArray, t: AnyArray) -> AnyArray:
    """Along the shorter arc from ``a`` (t=0) to ``b`` (t=1); ``t`` broadcasts against (...)."""
    xp = namespace(a)
    t = t[..., None] if hasattr(t, "shape") else t
    cosine = dot(a, b)
    b = xp.where(cosine < 0, -b, b)
    cosine = abs(cosine)
    near = cosine > 0.9995
    angle = xp.arccos(xp.where(near, 0 * cosine, cosine))
    sine = xp.sin(angle)
    wa = xp.where(near, 1 - t + 0 * angle, xp.sin((1 - t) * angle) / sine)
    wb = xp.where(near, t + 0 * angle, xp.sin(t * angle) / sine)
    return normalize(wa * a + wb * b)


def angle(q: AnyArray) -> AnyArray:
    """Angle (...) of the rotation ``q``, in [0, pi]."""
    xp = namespace(q)
    return 2 * xp.arctan2(norm(q[..., 1:])[..., 0], abs(q[..., 0]))


def make_continuous(q: np.ndarray) -> np.ndarray:
    """Signs chosen so that neighbours along axis 0 lie in the same half space (numpy only)."""
    flips = np.sign((q[1:] * q[:-1]).sum(-1))
    flips[flips == 0] = 1
    return np.concatenate([q[:1], q[1:] * np.cumprod(flips, axis=0)[..., None]])


def to_matrix(q: AnyArray) -> AnyArray:
    """Rotation matrix (..., 3, 3) that acts on column vectors."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    xx, yy, zz, xy, xz, yz, wx, wy, wz = x * x, y * y, z * z, x * y, x * z, y * z, w * x, w * y, w * z
    nine = [
        1 - 2 * (yy + zz), 2 * (xy - wz), 2 * (xz + wy),
        2 * (xy + wz), 1 - 2 * (xx + zz), 2 * (yz - wx),
        2 * (xz - wy), 2 * (yz + wx), 1 - 2 * (xx + yy),
    ]  # fmt: skip
    return stack(nine).reshape(*q.shape[:-1], 3, 3)


def from_matrix(m: np.ndarray) -> np.ndarray:
    """Quaternion of a rotation matrix (..., 3, 3); numpy only. The largest component is found first (Shepperd's
    method).
    """
    m = np.asarray(m)
    x, y, z = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    trace = x + y + z
    squares = stack([trace, 2 * x - trace, 2 * y - trace, 2 * z - trace])  # 4 q_i^2 - 1
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    big = 1 + squares.max(-1)
    rows = stack([big, a, b, c, a, big, d, e, b, d, big, f, c, e, f, big]).reshape(-1, 4, 4)
    best = squares.argmax(-1)
    return normalize(rows[np.arange(len(rows)), best.ravel()].reshape(*best.shape, 4))


def from_frame(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Rotation that carries the X, Y, Z axes onto the orthonormal directions ``x``, ``y``, ``z`` (..., 3)."""
    return from_matrix(np.stack([x, y, z], -1))
