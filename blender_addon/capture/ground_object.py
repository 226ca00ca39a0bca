# SPDX-License-Identifier: GPL-3.0-or-later
"""An object of the scene that a path leads over: its faces, and whether the path is on them.

Shapes: K points of a track, M triangles.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import bpy
import numpy as np

from ..character import CharacterBody
from ..shared.errors import BadControl
from ..shared.ground_mesh import ground_of_mesh
from ..shared.skeleton import SKELETON

COARSE_CELL_M = 0.1
ON_IT_LEGS = 0.4
"""Leg lengths over the ground, below which the middle of a path is on it."""


def lies_on_object(
    target: bpy.types.Object, points: np.ndarray, body: CharacterBody, scene: bpy.types.Scene
) -> Generator[None, None, bool]:
    """Whether a path through ``points`` (K, 3), world, is on ``target``, not at the height of hips above it."""
    triangles = yield from ground_triangles(target, body, scene)
    x, y, z = body.to_model(points + _to_soles(body), scene.unit_settings.scale_length).T
    try:
        under = ground_of_mesh(triangles, np.stack([x, z], -1), y, cell=COARSE_CELL_M).under
    except BadControl:
        return True  # and said so when the ground is read
    return bool(np.median(y - under) < ON_IT_LEGS * SKELETON.leg_length)


def ground_triangles(
    target: bpy.types.Object, body: CharacterBody, scene: bpy.types.Scene
) -> Generator[None, None, np.ndarray]:
    """Triangles (M, 3, 3) of an object and of all parented to it, as they are now, in the model's axes and metres."""
    names = [other.name for other in _family(target) if other.type != "EMPTY" and other.type != "ARMATURE"]
    parts = []
    for name in names:
        member = scene.objects.get(name)
        if member is not None:
            parts.append(_world_triangles(member))
        yield
    if not sum(map(len, parts)):
        raise BadControl(f"The ground '{target.name}' has no faces.", "Choose a mesh under Ground, or none.")
    return body.to_model(np.concatenate(parts) + _to_soles(body), scene.unit_settings.scale_length)


def _to_soles(body: CharacterBody) -> np.ndarray:
    """(3,): from a point on the ground to the one that the model's floor is put at."""
    return np.array([0.0, 0.0, body.floor - body.ground])


def _family(target: bpy.types.Object) -> Iterator[bpy.types.Object]:
    yield target
    yield from target.children_recursive


def _world_triangles(member: bpy.types.Object) -> np.ndarray:
    evaluated = member.evaluated_get(bpy.context.evaluated_depsgraph_get())
    try:
        mesh = evaluated.to_mesh()
    except RuntimeError:
        return np.empty((0, 3, 3))
    try:
        mesh.calc_loop_triangles()
        vertices = np.empty(len(mesh.vertices) * 3, np.float32)
        corners = np.empty(len(mesh.loop_triangles) * 3, np.int32)
        mesh.vertices.foreach_get("co", vertices)
        mesh.loop_triangles.foreach_get("vertices", corners)
    finally:
        evaluated.to_mesh_clear()
    matrix = np.array(evaluated.matrix_world)
    world = vertices.reshape(-1, 3).astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    if np.linalg.det(matrix[:3, :3]) < 0:
        corners = corners.reshape(-1, 3)[:, ::-1]
    return world[corners.reshape(-1, 3)]
