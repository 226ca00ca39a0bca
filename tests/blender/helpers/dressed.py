# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves as people dress them, and what else leads somewhere: strokes, hair, edges, instances."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy
import numpy as np

from . import scenes

Point = Sequence[float]
LINE = ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (4.0, 2.0, 0.0), (6.0, 2.0, 0.0))
"""A path with two bends, 6.83 m long."""


def poly() -> bpy.types.Object:
    return scenes.curve("Path", LINE, "POLY")


# ---- thickness and copies: the way stays


def bevelled(path: bpy.types.Object) -> None:
    path.data.bevel_depth, path.data.extrude, path.data.offset = 0.2, 0.1, 0.05


def bevelled_by_a_curve(path: bpy.types.Object) -> None:
    profile, taper = scenes.curve("Profile", [(0, 0, 0), (0, 1, 0)]), scenes.curve("Taper", [(0, 1, 0), (1, 0.2, 0)])
    path.data.bevel_mode, path.data.bevel_object, path.data.taper_object = "OBJECT", profile, taper


def half_built(path: bpy.types.Object) -> None:
    path.data.bevel_depth, path.data.bevel_factor_end = 0.1, 0.4


def flat(path: bpy.types.Object) -> None:
    path.data.dimensions, path.data.fill_mode = "2D", "BOTH"


def arrayed(path: bpy.types.Object) -> None:
    path.modifiers.new("Array", "ARRAY").count = 4
    path.modifiers.new("Solidify", "SOLIDIFY").thickness = 0.3
    path.modifiers.new("Screw", "SCREW")
    path.modifiers.new("Mirror", "MIRROR")


def with_nodes(path: bpy.types.Object, kind: str) -> None:
    """Geometry nodes that make a tube of the path, put a fence of boxes along it, trim it, or raise it by 1 m."""
    group = bpy.data.node_groups.new(kind, "GeometryNodeTree")
    for end in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Geometry", in_out=end, socket_type="NodeSocketGeometry")
    new, link = group.nodes.new, group.links.new
    entry, leave = new("NodeGroupInput"), new("NodeGroupOutput")
    if kind == "tube":
        made, circle = new("GeometryNodeCurveToMesh"), new("GeometryNodeCurvePrimitiveCircle")
        link(circle.outputs[0], made.inputs["Profile Curve"])
        link(entry.outputs[0], made.inputs["Curve"])
    elif kind == "fence":
        points, box, made = (
            new("GeometryNodeCurveToPoints"),
            new("GeometryNodeMeshCube"),
            new("GeometryNodeInstanceOnPoints"),
        )
        link(entry.outputs[0], points.inputs[0])
        link(points.outputs["Points"], made.inputs["Points"])
        link(box.outputs[0], made.inputs["Instance"])
    elif kind == "trim":
        made = new("GeometryNodeTrimCurve")
        made.inputs["End"].default_value = 0.3
        link(entry.outputs[0], made.inputs[0])
    else:
        made = new("GeometryNodeSetPosition")
        made.inputs["Offset"].default_value = (0, 0, 1)
        link(entry.outputs[0], made.inputs[0])
    link(made.outputs[0], leave.inputs[0])
    path.modifiers.new(kind, "NODES").node_group = group


DRESSED: dict[str, Callable[[bpy.types.Object], None]] = {
    "bevel": bevelled,
    "bevel object and taper": bevelled_by_a_curve,
    "bevel, drawn up to 40 %": half_built,
    "two dimensions, filled": flat,
    "array, solidify, screw, mirror": arrayed,
    "a tube of nodes": lambda path: with_nodes(path, "tube"),
    "a fence of nodes": lambda path: with_nodes(path, "fence"),
    "trimmed by nodes": lambda path: with_nodes(path, "trim"),
}


# ---- what moves it: the way moves along, each by 1 m up


def hooked(path: bpy.types.Object) -> None:
    hook = path.modifiers.new("Hook", "HOOK")
    hook.object = scenes.empty("Hook", {})
    hook.vertex_indices_set(range(len(path.data.splines[0].points)))
    hook.object.location.z = 1.0


def shaped(path: bpy.types.Object) -> None:
    path.shape_key_add(name="Basis")
    key = path.shape_key_add(name="Up")
    for point in key.data:
        point.co.z += 1.0
    key.value = 1.0


def latticed(path: bpy.types.Object) -> None:
    lattice = bpy.data.objects.new("Lattice", bpy.data.lattices.new("Lattice"))
    bpy.context.scene.collection.objects.link(lattice)
    lattice.scale = (20, 20, 20)
    for point in lattice.data.points:
        point.co_deform.z += 0.05
    path.modifiers.new("Lattice", "LATTICE").object = lattice


MOVED: dict[str, Callable[[bpy.types.Object], None]] = {
    "hook": hooked,
    "shape key": shaped,
    "lattice": latticed,
    "nodes that set positions": lambda path: with_nodes(path, "raise"),
}


# ---- other lines


def hair(points: Sequence[Point] = LINE, strands: int = 1) -> bpy.types.Object:
    """Hair curves, polylines through the points, each 1 m above the one before."""
    data = bpy.data.hair_curves.new("Hair")
    data.add_curves([len(points)] * strands)
    data.set_types(type="POLY")
    above = np.array([[[*point[:2], point[2] + number] for point in points] for number in range(strands)], np.float32)
    data.position_data.foreach_set("vector", above.ravel())
    return _linked("Hair", data)


def grease_pencil(points: Sequence[Point] = LINE) -> bpy.types.Object:
    """A stroke through the points on one layer, and a hidden layer with another."""
    name = "grease_pencils_v3" if hasattr(bpy.data, "grease_pencils_v3") else "grease_pencils"
    data = getattr(bpy.data, name).new("Stroke")
    for layer, height in (("Lines", 0.0), ("Hidden", 5.0)):
        added = data.layers.new(layer)
        added.hide = bool(height)
        drawing = added.frames.new(1).drawing
        drawing.add_strokes([len(points)])
        for point, place in zip(drawing.strokes[0].points, points, strict=True):
            point.position = (*place[:2], place[2] + height)
    return _linked("Stroke", data)


def edges(points: Sequence[Point] = LINE, closed: bool = False, branch: bool = False) -> bpy.types.Object:
    """A mesh of edges, whose vertices do not stand in order; closed, or with a third edge at its second point."""
    data = bpy.data.meshes.new("Edges")
    order = [0, *range(len(points) - 1, 0, -1)]  # vertex numbers: the first point first, the rest from the end
    number = {place: at for at, place in enumerate(order)}
    pairs = [(number[at], number[at + 1]) for at in range(len(points) - 1)]
    pairs += [(number[len(points) - 1], 0)] if closed else []
    vertices = [points[place] for place in order]
    if branch:
        vertices.append((0, 5, 0))
        pairs.append((number[1], len(vertices) - 1))
    data.from_pydata(vertices, pairs, [])
    return _linked("Edges", data)


def instanced(path: bpy.types.Object, location: Point) -> bpy.types.Object:
    """An empty that shows a collection with the path, which is in no scene itself."""
    collection = bpy.data.collections.new("Ways")
    for owner in path.users_collection:
        owner.objects.unlink(path)
    collection.objects.link(path)
    shown = _linked("Shown", None)
    shown.instance_type, shown.instance_collection, shown.location = "COLLECTION", collection, location
    return shown


def _linked(name: str, data: bpy.types.ID | None) -> bpy.types.Object:
    member = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(member)
    return member
