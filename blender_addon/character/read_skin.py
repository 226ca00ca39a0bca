# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh at a character's feet: which of its points hang on which foot bone. Reads only."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import bpy
import numpy as np

from ..retarget.bone_map import BoneMap
from ..retarget.pose import alignment
from ..retarget.rig import Rig
from ..shared import quat

NEAR_RATIO = 1.3  # of the leg's length: farther from both ankles a vertex is no foot's
ABOVE_RATIO = 0.25  # the same, above an ankle: what is higher is no sole, however a foot rests
MAX_VERTICES = 2000  # of a mesh whose weights are read, for reading them is slow
SAME_PLACE_RATIO = 0.03  # of the leg's length between a joint and a deform bone of its own
NUM_DIRECTIONS = 160  # in which the outermost points are kept
CACHE_SIZE = 16

Skin = dict[str, np.ndarray]
_CACHE: dict[tuple[object, ...], Skin] = {}


def read_skin(armature: bpy.types.Object, rest: Rig, bone_map: BoneMap) -> Skin:
    """Points (N, 3) of the meshes bound to ``armature`` at its feet and toes, by mapped bone, in the bone's axes at
    rest: those that lie outermost."""
    meshes = list(_bound_meshes(armature))
    carriers = _carriers(rest, bone_map) if meshes else {}
    found: dict[str, list[np.ndarray]] = {}
    for mesh in meshes:
        for bone, points in _read_mesh(armature, mesh, rest, bone_map, carriers).items():
            found.setdefault(bone, []).append(points)
    return {bone: _outermost(np.concatenate(parts)) for bone, parts in found.items()}


def _carriers(rest: Rig, bone_map: BoneMap) -> dict[str, str]:
    """Bone that may carry skin of a foot -> the mapped bone that it moves with.

    These are ankle and toe bones with all below them, and on a control rig, whose mesh hangs on bones beside its
    controls, bones that begin where these do.
    """
    near = SAME_PLACE_RATIO * alignment.leg_length(rest, bone_map)
    mapped, found = set(bone_map.bones.values()), {}
    heads = np.array([bone.head for bone in rest.bones], dtype=np.float64)
    for side in ("left", "right"):
        ends = [bone_map[f"{side}_{part}"] for part in ("foot", "ankle") if f"{side}_{part}" in bone_map]
        gaps = np.linalg.norm(heads[:, None] - np.array([rest.by_name[end].head for end in ends]), axis=-1)
        above: dict[str, str] = {}  # bone -> the end that it hangs on; parents come before their children
        for bone, nearest in zip(rest.bones, gaps, strict=True):
            carrier = bone.name if bone.name in ends else above.get(bone.parent or "")
            if carrier is not None:
                above[bone.name] = carrier
            elif bone.name not in mapped and nearest.min() < near:
                carrier = ends[int(nearest.argmin())]
            if carrier is not None and not bone.is_tip:
                found[bone.name] = carrier
    return found


