# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of an object that somebody can walk along: splines, hair curves, strokes of grease pencil, edges of a mesh,
and those of one of these in an instanced collection.

Shapes: P points of a line, V vertices, E edges.
"""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np

from ..shared.errors import BadControl
from . import scene as hidden
from .evaluate_at import temporary_objects
from .undressed import add_copy_of, has_nodes, strip

LINE_TYPES = ("CURVE", "CURVES", "GREASEPENCIL")
SHORTEST_BY_NODES, LONGEST_BY_NODES = 0.9, 2.0
"""Of a line's own length: what geometry nodes make of it is that line moved, draped over a ground; beyond, they trim it
or make something else.
"""


def is_edges_only(target: bpy.types.Object) -> bool:
    """Whether an object is a mesh of edges without a face."""
    return target.type == "MESH" and len(target.data.edges) > 0 and not len(target.data.polygons)


def has_lines(target: bpy.types.Object) -> bool:
    """Whether somebody can walk along an object: told without evaluating anything."""
    return target.type in LINE_TYPES or is_edges_only(target) or bool(instanced_lines(target))


def instanced_lines(target: bpy.types.Object) -> list[bpy.types.Object]:
    """The objects with lines in the collection that an empty shows."""
    if target.type != "EMPTY" or target.instance_type != "COLLECTION" or target.instance_collection is None:
        return []
    members = target.instance_collection.all_objects
    return [member for member in members if member.type in LINE_TYPES or is_edges_only(member)]


def path_lines(target: bpy.types.Object, frame: float) -> list[np.ndarray]:
    """World points (P, 3) of each line of ``target`` as it is at ``frame``: shape keys and what moves its points
    included, thickness and copies not. Raises BadControl for edges that branch, and more than one object in a
    collection.
    """
    if target.type == "EMPTY":
        return _instanced(target, frame)
    lines, world = _own_lines(target, max(frame, _first_drawn(target)), keep_nodes=False)
    if target.type in LINE_TYPES and has_nodes(target):
        moved, _ = _own_lines(target, frame, keep_nodes=True)
        if len(moved) == len(lines) and all(map(_is_moved, lines, moved)):
            lines = moved
    return [line @ world[:3, :3].T + world[:3, 3] for line in lines]


def _first_drawn(target: bpy.types.Object) -> float:
    """The scene frame before which nothing is drawn on the layers of a grease pencil; the smallest for others."""
    layers = target.data.layers if target.type == "GREASEPENCIL" else ()
    drawn = [key.frame_number for layer in layers if not layer.hide for key in layer.frames if len(key.drawing.strokes)]
    return float(min(drawn, default=-np.inf))


def _is_moved(line: np.ndarray, moved: np.ndarray) -> bool:
    before, after = (np.linalg.norm(np.diff(each, axis=0), axis=-1).sum() for each in (line, moved))
    return bool(SHORTEST_BY_NODES * before <= after <= LONGEST_BY_NODES * before)


def _instanced(target: bpy.types.Object, frame: float) -> list[np.ndarray]:
    """The lines of the one object with some in the collection that an empty shows, where it shows them."""
    members = instanced_lines(target)
    if len(members) != 1:
        raise BadControl(
            f"'{target.name}' shows {len(members)} curves; a path is one.",
            "Make the instances real (Object, Apply, Make Instances Real) and choose one of them.",
        )
    with temporary_objects() as uid:
        follower = bpy.data.objects.new(hidden.SCENE_NAME, None)
        scene = hidden.scene_of(uid)
        scene.collection.objects.link(follower)
        follower.constraints.new("COPY_TRANSFORMS").target = target
        hidden.set_frame(scene, frame)
        shown = np.array(follower.evaluated_get(scene.view_layers[0].depsgraph).matrix_world)
    offset = np.array(target.instance_collection.instance_offset)
    return [(line - offset) @ shown[:3, :3].T + shown[:3, 3] for line in path_lines(members[0], frame)]


def _own_lines(target: bpy.types.Object, frame: float, keep_nodes: bool) -> tuple[list[np.ndarray], np.ndarray]:
    """The lines of an object, each (P, 3) in its own space, and its world matrix (4, 4)."""
    with temporary_objects() as uid:
        copy, scene = add_copy_of(uid, target), hidden.scene_of(uid)
        strip(copy, keep_nodes)
        has_mesh = target.type == "MESH" or (target.type == "CURVE" and not keep_nodes)
        read = copy if has_mesh else _reader_of(uid, copy)
        try:
            hidden.set_frame(scene, frame)
            depsgraph = scene.view_layers[0].depsgraph
            world = np.array(copy.evaluated_get(depsgraph).matrix_world)
            points, edges = _vertices_and_edges(read.evaluated_get(depsgraph))
        finally:
            if not has_mesh:
                bpy.data.node_groups.remove(read.modifiers[0].node_group)
    if target.type == "MESH":
        return [points[line] for line in chains(len(points), edges, target.name)], world
    return [points[line] for line in join_edges(len(points), edges)], world


def _vertices_and_edges(evaluated: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """The vertices (V, 3) and edges (E, 2) of what an object is evaluated to."""
    mesh = evaluated.to_mesh()
    if mesh is None:  # a curve without a single point
        return np.empty((0, 3)), np.empty((0, 2), np.int32)
    points = np.empty(3 * len(mesh.vertices), np.float32)
    edges = np.empty(2 * len(mesh.edges), np.int32)
    mesh.vertices.foreach_get("co", points)
    mesh.edges.foreach_get("vertices", edges)
    evaluated.to_mesh_clear()
    return points.reshape(-1, 3).astype(np.float64), edges.reshape(-1, 2)


def _reader_of(uid: int, source: bpy.types.Object) -> bpy.types.Object:
    """An object in the hidden scene that geometry nodes make the edges of, in its own space, of the curves and strokes
    that ``source`` is evaluated to: hair and grease pencil have no mesh, and what nodes made of a curve may be two.
    """
    group = bpy.data.node_groups.new(hidden.SCENE_NAME, "GeometryNodeTree")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    nodes = [
        group.nodes.new(kind)
        for kind in (
            "GeometryNodeObjectInfo",
            "GeometryNodeSeparateComponents",
            "GeometryNodeGreasePencilToCurves",
            "GeometryNodeJoinGeometry",
            "GeometryNodeRealizeInstances",
            "GeometryNodeCurveToMesh",
            "NodeGroupOutput",
        )
    ]
    info, parts, strokes, joined, *rest = nodes
    info.inputs["Object"].default_value = source
    group.links.new(info.outputs["Geometry"], parts.inputs[0])
    group.links.new(parts.outputs["Grease Pencil"], strokes.inputs[0])
    for geometry in (strokes.outputs[0], parts.outputs["Curve"]):
        group.links.new(geometry, joined.inputs[0])
    for before, after in zip((joined, *rest), rest, strict=False):
        group.links.new(before.outputs[0], after.inputs[0])
    reader = bpy.data.objects.new(hidden.SCENE_NAME, bpy.data.meshes.new(hidden.SCENE_NAME))
    hidden.scene_of(uid).collection.objects.link(reader)
    reader.modifiers.new("Lines", "NODES").node_group = group
    return reader


# ---- edges to lines


def join_edges(num_vertices: int, edges: np.ndarray) -> list[np.ndarray]:
    """The lines that ``edges`` (E, 2) string together where their vertices stand in order, each as its vertices; a
    closed line ends where it began.
    """
    low, high = np.sort(edges, axis=1).T if len(edges) else np.empty((2, 0), int)
    follows = np.zeros(num_vertices, bool)  # whether a vertex is linked with the one before
    follows[high[high == low + 1]] = True
    closing = dict(zip(high[high != low + 1].tolist(), low[high != low + 1].tolist(), strict=True))
    lines = np.split(np.arange(num_vertices), np.flatnonzero(~follows)[1:])
    return [np.append(line, line[0]) if closing.get(int(line[-1])) == line[0] else line for line in lines if len(line)]


def chains(num_vertices: int, edges: np.ndarray, name: str) -> list[np.ndarray]:
    """The same for the edges of a mesh, whose vertices stand in any order; loose vertices are left out. A line begins
    at its end with the lower number. Raises BadControl, with the object's ``name``, where more than two edges meet.
    """
    degrees = np.bincount(edges.ravel(), minlength=num_vertices)
    if len(edges) and degrees.max() > 2:
        raise BadControl(
            f"The edges of '{name}' branch: {degrees.max()} of them meet at one vertex.",
            "A path is one line: delete the other edges, or copy the line into an object of its own "
            "(Separate, P in Edit Mode).",
        )
    neighbours: list[list[int]] = [[] for _ in range(num_vertices)]
    for a, b in edges.tolist():
        neighbours[a].append(b)
        neighbours[b].append(a)
    seen = np.zeros(num_vertices, bool)
    starts = [*np.flatnonzero(degrees == 1).tolist(), *np.flatnonzero(degrees == 2).tolist()]
    lines = [np.array(list(_walk(start, neighbours, seen))) for start in starts if not seen[start]]
    return sorted(lines, key=lambda line: int(line.min()))


def _walk(start: int, neighbours: list[list[int]], seen: np.ndarray) -> Iterator[int]:
    """The vertices from ``start`` on, and ``start`` again where they come back to it."""
    before, here = -1, start
    while not seen[here]:
        seen[here] = True
        yield here
        onward = [other for other in sorted(neighbours[here]) if other != before]
        if not onward:
            return
        before, here = here, onward[0]
    if here == start:
        yield here
