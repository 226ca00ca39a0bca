# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies under the mouse in a 3D viewport: objects but for the character's own, else the ground."""

from __future__ import annotations

import bpy
import numpy as np

SAME_SHARE = 0.9
"""Of a line's points, on one object, for the line to be on it."""
MAX_HITS, PASS_M = 50, 1e-3
"""Surfaces of the character that a line of sight goes through, and how far behind each it goes on."""


def own_objects(scene: bpy.types.Scene) -> frozenset[str]:
    """The names of the character's body and clothes: what it deforms or carries, which no path is drawn on."""
    character = scene.gaitway.character
    if character is None:
        return frozenset()
    carried = {other.name for other in character.children_recursive}
    deformed = {
        other.name
        for other in scene.objects
        if any(getattr(modifier, "object", None) == character for modifier in other.modifiers)
    }
    return frozenset(carried | deformed)


def nearest_surface(
    scene: bpy.types.Scene, origin: np.ndarray, direction: np.ndarray, own: frozenset[str]
) -> tuple[np.ndarray | None, str]:
    """Where a ray (3,), (3,) meets the first visible object but for those of the character's ``own``, and its name."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    start = origin
    for _ in range(MAX_HITS):
        hit, location, _normal, _face, met, _matrix = scene.ray_cast(depsgraph, start, direction)
        if not hit:
            break
        if met.name not in own:
            return np.array(location), met.name
        start = np.array(location) + PASS_M * direction
    return None, ""


def same_object(names: list[str]) -> str:
    """The object that nearly all points of a line are on; none when there are several."""
    if not names:
        return ""
    most = max(set(names), key=names.count)
    return most if names.count(most) >= SAME_SHARE * len(names) else ""


def on_ground(origin: np.ndarray, direction: np.ndarray, height: float) -> np.ndarray | None:
    """Where a ray (3,), (3,) meets the level plane at ``height``; None when it is parallel to it or points away."""
    if abs(direction[2]) < 1e-6 or (height - origin[2]) / direction[2] <= 0:
        return None
    point = origin + direction * (height - origin[2]) / direction[2]
    point[2] = height
    return point
