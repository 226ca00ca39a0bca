# SPDX-License-Identifier: GPL-3.0-or-later
"""The posed armature as 22 joints in the world that can be rotated, moved and stretched towards a point: what feet and
hands are corrected on, with the armature's own lengths.

A :class:`Figure` knows no bones: its rotations are those of the model's segments, from which :func:`.solve.solve` makes
bone rotations again.

K scene frames, J = 22 joints. World points are scene units, Blender axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...shared import quat
from ...shared.limbs import Limb
from ...shared.skeleton import SKELETON
from ...shared.space import model_to_blender, model_to_blender_rotation
from ..bone_map.mapping import BoneMap
from ..pose import alignment, fk, scale, solve
from ..rig import Rig

UP = np.array([0.0, 0.0, 1.0])

JointTargets = dict[str, tuple[np.ndarray, np.ndarray]]
"""Joint -> the frames (K,) bool in which a control holds it, and where (K, 3)."""

MAX_STRETCH_RATIO = 0.9985  # of a limb's length: the knee of a straighter one would jump for little
MIN_LENGTH_RATIO = 1e-3  # of a limb's length by which it stays longer than when fully folded
HINGE_HIDDEN_SINE, HINGE_SHOWN_SINE = 0.03, 0.12
"""Sine of the bend below which a limb does not show its hinge axis, and above which it does."""


def _descendants(joint: int) -> list[int]:
    return [child for near in SKELETON.children[joint] for child in (near, *_descendants(near))]


DESCENDANTS = tuple(_descendants(joint) for joint in range(SKELETON.num_joints))


@dataclass(eq=False)
class Figure:
    """``positions`` (K, 22, 3) of the joints' bones, NaN where the armature has none; ``rotations`` (K, 22, 4) of their
    segments since the T-pose, Blender axes. ``metre``: scene units that a metre of the model measures on this
    armature."""

    positions: np.ndarray
    rotations: np.ndarray
    metre: float

    def __contains__(self, joint: str) -> bool:
        return not np.isnan(self.positions[0, SKELETON.index(joint), 0])

    def joint(self, joint: str) -> np.ndarray:
        """Its positions (K, 3)."""
        return self.positions[:, SKELETON.index(joint)]

    def copy(self, rows: np.ndarray | slice = slice(None)) -> Figure:
        return Figure(self.positions[rows].copy(), self.rotations[rows].copy(), self.metre)

    def shift(self, offset: np.ndarray) -> None:
        """Move all of it by ``offset`` (K, 3)."""
        self.positions += offset[:, None]

    def rotate(self, joint: str, rotation: np.ndarray) -> None:
        """Rotate ``joint`` and all below it by ``rotation`` (K, 4), world axes, about the joint."""
        index = SKELETON.index(joint)
        below = DESCENDANTS[index]
        pivot = self.positions[:, index, None]
        self.positions[:, below] = pivot + quat.rotate(rotation[:, None], self.positions[:, below] - pivot)
        moved = [index, *below]
        self.rotations[:, moved] = quat.multiply(rotation[:, None], self.rotations[:, moved])

    def point(self, joint: str, child: str, target: np.ndarray) -> None:
        """Rotate ``joint`` by the shortest arc so that ``child`` lies in the direction of ``target`` (K, 3)."""
        pivot = self.joint(joint)
        self.rotate(joint, quat.between(self.joint(child) - pivot, target - pivot))

    def length(self, limb: Limb) -> np.ndarray:
        """How far the limb reaches (K,)."""
        upper, middle, end = (self.joint(joint) for joint in (limb.upper, limb.middle, limb.end))
        return MAX_STRETCH_RATIO * (np.linalg.norm(middle - upper, axis=-1) + np.linalg.norm(end - middle, axis=-1))

    def reach(self, limb: Limb, target: np.ndarray, keep_end: bool) -> None:
        """Bring the end of ``limb`` to ``target`` (K, 3) or as near as it reaches, in the plane that the limb bends in.

        ``keep_end``: the end keeps its rotation in the world (feet), else it follows the lower bone (hands).
        """
        upper, middle, end = (self.joint(joint).copy() for joint in (limb.upper, limb.middle, limb.end))
        a, b = np.linalg.norm(middle - upper, axis=-1), np.linalg.norm(end - middle, axis=-1)
        before, wanted = end - upper, target - upper
        straight = np.linalg.norm(before, axis=-1)
        # A limb that is straighter than others may be stays so.
        most = np.maximum(MAX_STRETCH_RATIO * (a + b), np.minimum(straight, a + b))
        distance = np.clip(np.linalg.norm(wanted, axis=-1), np.abs(a - b) + MIN_LENGTH_RATIO * (a + b), most)
        arc = quat.between(before, wanted)
        hinge = quat.rotate(arc, self._hinge(limb, middle - upper, end - middle))
        bend_upper = _corner(a, distance, b) - _corner(a, straight, b)
        bend_middle = _corner(a, b, distance) - _corner(a, b, straight)
        first = quat.multiply(quat.from_axis_angle(hinge, -bend_upper), arc)
        second = quat.from_axis_angle(hinge, -bend_middle)
        self.rotate(limb.upper, first)
        self.rotate(limb.middle, second)
        if keep_end:
            self.rotate(limb.end, quat.conjugate(quat.multiply(second, first)))

    def _hinge(self, limb: Limb, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """Unit axis (K, 3) about which the limb bends: its plane's where it is bent, else its elbow's or knee's own."""
        shown = np.cross(upper, lower)
        sine = np.linalg.norm(shown, axis=-1, keepdims=True)
        sine = sine / (np.linalg.norm(upper, axis=-1, keepdims=True) * np.linalg.norm(lower, axis=-1, keepdims=True))
        own = quat.rotate(self.rotations[:, SKELETON.index(limb.upper)], model_to_blender(np.array(limb.hinge)))
        along = quat.normalize(upper + lower)
        own = quat.normalize(own - quat.dot(own, along) * along)
        trust = np.clip((sine - HINGE_HIDDEN_SINE) / (HINGE_SHOWN_SINE - HINGE_HIDDEN_SINE), 0, 1)
        return quat.normalize(trust * quat.normalize(shown) + (1 - trust) * own)


