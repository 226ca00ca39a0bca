# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's obstacles -> the solids that the engine keeps joints out of."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .. import offscreen
from ..character import CharacterBody
from ..lookup import object_by_uid
from ..shared import quat, space
from ..shared.errors import BadControl
from ..shared.skeleton import SKELETON
from ..shared.solids import Solid, enclosing_solid, is_stretched
from . import facing

if TYPE_CHECKING:
    from ..shared.control import ControlSignal
    from ..shared.protocol import Obstacle

SOLID_TYPES = ("MESH", "CURVE", "SURFACE", "FONT", "META")
TOUCHING_M = 0.005
"""Depth that is not reported."""
MAX_POINTS = 20000
"""Of a finer mesh so many are enough, with its outermost ones."""
TO_BLENDER = np.array([np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0])
"""The rotation of the model's axes into Blender's, a quaternion."""
CUBE_CORNERS = np.array([(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])


def can_be_obstacle(target: bpy.types.Object) -> bool:
    """Whether the object has an inside, or is an empty that can stand for one."""
    return target.type == "EMPTY" or target.type in SOLID_TYPES


def read_obstacles(scene: bpy.types.Scene, body: CharacterBody) -> Generator[None, None, tuple[Solid, ...]]:
    """The enabled obstacles of ``scene.gaitway`` at the motion's first frame, in the model's axes and metres; a
    generator that hands the thread back between two of them. Raises BadControl for what has no shape.
    """
    wanted = [
        (item.target.session_uid if item.target is not None else 0, item.shape, item.margin)
        for item in scene.gaitway.obstacles
        if item.enabled
    ]
    found = []
    for uid, shape, margin in wanted:
        solid = yield from _solid(uid, shape, scene, body)
        found.append(replace(solid, margin=margin * scene.unit_settings.scale_length / body.scale))
    return tuple(found)


def requested_obstacles(solids: Iterable[Solid]) -> tuple[Obstacle, ...]:
    """The obstacles of a request."""
    from ..shared.protocol import Obstacle

    return tuple(
        Obstacle(
            solid.kind,
            centre=tuple(solid.centre.tolist()),
            size=tuple(solid.size.tolist()),
            rotation=tuple(solid.rotation.tolist()),
            margin=float(solid.margin),
        )
        for solid in solids
    )


def in_world(solid: Solid, body: CharacterBody, unit_scale: float) -> Solid:
    """The solid in Blender's world, in scene units."""
    metre = body.scale / unit_scale
    centre = space.model_to_blender(solid.centre) * metre + np.array([*body.origin, body.floor])
    rotation = quat.multiply(TO_BLENDER, solid.rotation)
    return replace(solid, centre=centre, size=solid.size * metre, rotation=rotation, margin=solid.margin * metre)


def first_inside(solids: Iterable[Solid], signal: ControlSignal, tolerance: np.ndarray) -> tuple[str, str, int] | None:
    """The name of the first solid into which ``signal`` leads a joint deeper than its ``tolerance`` (T, J) allows for,
    with the joint and the model frame; None without one. A path of the hips is left out but for its ends: the engine
    bends it around obstacles.
    """
    from ..shared.solids import penetration

    checked = signal.hint_mask.copy()
    hips = np.array(SKELETON.indices("pelvis", *facing.HIPS))
    on_path = np.pad(checked[:, hips[0]], 1)
    checked[np.ix_(np.flatnonzero(on_path[:-2] & on_path[2:]), hips)] = False
    frames, joints = np.nonzero(checked)
    for solid in solids:
        depth, _ = penetration(solid, signal.hint[frames, joints])
        inside = np.flatnonzero(depth - tolerance[frames, joints] > TOUCHING_M)
        if len(inside):
            return solid.name, SKELETON.names[joints[inside[0]]], int(frames[inside[0]])
    return None


def depths(solids: Iterable[Solid], points: np.ndarray) -> np.ndarray:
    """How deep in metres ``points`` (..., 3) are in the deepest of the ``solids`` themselves, without their margins; 0
    outside.
    """
    from ..shared.solids import penetration

    inside = (penetration(replace(solid, margin=0.0), points)[0] for solid in solids)
    return np.max([np.zeros(points.shape[:-1]), *inside], axis=0)


def _solid(uid: int, shape: str, scene: bpy.types.Scene, body: CharacterBody) -> Generator[None, None, Solid]:
    target = object_by_uid(uid)
    if target is None or target.name not in scene.objects:
        raise BadControl("An obstacle has no object in this scene.", "Remove it, or choose an object for it.")
    # All that is read of the object itself, before the thread is handed back: it may be deleted meanwhile.
    name, outline, matrix = target.name, _outline(target), np.array(target.matrix_world)
    is_ball = target.type == "EMPTY" and target.empty_display_type == "SPHERE"
    if offscreen.may_move(target):
        matrix = (yield from offscreen.world_matrices(target, [scene.gaitway.start_frame]))[0]
    yield
    points = body.to_model(outline @ matrix[:3, :3].T + matrix[:3, 3], scene.unit_settings.scale_length)
    axes = space.blender_to_model(_axes(matrix[:3, :3]).T).T
    if shape == "AUTO":
        shape = "BOX" if not is_ball else "CAPSULE" if is_stretched(points, axes) else "SPHERE"
    return replace(enclosing_solid(shape.lower(), points, axes), name=name)


def _outline(target: bpy.types.Object) -> np.ndarray:
    """Points (P, 3) of what the object looks like, in its own axes."""
    if target.type == "EMPTY":
        unit = _ball() if target.empty_display_type == "SPHERE" else CUBE_CORNERS
        return unit * target.empty_display_size
    points = np.empty(0, np.float32)
    if target.type in SOLID_TYPES:
        evaluated = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
        mesh = evaluated.to_mesh()
        if mesh is not None:
            points = np.empty(3 * len(mesh.vertices), np.float32)
            mesh.vertices.foreach_get("co", points)
        evaluated.to_mesh_clear()
    if len(points) == 0:
        raise BadControl(
            f"'{target.name}' has no geometry to avoid.",
            "Remove it from the obstacles, or choose an empty or a mesh.",
        )
    points = points.reshape(-1, 3)
    some = np.arange(0, len(points), max(len(points) // MAX_POINTS, 1))
    return points[np.concatenate([points.argmin(0), points.argmax(0), some])].astype(np.float64)


def _ball() -> np.ndarray:
    """Points (P, 3) of a ball's surface, its six poles among them."""
    azimuth, elevation = np.meshgrid(
        np.linspace(0, 2 * np.pi, 16, endpoint=False), np.linspace(-np.pi / 2, np.pi / 2, 9)
    )
    level = np.cos(elevation)
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], -1).reshape(-1, 3)


def _axes(matrix: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) that is nearest to a matrix with scales, mirrors and shear."""
    left, _, right = np.linalg.svd(matrix)
    rotation = left @ right
    return rotation if np.linalg.det(rotation) > 0 else -rotation
