# SPDX-License-Identifier: GPL-3.0-or-later
"""A capture of any human skeleton as the motion of the model's 22 joints, with the model's own bone lengths.

Which bone is which joint is found as for retargeting in Blender (``blender_addon.retarget.bone_map``). The trunk takes
over how the bones turn since their upright rest; arms and feet point where they point in the capture; the legs are
bent so that the ankles stand where they stood, scaled by the length of the legs, so that planted feet stay planted
although hips are wider or narrower than the model's.

Shapes: T frames, J = 22 joints. Model axes (Y up), metres.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from blender_addon.shared import quat
from blender_addon.shared.skeleton import FPS, SKELETON

from .capture import Capture
from .joint_capture import SAME_PLACE, STATIONS, MappedCapture

TRUNK = {
    "hip": (0.561, -0.815, -0.147), "spine1": (0, 0.956, -0.295), "spine2": (0, 0.982, 0.191),
    "spine3": (0, 0.999, 0.051), "neck": (0, 0.988, -0.155), "collar": (0.557, 0.816, -0.153),
    "shoulder": (0.99, -0.084, -0.115), "head": (0, 0.71, 0.704),
}  # fmt: skip
"""Directions (left side) from each joint's parent in a person who stands upright, as rigid parts of HumanML3D's bodies
keep them: measured to 0.1 degrees on motion whose source is known, 0.5 to 2 cm better than the T-pose's.
"""
SAME_FORM = np.radians(10.0)  # a skeleton whose own direction is so near keeps it
LEAP = 10.0  # body lengths a second
OPENING = 0.25  # seconds within which a leap out of the rest pose is over


def retarget(capture: Capture) -> tuple[np.ndarray, np.ndarray]:
    """Joints (T, 22, 3) at 20 fps, and by how much (T,) the capture's own bones are stretched, as a share.

    Raises RetargetError when the skeleton is not a human's.
    """
    source = MappedCapture(capture)
    joints = _trunk_and_arms(source)
    _place_legs(source, joints)
    nearest = np.rint(np.arange(len(joints)) * capture.fps / FPS).astype(int)
    return joints, _stretch(capture, list(source.map.bones.values()))[np.minimum(nearest, capture.num_frames - 1)]


def calm_from(capture: Capture) -> int:
    """The first frame at 20 fps after which the body no longer leaps: many files begin in a rest pose and jump from
    there into the motion, or have a spoilt first frame.
    """
    extent = np.ptp(np.array([bone.head for bone in capture.rig.bones]), axis=0).max()
    opening = capture.heads[: int(OPENING * capture.fps) + 1]
    speeds = np.linalg.norm(np.diff(opening, axis=0), axis=-1).max(-1, initial=0.0) * capture.fps / extent
    if len(speeds) < 2 or not speeds.max() > LEAP:
        return 0
    last = int(np.flatnonzero(speeds > LEAP / 4)[-1]) + 1
    return math.ceil(last * FPS / capture.fps - 1e-6)


def _stretch(capture: Capture, bones: list[str]) -> np.ndarray:
    """Largest deviation (T,) of the ``bones`` from their median distance to their parents, as a share of it."""
    names = [bone for bone in bones if capture.rig.by_name[bone].parent]
    here = capture.heads[:, [capture.place(name) for name in names]]
    above = capture.heads[:, [capture.place(str(capture.rig.by_name[name].parent)) for name in names]]
    lengths = np.linalg.norm(here - above, axis=-1)
    usual = np.nanmedian(lengths, axis=0)
    apart = usual > SAME_PLACE * usual.max()
    return np.abs(lengths[:, apart] / usual[apart] - 1).max(-1)


def _offset(source: MappedCapture, joint: str) -> np.ndarray:
    """Offset (3,) of ``joint`` from its parent when standing upright: the capture's own direction where its skeleton is
    of the model's form, else that of ``TRUNK``.
    """
    side, _, part = joint.partition("_")
    direction = quat.normalize(np.array(TRUNK[part or joint]) * ((-1 if side == "right" else 1), 1, 1))
    own = source.rest_direction(joint)
    if not source.counts_segments and own is not None and own @ direction > np.cos(SAME_FORM):
        direction = own
    return direction * np.linalg.norm(SKELETON.offsets[SKELETON.index(joint)])


def _trunk_and_arms(source: MappedCapture) -> np.ndarray:
    """Joints (T, 22, 3) with the middle of the hips in place; the legs are still to come."""
    turns = _trunk_turns(source)
    joints = np.zeros((len(turns["pelvis"]), SKELETON.num_joints, 3))
    for index, name in list(enumerate(SKELETON.names))[1:]:
        parent = SKELETON.parents[index]
        part = name.partition("_")[2] or name
        if part in TRUNK:
            segment = quat.rotate(turns[name], _offset(source, name))
        elif part in ("elbow", "wrist"):
            segment = source.direction(SKELETON.names[parent]) * np.linalg.norm(SKELETON.offsets[index])
        else:
            continue
        joints[:, index] = joints[:, parent] + segment
    hips = SKELETON.indices("left_hip", "right_hip")
    shift = (source.point("left_hip") + source.point("right_hip")) / 2 - joints[:, hips].mean(1)
    return joints + shift[:, None]


def _trunk_turns(source: MappedCapture) -> dict[str, np.ndarray]:
    """For each joint of the trunk the rotation (T, 4) of the segment that leads to it."""
    along = source.along_trunk()
    shift = 0 if source.counts_segments else 1
    turns = {joint: _between(source, along, station - shift) for station, joint in enumerate(STATIONS) if station}
    if not source.counts_segments:
        turns["spine1"] = source.turn(source.lower_back)
    pelvis, chest = _between(source, along, 0), _between(source, along, len(STATIONS) - 1)
    neck = source.below_head()
    turns |= {"pelvis": pelvis, "left_hip": pelvis, "right_hip": pelvis, "neck": chest}
    turns["head"] = chest if neck is None else source.turn(neck)
    for side in ("left", "right"):
        collar = source.map.bones.get(f"{side}_collar")
        turns[f"{side}_collar"] = chest
        turns[f"{side}_shoulder"] = chest if collar is None else source.turn(collar)
    return turns


def _between(source: MappedCapture, along: list[tuple[float, str]], station: float) -> np.ndarray:
    """Rotation (T, 4) of the trunk at ``station``, from the bones below and above it."""
    if station <= along[0][0]:
        return source.turn(along[0][1])
    for (low, below), (high, above) in itertools.pairwise(along):
        if station <= high:
            return quat.slerp(source.turn(below), source.turn(above), (station - low) / (high - low))
    return source.turn(along[-1][1])


def _place_legs(source: MappedCapture, joints: np.ndarray) -> None:
    """Put knees, ankles and toes of joints (T, 22, 3): two bones of fixed length reach for the capture's ankle."""
    for side in ("left", "right"):
        hip, knee, ankle, foot = SKELETON.indices(*(f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot")))
        upper, lower, sole = (float(np.linalg.norm(SKELETON.offsets[j])) for j in (knee, ankle, foot))
        reach = source.point(f"{side}_ankle") - joints[:, hip]
        thigh = source.direction(f"{side}_hip")
        swing = quat.between(source.point(f"{side}_ankle") - source.point(f"{side}_hip"), reach)
        joints[:, knee], joints[:, ankle] = _two_bones(joints[:, hip], reach, quat.rotate(swing, thigh), upper, lower)
        joints[:, foot] = joints[:, ankle] + sole * source.direction(f"{side}_ankle")


def _two_bones(
    start: np.ndarray, reach: np.ndarray, towards: np.ndarray, upper: float, lower: float
) -> tuple[np.ndarray, np.ndarray]:
    """Middle and end (T, 3) of two bones from ``start`` that reach for ``start + reach``, bent to the side of
    ``towards``.
    """
    far = np.clip(np.linalg.norm(reach, axis=-1, keepdims=True), abs(upper - lower) + 1e-4, upper + lower - 1e-4)
    axis = quat.normalize(reach)
    along = (upper**2 - lower**2 + far**2) / (2 * far)
    aside = np.sqrt(np.maximum(upper**2 - along**2, 0))
    side = quat.normalize(towards - quat.dot(towards, axis) * axis)
    return start + along * axis + aside * side, start + far * axis