def _corner(a: np.ndarray, b: np.ndarray, opposite: np.ndarray) -> np.ndarray:
    """Angle (K,) between the sides ``a`` and ``b`` of a triangle."""
    return np.arccos(np.clip((a**2 + b**2 - opposite**2) / np.maximum(2 * a * b, 1e-12), -1.0, 1.0))


def pose_figure(
    rig: Rig,
    bone_map: BoneMap,
    rotations: np.ndarray,
    pelvis: np.ndarray,
    matrix_world: np.ndarray,
    metre: float,
) -> Figure:
    """The figure that ``rig`` becomes for the segments' ``rotations`` (K, 22, 4), model axes, and ``pelvis`` (K, 3).

    Where the armature has no bone for a toe, the front end of its sole is taken for it.
    """
    solution = solve.solve(rig, bone_map, rotations, pelvis, matrix_world)
    chain = solve.posed_chain(rig, bone_map)
    bases = {bone: solve.with_rotation(rig.by_name[bone], rotation) for bone, rotation in solution.rotations.items()}
    located = rig.by_name[solution.location_bone]
    basis = bases.setdefault(solution.location_bone, np.repeat(located.basis[None], len(pelvis), axis=0))
    basis[:, :3, 3] = solution.location
    posed = fk.pose_rig(rig, chain, bases)
    positions = np.full((len(pelvis), SKELETON.num_joints, 3), np.nan)
    for joint, bone in bone_map.bones.items():
        positions[:, SKELETON.index(joint)] = posed[bone][..., :3, 3]
    rotated = np.einsum("...ij,...kj->...ki", matrix_world[..., :3, :3], positions)
    figure = Figure(rotated + matrix_world[..., None, :3, 3], model_to_blender_rotation(rotations), metre)
    if "left_foot" in bone_map and "right_foot" in bone_map:
        return figure
    size = scale.object_scale(rig)
    for side, shape in alignment.neutral_feet(rig.standing, bone_map).items():
        if f"{side}_foot" not in bone_map:
            ankle = SKELETON.index(f"{side}_ankle")
            ball = quat.rotate(figure.rotations[:, ankle], size * shape.ball)
            figure.positions[:, SKELETON.index(f"{side}_foot")] = figure.positions[:, ankle] + ball
    return figure
