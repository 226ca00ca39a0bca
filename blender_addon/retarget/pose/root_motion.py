# SPDX-License-Identifier: GPL-3.0-or-later
"""What carries a character along its path: the hips alone, a root bone below them, or the armature's object; or
nothing, when it moves in place.

The path is that of the hips on the ground and the heading of the body, both smoothed, so that a root glides where hips
sway with every step. Root or object come to stand below the hips as they do at rest, and the hips keep what is left:
in the world the body moves as before.

K scene frames. World points, scene units, Blender axes.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np

from ...shared import quat
from ...shared.errors import RetargetError
from ...shared.series import gaussian_smooth
from ..bone_map.detect import canonical
from ..bone_map.mapping import BoneMap
from ..rig import Rig
from . import alignment, fk, solve
from .solve import Solution

PATH_SMOOTHING_S, HEADING_SMOOTHING_S = 0.25, 0.5
UPRIGHT_COS_SQUARED = 0.4  # squared cosine of half the angle by which a body may be tilted and still have a heading
ROOT_NAMES = ("root", "ctraj", "cpos", "master", "blroot", "rlboneroot", "boneroot", "ccbaseboneroot", "armature")


@dataclass(frozen=True)
class RootMotion:
    """What carries the motion, ``kind``: "HIPS", "BONE" or "OBJECT"; ``bone``: the root bone, empty to find it.
    ``in_place``: the path is dropped and the hips carry what is left of it."""

    kind: str = "HIPS"
    bone: str = ""
    in_place: bool = False


@dataclass(frozen=True, eq=False)
class RootedSolution:
    """A solution after root motion. ``root``: the root bone of a control rig and where it has to be (K, 4, 4),
    armature space."""

    solution: Solution
    root: tuple[str, np.ndarray] | None = None


# Eight: what is solved, what is keyed, and the object whose motion it becomes.
def apply_root_motion(
    rig: Rig,
    keyed: Rig,
    bone_map: BoneMap,
    solution: Solution,
    root_motion: RootMotion,
    matrix_world: np.ndarray,
    basis: np.ndarray,
    fps: float,
) -> Generator[None, None, RootedSolution]:
    """Let ``root_motion`` carry what ``solution`` poses on ``rig``, which stands in for ``keyed`` where that is a
    control rig; a generator that hands the thread back.

    ``basis`` (4, 4): the object's own transform while its world matrix is ``rig.matrix_world``; ``matrix_world``
    (K, 4, 4) or (4, 4): the world matrix during the motion.
    """
    if root_motion.kind == "HIPS" and not root_motion.in_place:
        return RootedSolution(solution)
    if root_motion.kind == "OBJECT" and not root_motion.in_place and matrix_world.ndim == 3:
        raise RetargetError(
            "The armature object is already moved by something else, so it cannot carry the motion.",
            "Set Root Motion to Hips or Root Bone.",
        )
    path, headings = ground_path(rig, bone_map, solution, matrix_world, fps)
    yield
    if root_motion.in_place:
        return RootedSolution(stay_in_place(rig, bone_map, solution, matrix_world, path))
    along = path_matrices(rig, bone_map, path, headings)
    if root_motion.kind == "OBJECT":
        back = np.linalg.inv(along @ matrix_world) @ matrix_world
        matrices = basis @ np.linalg.inv(matrix_world) @ along @ matrix_world
        return RootedSolution(replace(seen_from(rig, bone_map, solution, back), object_matrices=matrices))
    root = root_bone(keyed, bone_map, root_motion.bone)
    if keyed is not rig:
        return RootedSolution(solution, (root, root_matrices(keyed, matrix_world, root, along)))
    return RootedSolution(on_root(rig, bone_map, solution, matrix_world, root, along))


def root_bone(rig: Rig, bone_map: BoneMap, chosen: str = "") -> str:
    """The bone that may carry the whole body; raises RetargetError when there is none above or beside it."""
    above = rig.ancestors(bone_map["pelvis"])
    if chosen:
        if chosen not in rig.by_name or chosen in bone_map.posed_bones:
            raise RetargetError(
                f"The bone '{chosen}' cannot move the whole character.",
                "Choose a root bone above the hips, or set Root Motion to Hips.",
            )
        return chosen
    free = (bone.name for bone in rig.bones if bone.name not in bone_map.posed_bones)
    named = [name for name in free if canonical(name) in ROOT_NAMES]
    found = next((bone for bone in above if bone in named), None) or (named or above[-1:] or [""])[0]
    if not found:
        raise RetargetError("This armature has no root bone.", "Set Root Motion to Hips or Object.")
    return found


def ground_path(
    rig: Rig, bone_map: BoneMap, solution: Solution, matrix_world: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """The smoothed path of the posed body: points (K, 2) on the ground, and headings (K,) in radians, 0 towards -Y."""
    hips = posed_matrices(rig, bone_map, solution)[bone_map["pelvis"]]
    path = (matrix_world @ hips)[:, :2, 3]
    neutral = alignment.neutral_rotations(rig.standing, bone_map)[bone_map["pelvis"]]
    rotated = quat.multiply(alignment.object_rotation(matrix_world), quat.from_matrix(fk.strip_scale(hips)[:, :3, :3]))
    rotations = quat.multiply(rotated, quat.conjugate(neutral))
    # The rotation about the vertical, which a body that lies across it or stands on its head does not show.
    shown = np.flatnonzero(rotations[:, 0] ** 2 + rotations[:, 3] ** 2 > UPRIGHT_COS_SQUARED)
    headings = np.zeros(len(rotations))
    if len(shown):
        angles = np.unwrap(2 * np.arctan2(rotations[shown, 3], rotations[shown, 0]))
        headings = np.interp(np.arange(len(rotations)), shown, angles)
    smooth_headings = gaussian_smooth(headings[:, None], HEADING_SMOOTHING_S * fps)[:, 0]
    return gaussian_smooth(path, PATH_SMOOTHING_S * fps), smooth_headings


def posed_matrices(rig: Rig, bone_map: BoneMap, solution: Solution) -> dict[str, np.ndarray]:
    """Where the bones stand (K, 4, 4), armature space, that ``solution`` poses, and all above them."""
    bases = {bone: solve.with_rotation(rig.by_name[bone], rotation) for bone, rotation in solution.rotations.items()}
    frames = len(solution.location)
    located = np.array(
        np.broadcast_to(bases.get(solution.location_bone, rig.by_name[solution.location_bone].basis), (frames, 4, 4))
    )
    located[:, :3, 3] = solution.location
    posed = fk.pose_rig(rig, solve.posed_chain(rig, bone_map), bases | {solution.location_bone: located})
    return {bone: np.broadcast_to(matrix, (frames, 4, 4)) for bone, matrix in posed.items()}


def path_matrices(rig: Rig, bone_map: BoneMap, path: np.ndarray, headings: np.ndarray) -> np.ndarray:
    """World matrices (K, 4, 4) that carry what is below the body at rest to where it is below it on ``path`` (K, 2)."""
    rest = rig.standing
    hips = rig.matrix_world @ np.append(alignment.head(rest, bone_map["pelvis"]), 1.0)
    facing = alignment.object_rotation(rig.matrix_world)
    facing = quat.multiply(facing, quat.conjugate(alignment.figure_rotation(rest, bone_map)))
    start = _upright(hips[None, :2], np.array([2 * np.arctan2(facing[3], facing[0])]))
    return _upright(path, headings) @ np.linalg.inv(start)


def _upright(path: np.ndarray, headings: np.ndarray) -> np.ndarray:
    matrices = fk.to_transform(quat.from_axis_angle(np.array([0.0, 0.0, 1.0]), headings))
    matrices[:, :2, 3] = path
    return matrices


def stay_in_place(
    rig: Rig, bone_map: BoneMap, solution: Solution, matrix_world: np.ndarray, path: np.ndarray
) -> Solution:
    """``solution`` without its ``path`` (K, 2) over the ground."""
    shift = np.tile(np.eye(4), (len(path), 1, 1))
    shift[:, :2, 3] = path[0] - path
    return seen_from(rig, bone_map, solution, np.linalg.inv(matrix_world) @ shift @ matrix_world)


def seen_from(
    rig: Rig, bone_map: BoneMap, solution: Solution, change: np.ndarray, fixed: dict[str, np.ndarray] | None = None
) -> Solution:
    """``solution`` for which every bone is where ``change`` (K, 4, 4), armature space, puts it; ``fixed``: poses (K, 4,
    4) that bones without a joint have meanwhile."""
    posed = posed_matrices(rig, bone_map, solution)
    orientations = {
        bone: quat.from_matrix(fk.strip_scale(change @ posed[bone])[:, :3, :3]) for bone in solution.rotations
    }
    target = (change @ posed[bone_map["pelvis"]])[:, :3, 3]
    solved = solve.solve_orientations(rig, bone_map, orientations, target, fixed)
    return replace(solved, locations=solution.locations, properties=solution.properties)


def on_root(
    rig: Rig, bone_map: BoneMap, solution: Solution, matrix_world: np.ndarray, root: str, along: np.ndarray
) -> Solution:
    """``solution`` with the bone ``root`` moved along ``along`` (K, 4, 4), world, and the body left where it was."""
    bone = rig.by_name[root]
    matrices = root_matrices(rig, matrix_world, root, along)
    above = fk.pose_rig(rig, [*rig.ancestors(root)[::-1]], {})
    rotation_frame, location_frame = fk.parent_frames(rig, bone, above.get(bone.parent or ""))
    basis = np.linalg.inv(rotation_frame) @ matrices
    basis = fk.strip_scale(basis)
    basis[:, :3, 3] = np.linalg.solve(
        np.broadcast_to(location_frame[..., :3, :3], (len(matrices), 3, 3)),
        (matrices[:, :3, 3] - location_frame[..., :3, 3])[..., None],
    )[..., 0]
    fixed = {root: basis} if root in rig.ancestors(bone_map["pelvis"]) else {}
    solved = seen_from(rig, bone_map, solution, np.eye(4), fixed)
    return replace(
        solved,
        rotations={root: quat.make_continuous(quat.from_matrix(basis[:, :3, :3]))} | solved.rotations,
        locations=solved.locations | {root: basis[:, :3, 3]},
    )


def root_matrices(rig: Rig, matrix_world: np.ndarray, root: str, along: np.ndarray) -> np.ndarray:
    """Where ``root`` stands (K, 4, 4), armature space, when it has gone along ``along`` (K, 4, 4), world."""
    standing = np.asarray(rig.standing.by_name[root].matrix, dtype=np.float64)
    at_rest = rig.matrix_world @ fk.strip_scale(standing)
    return np.linalg.inv(matrix_world) @ along @ at_rest
