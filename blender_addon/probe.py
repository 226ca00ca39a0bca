# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are in the world at other frames, without moving the animator's playhead or touching their objects.

A scene of its own holds empties that copy the location of what is asked for; Blender evaluates it with every parent,
constraint and driver, and none of the rest of the file. It lives only inside a call, so no undo step or file ever
holds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np

from .paths import chain

PROBE_NAME = "Gaitway probe"
CURVE_RESOLUTION = 64


def object_by_uid(uid: int) -> bpy.types.Object | None:
    """The object that had this ``session_uid``, whatever it is called now; None when it is gone.

    Undo and renaming keep the uid.
    """
    return next((candidate for candidate in bpy.data.objects if candidate.session_uid == uid), None)


_shared: list[bpy.types.Scene] = []


@contextmanager
def sharing() -> Iterator[None]:
    """Let all calls in this block use one scene: making and removing one takes 15 ms beside a rig of 700 bones."""
    if _shared:
        yield
        return
    scene = bpy.data.scenes.new(PROBE_NAME)
    _shared.append(scene)
    try:
        yield
    finally:
        _shared.clear()
        bpy.data.scenes.remove(scene)


@contextmanager
def _probe_scene() -> Iterator[bpy.types.Scene]:
    with sharing():
        (scene,) = _shared
        try:
            yield scene
        finally:
            members = list(scene.collection.objects)
            curves = [member.data for member in members if isinstance(member.data, bpy.types.Curve)]
            bpy.data.batch_remove([*members, *curves])


def may_move(target: bpy.types.Object) -> bool:
    """Whether an object may stand elsewhere at other frames: animation, drivers or constraints on it or above it."""
    above: bpy.types.Object | None = target
    while above is not None:
        if above.animation_data is not None or above.constraints or (above.parent and above.parent_type != "OBJECT"):
            return True
        above = above.parent
    return False


def set_frame(scene: bpy.types.Scene, frame: float) -> None:
    """Evaluate ``scene`` at a frame that need not be whole."""
    whole = math.floor(frame)
    scene.frame_set(whole, subframe=min(frame - whole, 0.999999))


def world_positions(target: bpy.types.Object, bones: Sequence[str], frames: Iterable[float]) -> np.ndarray:
    """World points (K, B, 3), scene units, of the heads of ``bones`` at ``frames`` (K,); of the object itself when
    there are no bones.

    Objects that are hidden or disabled are evaluated as well.
    """
    return _followed("COPY_LOCATION", target, bones, frames)[:, :, :3, 3]


def world_matrices(target: bpy.types.Object, frames: Iterable[float]) -> np.ndarray:
    """World matrices (K, 4, 4) of an object at ``frames`` (K,)."""
    return _followed("COPY_TRANSFORMS", target, [], frames)[:, 0]


def _followed(kind: str, target: bpy.types.Object, bones: Sequence[str], frames: Iterable[float]) -> np.ndarray:
    """Matrices (K, B, 4, 4) of empties that a constraint of this kind puts onto the bones, or onto the object."""
    frames = list(frames)
    with _probe_scene() as scene:
        probes = []
        for bone in bones or [""]:
            probe = bpy.data.objects.new(PROBE_NAME, None)
            scene.collection.objects.link(probe)
            constraint = probe.constraints.new(kind)
            constraint.target = target
            constraint.subtarget = bone
            probes.append(probe)
        matrices = np.empty((len(frames), len(probes), 4, 4))
        for row, frame in enumerate(frames):
            set_frame(scene, float(frame))
            depsgraph = scene.view_layers[0].depsgraph
            for column, probe in enumerate(probes):
                matrices[row, column] = probe.evaluated_get(depsgraph).matrix_world
        return matrices


def followed_path(
    curve: bpy.types.Object, frames: Iterable[float], spline: int = 0, reverse: bool = False
) -> np.ndarray:
    """World points (K, 3) at ``frames`` of an object that Blender's Follow Path leads along the curve as its Evaluation
    Time says: along its first spline, or the one numbered ``spline`` from 1; with ``reverse`` from the end.
    """
    points = []
    if curve.mode == "EDIT":
        curve.update_from_editmode()  # what is being drawn or dragged is not in the curve's own data yet
    with _probe_scene() as scene:
        copy = _copy_into(scene, curve)
        splines = copy.data.splines
        for other in list(splines)[: max(spline - 1, 0)]:
            splines.remove(other)
        _bare(copy.data)
        copy.data.use_path = True
        led = bpy.data.objects.new(PROBE_NAME, None)
        scene.collection.objects.link(led)
        constraint = led.constraints.new("FOLLOW_PATH")
        constraint.target = copy
        for frame in frames:
            set_frame(scene, float(frame))
            depsgraph = scene.view_layers[0].depsgraph
            if reverse:
                data = copy.evaluated_get(depsgraph).data
                constraint.use_fixed_location = True
                constraint.offset_factor = 1.0 - data.eval_time / max(data.path_duration, 1)
                scene.view_layers[0].update()
            points.append(np.array(led.evaluated_get(depsgraph).matrix_world.translation))
    return np.array(points)


def _copy_into(scene: bpy.types.Scene, curve: bpy.types.Object) -> bpy.types.Object:
    copy = curve.copy()
    copy.data = curve.data.copy()
    scene.collection.objects.link(copy)
    copy.hide_viewport = False
    return copy


def curve_lines(curve: bpy.types.Object, frame: float) -> list[np.ndarray]:
    """World points (P, 3) of each spline of ``curve`` as it is at ``frame``: Bezier, NURBS or poly, modifiers and
    shape keys included.
    """
    if curve.mode == "EDIT":
        curve.update_from_editmode()  # what is being drawn or dragged is not in the curve's own data yet
    with _probe_scene() as scene:
        copy = _copy_into(scene, curve)
        _bare(copy.data)
        set_frame(scene, frame)
        evaluated = copy.evaluated_get(scene.view_layers[0].depsgraph)
        mesh = evaluated.to_mesh()
        if mesh is None:  # a curve without a single point
            return []
        points = np.empty(3 * len(mesh.vertices), np.float32)
        edges = np.empty(2 * len(mesh.edges), np.int32)
        mesh.vertices.foreach_get("co", points)
        mesh.edges.foreach_get("vertices", edges)
        evaluated.to_mesh_clear()
        world = np.array(evaluated.matrix_world)
    points = points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
    return [points[line] for line in chain(len(points), edges.reshape(-1, 2))]


def _bare(curve: bpy.types.Curve) -> None:
    """Leave the line alone: no tube around it, no surface inside it, and fine enough to be taken for the curve
    itself.
    """
    curve.dimensions = "3D"
    curve.bevel_mode = "ROUND"
    curve.bevel_depth = 0.0
    curve.extrude = 0.0
    curve.bevel_factor_start, curve.bevel_factor_end = 0.0, 1.0
    curve.resolution_u = CURVE_RESOLUTION
    for spline in curve.splines:
        spline.resolution_u = CURVE_RESOLUTION
