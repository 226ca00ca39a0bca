# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender evaluates copies at other frames, out of sight. Whoever needs a position at another frame asks here."""

from .evaluate_at import (
    EMPTY_NAME,
    curve_lines,
    followed_path,
    may_move,
    shared_scene,
    world_matrices,
    world_positions,
)
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
    "SCENE_NAME",
    "SLICE_S",
    "add_static_copy",
    "armature_copy",
    "curve_lines",
    "followed_path",
    "may_move",
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
