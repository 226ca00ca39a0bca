# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes as an animator would set them up: keyed empties, drawn curves, controls in the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import bpy
import numpy as np

from blender_addon import compat

Point = Sequence[float]


def set_rate(fps: float) -> None:
    """Frames a second of the scene; 59.94 as Blender keeps it."""
    render = bpy.context.scene.render
    render.fps = round(fps + 0.49) if fps % 1 else int(fps)
    render.fps_base = render.fps / fps


def empty(name: str, keys: Mapping[int, Point], parent: bpy.types.Object | None = None) -> bpy.types.Object:
    """An empty with its location keyed, in straight lines from key to key."""
    member = bpy.data.objects.new(name, None)
    bpy.context.scene.collection.objects.link(member)
    member.parent = parent
    for frame, place in keys.items():
        member.location = place
        member.keyframe_insert("location", frame=frame)
    if keys:
        for curve in compat.played_bag(member).fcurves:
            for key in curve.keyframe_points:
                key.interpolation = "LINEAR"
    return member


def curve(
    name: str, points: Sequence[Point], kind: str = "BEZIER", parent: bpy.types.Object | None = None
) -> bpy.types.Object:
    """A curve of one spline through (or, for NURBS, along) the points."""
    data = bpy.data.curves.new(name, "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new(kind)
    if kind == "BEZIER":
        spline.bezier_points.add(len(points) - 1)
        for point, place in zip(spline.bezier_points, points, strict=True):
            point.co = place
            point.handle_left_type = point.handle_right_type = "AUTO"
    else:
        spline.points.add(len(points) - 1)
        for point, place in zip(spline.points, points, strict=True):
            point.co = (*place, 1.0)
        spline.use_endpoint_u = True
    member = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(member)
    member.parent = parent
    return member


def control(
    target: bpy.types.Object, joint: str = "pelvis", bone: str = "", **values: object
) -> bpy.types.PropertyGroup:
    """A line in the list of controls."""
    item = bpy.context.scene.gaitway.controls.add()
    item.target, item.joint, item.bone = target, joint, bone
    for name, value in values.items():
        setattr(item, name, value)
    return item


def evaluated(target: bpy.types.Object, frame: float, bone: str = "") -> np.ndarray:
    """World place (3,) of an object or of a bone's head at a frame, by moving the playhead of the scene itself."""
    scene = bpy.context.scene
    whole = int(np.floor(frame))
    scene.frame_set(whole, subframe=min(frame - whole, 0.999999))
    final = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
    matrix = final.matrix_world @ final.pose.bones[bone].matrix if bone else final.matrix_world
    return np.array(matrix.translation)
