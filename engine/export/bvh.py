# SPDX-License-Identifier: GPL-3.0-or-later
"""Biovision Hierarchy (.bvh): the motion as a skeleton that every animation program imports.

Metres, Y up, facing +Z at rest: Blender's importer brings it in at life size with its default settings (scale 1, -Z
forward, Y up). Maya, MotionBuilder and Unreal take a BVH's unit for a centimetre: write it with ``unit="cm"`` for
them. The rest pose is a T-pose with the motion's own mean bone lengths. Channels are Z, X, Y rotations in degrees,
applied to column vectors as ``Rz Rx Ry``; the root has its position before them. Head, hands and toes end in an End
Site.

Legend: T frames, E = 23 exported joints (``clip_pose.py``).
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from blender_addon.shared import quat
from blender_addon.shared.errors import ExportError

from .clip import ExportClip
from .clip_pose import CHILDREN, NAMES, clip_pose

UNITS = {"m": 1.0, "cm": 100.0}
_END_SITE_M = 0.08  # beyond the last joint, in the direction of its bone


def write_bvh(clip: ExportClip, stream: BinaryIO, unit: str = "m") -> None:
    """Write ``clip``; ``unit`` is "m" (Blender) or "cm" (Maya, MotionBuilder, Unreal)."""
    if unit not in UNITS:
        raise ExportError(
            f"'{unit}' is not a unit for BVH files.", "Choose 'm' (Blender) or 'cm' (Maya, MotionBuilder, Unreal)."
        )
    pose, scale = clip_pose(clip), UNITS[unit]
    lines = ["HIERARCHY"]
    _append_joint(lines, 0, pose.offsets, scale, "")
    lines += ["MOTION", f"Frames: {clip.num_frames}", f"Frame Time: {1 / clip.fps:.7f}"]
    angles = np.degrees(euler_zxy(pose.rotations))
    order = _depth_first(0)
    values = np.concatenate([pose.root_positions * scale, angles[:, order].reshape(clip.num_frames, -1)], axis=1)
    lines += [" ".join(f"{value:.6f}" for value in row) for row in values]
    stream.write(("\n".join(lines) + "\n").encode("ascii"))


def euler_zxy(rotations: np.ndarray) -> np.ndarray:
    """Angles (T,E,3) about Z, X, Y in radians with ``R = Rz Rx Ry``, of quaternions (T,E,4); no jumps along T.

    Two triples of angles give each rotation; the one nearer to the previous frame is taken, whole turns added.
    """
    m = quat.to_matrix(rotations)
    x = np.arcsin(np.clip(m[..., 2, 1], -1, 1))
    first = np.stack([np.arctan2(-m[..., 0, 1], m[..., 1, 1]), x, np.arctan2(-m[..., 2, 0], m[..., 2, 2])], axis=-1)
    second = np.stack([first[..., 0] + np.pi, np.pi - x, first[..., 2] + np.pi], axis=-1)
    result = first.copy()
    for t in range(1, len(result)):
        previous = result[t - 1]
        near = [angles - 2 * np.pi * np.round((angles - previous) / (2 * np.pi)) for angles in (first[t], second[t])]
        distance = [np.abs(angles - previous).sum(-1, keepdims=True) for angles in near]
        result[t] = np.where(distance[0] <= distance[1], near[0], near[1])
    return result


def _depth_first(joint: int) -> list[int]:
    return [joint, *(j for child in CHILDREN[joint] for j in _depth_first(child))]


def _append_joint(lines: list[str], joint: int, offsets: np.ndarray, scale: float, indent: str) -> None:
    """The block of ``joint`` and of all below it; ``offsets`` (E,3) metres, written times ``scale``, the root's as
    zero.
    """
    root = joint == 0
    offset = np.zeros(3) if root else offsets[joint] * scale
    channels = (
        "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation" if root else "3 Zrotation Xrotation Yrotation"
    )
    lines += [f"{indent}{'ROOT' if root else 'JOINT'} {NAMES[joint]}", f"{indent}{{"]
    lines += [f"{indent}\tOFFSET {_numbers(offset)}", f"{indent}\tCHANNELS {channels}"]
    for child in CHILDREN[joint]:
        _append_joint(lines, child, offsets, scale, indent + "\t")
    if not CHILDREN[joint]:
        end = quat.normalize(offsets[joint]) * _END_SITE_M * scale
        lines += [f"{indent}\tEnd Site", f"{indent}\t{{", f"{indent}\t\tOFFSET {_numbers(end)}", f"{indent}\t}}"]
    lines.append(f"{indent}}}")


def _numbers(vector: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in vector)