def _bound_meshes(armature: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """Meshes that an armature modifier binds to ``armature`` or that one of its bones carries."""
    for mesh in bpy.data.objects:
        if mesh.type == "MESH" and (_carrying_bone(mesh, armature) or _is_bound(mesh, armature)):
            yield mesh


def _is_bound(mesh: bpy.types.Object, armature: bpy.types.Object) -> bool:
    by_parent = mesh.parent == armature and mesh.parent_type == "ARMATURE"
    return by_parent or any(modifier.type == "ARMATURE" and modifier.object == armature for modifier in mesh.modifiers)


def _carrying_bone(mesh: bpy.types.Object, armature: bpy.types.Object) -> str:
    """The bone of ``armature`` that carries ``mesh``, or an object above it; empty where none does."""
    above: bpy.types.Object | None = mesh
    while above is not None and above.parent is not None:
        if above.parent == armature and above.parent_type == "BONE":
            return above.parent_bone
        above = above.parent
    return ""


def _read_mesh(
    armature: bpy.types.Object, mesh: bpy.types.Object, rest: Rig, bone_map: BoneMap, carriers: dict[str, str]
) -> Skin:
    """Mapped bone -> points of ``mesh`` in its axes."""
    carrying = "" if _is_bound(mesh, armature) else _carrying_bone(mesh, armature)
    if carrying and carrying not in carriers:
        return {}
    coordinates = np.empty(3 * len(mesh.data.vertices), np.float32)
    mesh.data.vertices.foreach_get("co", coordinates)
    place = np.linalg.inv(np.array(armature.matrix_world, dtype=np.float64)) @ np.array(
        mesh.matrix_world, dtype=np.float64
    )
    if carrying:
        posed = np.array(armature.pose.bones[carrying].matrix, dtype=np.float64)
        place = np.asarray(rest.by_name[carrying].matrix) @ np.linalg.inv(posed) @ place
    key = (
        armature.session_uid,
        mesh.session_uid,
        tuple(group.name for group in mesh.vertex_groups),
        tuple(sorted(carriers.items())),
        zlib.crc32(coordinates.tobytes()),
        zlib.crc32(place.round(6).tobytes()),
    )
    if key not in _CACHE:
        if len(_CACHE) >= CACHE_SIZE:
            _CACHE.clear()
        points = coordinates.reshape(-1, 3).astype(np.float64) @ place[:3, :3].T + place[:3, 3]
        if carrying:
            weighted = {carriers[carrying]: points}
        else:
            weighted = _by_weight(mesh, points, _candidates(points, rest, bone_map), set(rest.by_name), carriers)
        _CACHE[key] = {bone: _in_axes_of(rest, bone, _outermost(part)) for bone, part in weighted.items()}
    return _CACHE[key]


def _candidates(points: np.ndarray, rest: Rig, bone_map: BoneMap) -> np.ndarray:
    """The rows (N,) of ``points`` whose weights are to be read: near the feet, and of a dense mesh the lowest of each
    cell of a grid."""
    figure = alignment.figure_rotation(rest, bone_map)
    ankles = np.array([alignment.head(rest, bone_map[f"{side}_ankle"]) for side in ("left", "right")])
    leg = alignment.leg_length(rest, bone_map)
    up = quat.rotate(quat.conjugate(figure), np.array([0.0, 0.0, 1.0]))
    near = np.zeros(len(points), bool)
    for ankle in ankles:
        offsets = points - ankle
        near |= (np.abs(offsets).max(1) < NEAR_RATIO * leg) & (offsets @ up < ABOVE_RATIO * leg)
    rows = np.flatnonzero(near)
    if len(rows) <= MAX_VERTICES:
        return rows
    seen = quat.rotate(figure, points[rows] - ankles.mean(0))
    cell = np.sqrt(np.prod(np.ptp(seen[:, :2], axis=0)) / MAX_VERTICES)
    cells = np.round(seen[:, :2] / cell).astype(int)
    order = np.lexsort((seen[:, 2], cells[:, 1], cells[:, 0]))
    first = np.any(np.diff(cells[order], axis=0, prepend=cells[order][:1] - 1) != 0, axis=1)
    return rows[order[first]]


def _by_weight(
    mesh: bpy.types.Object, points: np.ndarray, rows: np.ndarray, bones: set[str], carriers: dict[str, str]
) -> Skin:
    """Mapped bone -> those of ``points`` in ``rows`` that hang on it more than on any other of ``bones``."""
    groups = {group.index: carriers.get(group.name, "") for group in mesh.vertex_groups if group.name in bones}
    if not any(groups.values()):
        return {}
    found: dict[str, list[int]] = {}
    vertices = mesh.data.vertices
    for row in rows.tolist():
        weights: dict[str, float] = {}
        for link in vertices[row].groups:
            bone = groups.get(link.group)
            if bone is None:
                continue
            weights[bone] = weights.get(bone, 0.0) + link.weight
        strongest = max(weights, key=weights.__getitem__, default="")
        if strongest:
            found.setdefault(strongest, []).append(row)
    return {bone: points[members] for bone, members in found.items()}


def _in_axes_of(rest: Rig, bone: str, points: np.ndarray) -> np.ndarray:
    matrix = np.linalg.inv(np.asarray(rest.by_name[bone].matrix, dtype=np.float64))
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _outermost(points: np.ndarray) -> np.ndarray:
    """Those of ``points`` (N, 3) that lie outermost in one of many directions (Fibonacci's spiral on the sphere)."""
    steps = np.arange(NUM_DIRECTIONS) + 0.5
    height, turn = 1 - 2 * steps / NUM_DIRECTIONS, np.pi * (1 + 5**0.5) * steps
    across = np.sqrt(1 - height**2)
    directions = np.stack([across * np.cos(turn), across * np.sin(turn), height], -1)
    return points[np.unique((points @ directions.T).argmax(0))]
