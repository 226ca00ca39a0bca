# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender evaluates copies at other frames, out of sight. Whoever needs a position at another frame asks here."""

from .evaluate_at import (
    EMPTY_NAME,
    followed_path,
    may_move,
    shared_scene,
    world_matrices,
    world_positions,
)
from .lines import LINE_TYPES, has_lines, instanced_lines, is_edges_only, path_lines
from .scene import (
    SCENE_NAME,
    SLICE_S,
    add_static_copy,
    armature_copy,
    remove_orphans,
    scene_of,
    set_frame,
    temporary_scene,
    world_ends,
    world_points,
)

__all__ = [
    "EMPTY_NAME",
    "LINE_TYPES",
    "SCENE_NAME",
    "SLICE_S",
    "add_static_copy",
    "armature_copy",
    "followed_path",
    "has_lines",
    "instanced_lines",
    "is_edges_only",
    "may_move",
    "path_lines",
    "remove_orphans",
    "scene_of",
    "set_frame",
    "shared_scene",
    "temporary_scene",
    "world_ends",
    "world_matrices",
    "world_points",
    "world_positions",
]
