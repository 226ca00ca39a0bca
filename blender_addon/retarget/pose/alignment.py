# SPDX-License-Identifier: GPL-3.0-or-later
"""How an armature's rest pose differs from the model's T-pose, so that no one has to pose it first.

The *neutral* orientation of a bone is the one that it has when the armature stands in the model's T-pose, facing
Blender's front, in world axes. Rest poses may be T, A or anything between, with limbs slightly bent and bones rolled
at will: arms and legs are laid onto the T-pose by direction and hinge axis, all three angles. Trunk, collars and head
keep their own rest as the counterpart of the model's, feet likewise but for their heading; so a chest that leans at
rest does not lean more.

Quaternions w, x, y, z; *rest directions* are in armature space, *canonical* ones in Blender's world axes: left +X, up
+Z, front -Y.
"""

from __future__ import annotations

from itertools import pairwise, permutations, product

import numpy as np

from ...shared import quat
from ...shared.limbs import LIMBS, Limb, bend_angle, signed_angle
from ...shared.pose import T_POSE
from ...shared.skeleton import SKELETON
from ...shared.space import model_to_blender
from ..bone_map.mapping import BoneMap
from ..rig import Rig
from .feet import SIDES, FootShape, foot_shapes

UP = np.array([0.0, 0.0, 1.0])
SNAP_RAD = np.radians(20.0)  # how far a figure may lean from the axes and still count as upright
TURNED_RAD, TWISTED_RAD = np.radians(4.0), np.radians(3.0)  # of a figure as a whole, and of its trunk
REST_BEND_UNKNOWN_RAD = np.radians(4.0)  # a rest limb straighter than this shows no hinge axis
REST_BEND_KNOWN_RAD = np.radians(12.0)
HINGE_LIMIT_RAD = np.radians(75.0)  # a rest bend farther off its usual plane is a bow leg, not the hinge


def rest_rotation(rig: Rig, bone: str) -> np.ndarray:
    """Rest orientation (4,) of ``bone`` in armature space."""
    matrix = np.asarray(rig.by_name[bone].matrix, dtype=np.float64)[:3, :3]
    return quat.from_matrix(matrix / np.linalg.norm(matrix, axis=0))


def head(rig: Rig, bone: str) -> np.ndarray:
    return np.asarray(rig.by_name[bone].head, dtype=np.float64)


def segment(rig: Rig, bone_map: BoneMap, joint: str) -> np.ndarray:
    """Rest direction (3,) of the bone of ``joint``: to the head of the next mapped joint's bone, else along itself."""
    for child in SKELETON.children[SKELETON.index(joint)]:
        name = SKELETON.names[child]
        if name in bone_map:
            return head(rig, bone_map[name]) - head(rig, bone_map[joint])
    bone = rig.by_name[bone_map[joint]]
    return np.asarray(bone.tail, dtype=np.float64) - np.asarray(bone.head, dtype=np.float64)


def leg_length(rig: Rig, bone_map: BoneMap) -> float:
    """Hip to ankle in armature units, mean of both legs."""
    legs = [[head(rig, bone_map[f"{side}_{part}"]) for part in ("hip", "knee", "ankle")] for side in SIDES]
    return sum(float(np.linalg.norm(b - a)) for leg in legs for a, b in pairwise(leg)) / 2


def figure_rotation(rig: Rig, bone_map: BoneMap) -> np.ndarray:
    """Rotation (4,) from armature space to canonical axes, taken from where hips and shoulders stand at rest.

    A figure that stands nearly upright along the axes of the armature, or of the world, is taken to stand so exactly.
    """
    return rig.measured("figure", bone_map, lambda: _figure_rotation(rig, bone_map))


def _figure_rotation(rig: Rig, bone_map: BoneMap) -> np.ndarray:
    corners = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    at_rest = [head(rig, bone_map[joint]) for joint in corners]
    in_t_pose = trunk_axes(*(model_to_blender(T_POSE[SKELETON.index(joint)]) for joint in corners))
    measured = quat.multiply(in_t_pose, quat.conjugate(trunk_axes(*at_rest)))
    upright = _snap(measured)
    if upright is not None:
        return _as_turned(upright, at_rest)
    in_world = object_rotation(rig.matrix_world)
    upright = _snap(quat.multiply(measured, quat.conjugate(in_world)))
    if upright is not None:
        return _as_turned(quat.multiply(upright, in_world), at_rest)
    for frame in (quat.identity(), in_world):
        vertical = _nearly_vertical(quat.rotate(quat.multiply(frame, quat.conjugate(measured)), UP))
        if vertical is not None:
            return _upright(quat.rotate(quat.conjugate(frame), vertical), at_rest)
    return measured


