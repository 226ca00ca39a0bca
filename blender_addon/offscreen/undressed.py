# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of an object in a hidden scene without what it is dressed in: the way along a curve is the curve itself.

What moves its points (hooks, shape keys, lattices, a curve it is bent along) stays. What is put around it, beside it or
in its place goes: bevels, arrays, mirrors, skins.
"""

from __future__ import annotations

import bpy

from . import scene as hidden

CURVE_RESOLUTION = 64  # points between two of a curve's own
MAX_POINTS = 1 << 15  # of a curve; one with many of its own is smooth enough with fewer between them
MAX_NURBS_POINTS = 1024
"""Blender takes seconds for a spline with ten times as many, which is as good as the line through them."""
DEFORMING = frozenset(
    (
        *("ARMATURE", "CAST", "CORRECTIVE_SMOOTH", "CURVE", "DISPLACE", "HOOK", "LAPLACIANDEFORM", "LAPLACIANSMOOTH"),
        *("LATTICE", "MESH_DEFORM", "SHRINKWRAP", "SIMPLE_DEFORM", "SMOOTH", "SURFACE_DEFORM", "WARP", "WAVE"),
        *("CLOTH", "SOFT_BODY", "MESH_CACHE", "MESH_SEQUENCE_CACHE", "SUBSURF", "MULTIRES"),
        *("GREASE_PENCIL_ARMATURE", "GREASE_PENCIL_HOOK", "GREASE_PENCIL_LATTICE", "GREASE_PENCIL_NOISE"),
        *("GREASE_PENCIL_OFFSET", "GREASE_PENCIL_SHRINKWRAP", "GREASE_PENCIL_SMOOTH"),
    )
)
"""Modifiers that move the points of a line, or smooth it."""


def add_copy_of(uid: int, target: bpy.types.Object) -> bpy.types.Object:
    """A copy of ``target``, with its own data, in the hidden scene with this uid."""
    if target.mode == "EDIT":
        target.update_from_editmode()  # what is being drawn or dragged is not in the object's own data yet
    copy = target.copy()
    copy.data = target.data.copy()
    hidden.scene_of(uid).collection.objects.link(copy)
    copy.hide_viewport = False
    return copy


def strip(copy: bpy.types.Object, keep_nodes: bool = False) -> None:
    """Reduce a copy to its line, with the geometry nodes if told: they may move its points, too."""
    for modifier in list(copy.modifiers):
        if modifier.type not in DEFORMING and not (keep_nodes and modifier.type == "NODES"):
            copy.modifiers.remove(modifier)
    if copy.type == "CURVE":
        strip_bevel(copy.data)


def has_nodes(target: bpy.types.Object) -> bool:
    """Whether geometry nodes make something of an object, as the viewport shows it."""
    return any(modifier.type == "NODES" and modifier.show_viewport for modifier in target.modifiers)


def strip_bevel(curve: bpy.types.Curve) -> None:
    """Reduce the curve to its line: no tube around it, no surface inside it, and fine enough to be taken for the curve
    itself.
    """
    curve.dimensions = "3D"
    curve.bevel_mode = "ROUND"
    curve.bevel_depth = curve.extrude = curve.offset = 0.0
    curve.bevel_factor_start, curve.bevel_factor_end = 0.0, 1.0
    own = sum(max(len(spline.points), len(spline.bezier_points)) for spline in curve.splines)
    curve.resolution_u = min(max(MAX_POINTS // max(own, 1), 1), CURVE_RESOLUTION)
    for spline in curve.splines:
        if spline.type == "NURBS" and len(spline.points) > MAX_NURBS_POINTS:
            spline.type = "POLY"
        spline.resolution_u = curve.resolution_u
