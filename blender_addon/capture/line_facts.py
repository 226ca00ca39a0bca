# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be told of the lines of an object without evaluating anything, as panels may not: how many, how long.

The lengths are those before modifiers. P points of a line.
"""

from __future__ import annotations

import bpy
import numpy as np

from .. import offscreen
from ..shared.errors import BadControl
from .stroke import length

TOO_SHORT_M = 0.3
"""Of a body with the model's legs: a path along which nobody makes a step."""
WALKED_M = 4.0
"""A path that somebody can walk, to which a short one may be scaled."""


def num_lines(target: bpy.types.Object) -> int:
    """How many lines an object has; 1 for a mesh, whose edges would have to be followed."""
    if target.type == "CURVE":
        return len(target.data.splines)
    if target.type == "CURVES":
        return len(target.data.curves)
    members = offscreen.instanced_lines(target)
    if members:
        return num_lines(members[0])
    if target.type == "GREASEPENCIL":
        return sum(len(drawing.strokes) for drawing in _drawings(target))
    return 1


def rest_length(target: bpy.types.Object, number: int = 0) -> float:
    """Length in scene units of the line with this ``number`` from 1, or of all with 0, the object's scale included."""
    members = offscreen.instanced_lines(target)
    if members:
        return rest_length(members[0], number) * _size(target)
    if target.type == "CURVE":
        splines = target.data.splines
        lengths = [spline.calc_length() for spline in splines]
    elif target.type == "MESH":
        lengths = [_length_of_edges(target.data)]
    elif target.type == "CURVES":
        lengths = _lengths(target.data.attributes, [curve.points_length for curve in target.data.curves])
    else:
        lengths = [
            each
            for drawing in _drawings(target)
            for each in _lengths(drawing.attributes, [len(stroke.points) for stroke in drawing.strokes])
        ]
    return float(sum(lengths[number - 1 : number] if number else lengths)) * _size(target)


def line_points(target: bpy.types.Object) -> bytes:
    """The points that make the lines of an object, as bytes that change when one of them is moved."""
    if target.type == "CURVE":
        return b"".join(_spline_points(spline) for spline in target.data.splines)
    if target.type == "MESH":
        return _vector(target.data.vertices, "co").tobytes()
    owners = [target.data] if target.type == "CURVES" else _drawings(target)
    return b"".join(_vector(owner.attributes["position"].data, "vector").tobytes() for owner in owners)


def length_text(scene: bpy.types.Scene, units: float, kind: str = "LENGTH") -> str:
    """A length or, with ``kind`` "VELOCITY", a speed in scene units as the scene writes it: "2 m", "5 cm"."""
    metres = units * scene.unit_settings.scale_length
    system = scene.unit_settings.system
    return bpy.utils.units.to_string("METRIC" if system == "NONE" else system, kind, metres, precision=3)


def check_walkable(name: str, units: float, scale: float, scene: bpy.types.Scene) -> None:
    """Raise BadControl for a path of ``units`` scene units that is too short for a body of ``scale`` times the model's
    size to walk along.
    """
    metres = units * scene.unit_settings.scale_length / scale
    if metres < TOO_SHORT_M:
        factor = float(f"{WALKED_M / metres:.1g}")
        raise BadControl(
            f"'{name}' is {length_text(scene, units)} long, too short to walk along.",
            f"Scale it up (S in Object Mode), for example {factor:g} times, or draw a longer one.",
        )


def _size(target: bpy.types.Object) -> float:
    return float(sum(target.matrix_world.to_scale()) / 3)


def _length_of_edges(mesh: bpy.types.Mesh) -> float:
    edges = np.empty(2 * len(mesh.edges), np.int32)
    mesh.edges.foreach_get("vertices", edges)
    ends = _vector(mesh.vertices, "co")[edges.reshape(-1, 2)]
    return float(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=-1).sum())


def _lengths(attributes: bpy.types.bpy_prop_collection, counts: list[int]) -> list[float]:
    """Lengths of the lines that the points in ``attributes`` make, so many of them each."""
    if not counts:
        return []
    points = _vector(attributes["position"].data, "vector")
    return [length(line) for line in np.split(points, np.cumsum(counts)[:-1])]


def _vector(rows: bpy.types.bpy_prop_collection, name: str) -> np.ndarray:
    """A property of three numbers of all ``rows`` (P, 3)."""
    values = np.empty(3 * len(rows), np.float32)
    rows.foreach_get(name, values)
    return values.reshape(-1, 3)


def _spline_points(spline: bpy.types.Spline) -> bytes:
    fields = {"co": 3, "handle_left": 3, "handle_right": 3} if spline.type == "BEZIER" else {"co": 4}
    points = spline.bezier_points if spline.type == "BEZIER" else spline.points
    parts = []
    for name, width in fields.items():
        values = np.empty(len(points) * width, np.float32)
        points.foreach_get(name, values)
        parts.append(values.tobytes())
    return b"".join(parts)


def _drawings(target: bpy.types.Object) -> list:
    """What is drawn now on the layers of a grease pencil that are shown."""
    frames = [layer.current_frame() for layer in target.data.layers if not layer.hide]
    return [frame.drawing for frame in frames if frame is not None]