def _nearly_vertical(up: np.ndarray) -> np.ndarray | None:
    """The axis (3,) within ``SNAP_RAD`` of ``up`` (3,), None when there is none."""
    axis = np.zeros(3)
    axis[np.abs(up).argmax()] = np.sign(up[np.abs(up).argmax()])
    return axis if bend_angle(up, axis) < SNAP_RAD else None


def _upright(vertical: np.ndarray, corners: list[np.ndarray]) -> np.ndarray:
    """Rotation (4,) that takes ``vertical`` (3,) to the canonical one, and the line from right to left across the
    ``corners`` to canonical left: of a figure that faces anywhere."""
    left_hip, right_hip, left_shoulder, right_shoulder = corners
    upright = quat.between(vertical, UP)
    left = quat.rotate(upright, left_hip + left_shoulder - right_hip - right_shoulder)
    return quat.multiply(quat.from_axis_angle(UP, -float(np.arctan2(left[1], left[0]))), upright)


def _as_turned(upright: np.ndarray, corners: list[np.ndarray]) -> np.ndarray:
    """``upright`` (4,), and turned about the vertical where hips and shoulders, the ``corners``, both say so: a figure
    that faces off the axes, and is not merely twisted."""
    left_hip, right_hip, left_shoulder, right_shoulder = corners
    hips, shoulders = (
        float(np.arctan2(line[1], line[0]))
        for line in (quat.rotate(upright, left_hip - right_hip), quat.rotate(upright, left_shoulder - right_shoulder))
    )
    if abs(hips) < TURNED_RAD or abs(hips - shoulders) > TWISTED_RAD:
        return upright
    return quat.multiply(quat.from_axis_angle(UP, -(hips + shoulders) / 2), upright)


def trunk_axes(
    left_hip: np.ndarray, right_hip: np.ndarray, left_shoulder: np.ndarray, right_shoulder: np.ndarray
) -> np.ndarray:
    """Frame (4,) of a trunk: X to its left, Z upwards."""
    left = quat.normalize(left_hip + left_shoulder - right_hip - right_shoulder)
    up = left_shoulder + right_shoulder - left_hip - right_hip
    up = quat.normalize(up - (up @ left) * left)
    return quat.from_frame(left, np.cross(up, left), up)


def object_rotation(matrix_world: np.ndarray) -> np.ndarray:
    """Rotation (..., 4) of object matrices (..., 4, 4) of uniform positive scale."""
    matrix = np.asarray(matrix_world, dtype=np.float64)[..., :3, :3]
    return quat.from_matrix(matrix / np.linalg.norm(matrix, axis=-2, keepdims=True))


def neutral_rotations(rig: Rig, bone_map: BoneMap) -> dict[str, np.ndarray]:
    """Neutral orientation (4,) of every mapped bone, bone between and twist bone, by bone name."""
    return rig.measured("neutral rotations", bone_map, lambda: _neutral_rotations(rig, bone_map))


def _neutral_rotations(rig: Rig, bone_map: BoneMap) -> dict[str, np.ndarray]:
    figure = figure_rotation(rig, bone_map)
    corrections = {joint: quat.identity() for joint in bone_map.bones}
    for limb in LIMBS:
        corrections |= _align_limb(rig, bone_map, figure, limb)
    shapes = resting_feet(rig, bone_map)
    for side in SIDES:
        corrections[f"{side}_ankle"] = _align_foot(shapes[side], f"{side}_ankle")
        # What has no direction of its own stays as it is on the part that carries it.
        for part, parent in (("wrist", "elbow"), ("foot", "ankle")):
            if f"{side}_{part}" in bone_map:
                corrections[f"{side}_{part}"] = corrections[f"{side}_{parent}"]
    neutral = {
        bone: quat.multiply(corrections[joint], quat.multiply(figure, rest_rotation(rig, bone)))
        for joint, bone in bone_map.bones.items()
    }
    with_limb = {
        bone: quat.multiply(corrections[joint], quat.multiply(figure, rest_rotation(rig, bone)))
        for bone, (joint, _) in bone_map.twists.items()
    }
    return neutral | with_limb | {bone: quat.multiply(figure, rest_rotation(rig, bone)) for bone in bone_map.between}


