# SPDX-License-Identifier: GPL-3.0-or-later
"""A rest pose to measure rotations from, for files whose own is no standing human.

Many .bvh files give every bone along one axis: with all rotations at zero their figure is folded up. Then the frame in
which the body stands straightest takes the place of the rest pose, turned to face along an axis of the file.

Shapes: T frames, N bones.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from blender_addon.retarget.bone_map import BoneMap
from blender_addon.retarget.rig import Rig
from blender_addon.shared import quat

from .capture import Capture, rest_bone

STANDS = 0.5  # cosine between trunk and legs
CORNERS = ("left_hip", "right_hip", "left_shoulder", "right_shoulder", "left_ankle", "right_ankle")


def with_standing_rest(capture: Capture, bone_map: BoneMap) -> Capture:
    """``capture`` itself if it stands at rest, else the same motion with its straightest frame as the rest pose."""
    at_rest = np.array([capture.rig.by_name[bone_map[joint]].head for joint in CORNERS], dtype=np.float64)
    if _straightness(at_rest)[0] > STANDS:
        return capture
    corners = capture.heads[:, [capture.place(bone_map[joint]) for joint in CORNERS]]
    legs, sides = _straightness(corners)
    frame = int(np.nan_to_num(legs + sides, nan=-np.inf).argmax())
    if not legs[frame] > STANDS:
        return capture
    return _rest_from(capture, frame, _facing_an_axis(corners[frame]))


def _straightness(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine (...) between the trunk and the legs drawn out, and between hips and shoulders, of ``CORNERS``
    (..., 6, 3).
    """
    left_hip, right_hip, left_shoulder, right_shoulder, left_ankle, right_ankle = np.moveaxis(corners, -2, 0)
    up = quat.normalize(left_shoulder + right_shoulder - left_hip - right_hip)
    down = quat.normalize(left_ankle + right_ankle - left_hip - right_hip)
    hips, shoulders = quat.normalize(left_hip - right_hip), quat.normalize(left_shoulder - right_shoulder)
    return -(up * down).sum(-1), (hips * shoulders).sum(-1)


def _facing_an_axis(corners: np.ndarray) -> np.ndarray:
    """Turn (4,) about the axis along which ``CORNERS`` (6, 3) stand that lays the body's left along another axis."""
    up = _nearest_axis(corners[[2, 3]].sum(0) - corners[[0, 1]].sum(0))
    left = corners[[0, 2]].sum(0) - corners[[1, 3]].sum(0)
    level = left - (left @ up) * up
    return quat.between(level, _nearest_axis(level))


def _nearest_axis(direction: np.ndarray) -> np.ndarray:
    axis = np.zeros(3)
    longest = np.abs(direction).argmax()
    axis[longest] = np.sign(direction[longest])
    return axis


def _rest_from(capture: Capture, frame: int, turn: np.ndarray) -> Capture:
    """The capture whose bones rest as they stand in ``frame``, turned by ``turn`` (4,)."""
    since = quat.multiply(turn, capture.rotations[frame])  # (N, 4), from the old rest to the new one
    bones = []
    for bone, head, rotation in zip(capture.rig.bones, quat.rotate(turn, capture.heads[frame]), since, strict=True):
        along = np.asarray(bone.tail, dtype=np.float64) - np.asarray(bone.head, dtype=np.float64)
        bones.append(rest_bone(bone.name, bone.parent, head, head + quat.rotate(rotation, along)))
    rotations = quat.multiply(capture.rotations, quat.conjugate(since))
    return dataclasses.replace(capture, rig=Rig(capture.rig.name, bones), rotations=rotations)