def _canonical_offset(joint: str) -> np.ndarray:
    """T-pose direction (3,) from ``joint`` to its child, canonical axes."""
    child = SKELETON.children[SKELETON.index(joint)][0]
    return quat.normalize(model_to_blender(SKELETON.offsets[child].astype(np.float64)))


def _align_limb(rig: Rig, bone_map: BoneMap, figure: np.ndarray, limb: Limb) -> dict[str, np.ndarray]:
    """Corrections (4,) that lay the two rest bones of ``limb`` onto the T-pose, with the same hinge axis for both."""
    upper = quat.normalize(quat.rotate(figure, segment(rig, bone_map, limb.upper)))
    lower = quat.normalize(quat.rotate(figure, segment(rig, bone_map, limb.middle)))
    canonical_upper, canonical_lower = _canonical_offset(limb.upper), _canonical_offset(limb.middle)
    canonical_hinge = model_to_blender(np.array(limb.hinge))
    usual_hinge = quat.rotate(quat.between(canonical_upper, upper), canonical_hinge)
    flexion = bend_angle(upper, lower)
    off = signed_angle(upper, usual_hinge, np.cross(upper, lower))
    trust = np.clip((flexion - REST_BEND_UNKNOWN_RAD) / (REST_BEND_KNOWN_RAD - REST_BEND_UNKNOWN_RAD), 0, 1)
    trust *= abs(off) < HINGE_LIMIT_RAD
    hinge = quat.rotate(quat.from_axis_angle(upper, off * trust), usual_hinge)
    return {
        limb.upper: _frame_to_frame(upper, hinge, canonical_upper, canonical_hinge),
        limb.middle: _frame_to_frame(lower, hinge, canonical_lower, canonical_hinge),
    }


def resting_feet(rig: Rig, bone_map: BoneMap) -> dict[str, FootShape]:
    """Side -> foot as it rests, armature units."""
    figure, leg = figure_rotation(rig, bone_map), leg_length(rig, bone_map)
    return rig.measured("feet", bone_map, lambda: foot_shapes(rig, bone_map, figure, leg))


def neutral_feet(rig: Rig, bone_map: BoneMap) -> dict[str, FootShape]:
    """Side -> foot in its neutral orientation, armature units."""

    def turned() -> dict[str, FootShape]:
        shapes = resting_feet(rig, bone_map)
        return {side: shape.rotated(_align_foot(shape, f"{side}_ankle")) for side, shape in shapes.items()}

    return rig.measured("neutral feet", bone_map, turned)


def _align_foot(shape: FootShape, ankle: str) -> np.ndarray:
    """Correction (4,) that turns the rest foot about the vertical to the T-pose foot's heading; its slope stays
    its own, but for a sole that does not rest level."""
    level = shape.levelling()
    heading = shape.rotated(level).heading
    if heading is None:
        return level  # a foot that stands on its tip has no heading
    up = np.array([0.0, 0.0, 1.0])
    return quat.multiply(quat.from_axis_angle(up, signed_angle(up, heading, _canonical_offset(ankle))), level)


def _frame_to_frame(
    direction: np.ndarray, hinge: np.ndarray, to_direction: np.ndarray, to_hinge: np.ndarray
) -> np.ndarray:
    """Rotation (4,) that takes ``direction`` exactly and ``hinge`` as nearly as it can to the others."""
    return quat.multiply(_axes(to_direction, to_hinge), quat.conjugate(_axes(direction, hinge)))


def _axes(direction: np.ndarray, hinge: np.ndarray) -> np.ndarray:
    x = quat.normalize(direction)
    y = quat.normalize(hinge - (hinge @ x) * x)
    return quat.from_frame(x, y, np.cross(x, y))


def _snap(rotation: np.ndarray) -> np.ndarray | None:
    """The axis-aligned rotation (4,) within ``SNAP`` of ``rotation``, None when there is none."""
    angles = quat.angle(quat.multiply(_AXIS_ALIGNED, quat.conjugate(rotation)[None]))
    return _AXIS_ALIGNED[angles.argmin()] if angles.min() < SNAP_RAD else None


def _axis_aligned() -> np.ndarray:
    """The 24 rotations (24, 4) that permute the axes."""
    found = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            matrix = np.eye(3)[list(order)] * np.array(signs)[:, None]
            if np.linalg.det(matrix) > 0:
                found.append(quat.from_matrix(matrix))
    return np.stack(found)


_AXIS_ALIGNED = _axis_aligned()
