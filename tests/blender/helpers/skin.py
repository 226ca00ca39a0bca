# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a character: its meshes as Blender evaluates them, bound to its bones or parented to them; and the
points of it that stand on the ground.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import bpy
import numpy as np

SIDES = ("left", "right")


def meshes_of(armature: bpy.types.Object) -> list[bpy.types.Object]:
    """Meshes that are visible and move with the armature's bones."""
    return [
        member
        for member in bpy.context.view_layer.objects
        if member.type == "MESH"
        and member.visible_get()
        and (_is_bound(member, armature) or _hangs_on(member, armature))
    ]


def _is_bound(member: bpy.types.Object, armature: bpy.types.Object) -> bool:
    return any(modifier.type == "ARMATURE" and modifier.object == armature for modifier in member.modifiers)


def _hangs_on(member: bpy.types.Object, armature: bpy.types.Object) -> str:
    """The bone that carries the object, or an object above it; "" where none does."""
    above: bpy.types.Object | None = member
    while above is not None:
        if above.parent == armature and above.parent_type == "BONE":
            return above.parent_bone
        above = above.parent
    return ""


def vertices(members: Iterable[bpy.types.Object]) -> np.ndarray:
    """World points (V, 3) of all vertices, evaluated now."""
    graph = bpy.context.evaluated_depsgraph_get()
    found = []
    for member in members:
        final = member.evaluated_get(graph)
        points = np.empty(3 * len(final.data.vertices), np.float32)
        final.data.vertices.foreach_get("co", points)
        world = np.array(final.matrix_world)
        found.append(points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])
    return np.concatenate(found) if found else np.zeros((0, 3))


def triangles(members: Iterable[bpy.types.Object]) -> np.ndarray:
    """Corners (F, 3) of the triangles, numbers of :func:`vertices`."""
    graph = bpy.context.evaluated_depsgraph_get()
    found, first = [np.zeros((0, 3), np.int64)], 0
    for member in members:
        mesh = member.evaluated_get(graph).data
        corners = np.empty(3 * len(mesh.loop_triangles), np.int32)
        mesh.loop_triangles.foreach_get("vertices", corners)
        found.append(corners.reshape(-1, 3).astype(np.int64) + first)
        first += len(mesh.vertices)
    return np.concatenate(found)


def held_by(members: Iterable[bpy.types.Object], armature: bpy.types.Object, bones: set[str]) -> np.ndarray:
    """Whether (V,) more than half of a vertex's hold is that of ``bones``."""
    graph = bpy.context.evaluated_depsgraph_get()
    found = []
    for member in members:
        mesh = member.evaluated_get(graph).data
        if not _is_bound(member, armature):
            found.append(np.full(len(mesh.vertices), _hangs_on(member, armature) in bones))
            continue
        deforming = {group.index: group.name for group in member.vertex_groups if group.name in armature.data.bones}
        held = np.zeros(len(mesh.vertices), bool)
        for vertex in mesh.vertices:
            weights = [(deforming[g.group], g.weight) for g in vertex.groups if g.group in deforming]
            held[vertex.index] = sum(w for bone, w in weights if bone in bones) > 0.5 * sum(w for _, w in weights) > 0
        found.append(held)
    return np.concatenate(found) if found else np.zeros(0, bool)


@dataclass(eq=False)
class Soles:
    """What of a character stands on the ground, a side each: vertices of the mesh that its foot bones hold; where no
    mesh is, points on the ground under ankle and toe, as they stand now, that the foot bones carry.
    """

    armature: bpy.types.Object
    members: list[bpy.types.Object]
    masks: dict[str, np.ndarray]
    feet: dict[str, list[str]]
    carried: dict[str, list[tuple[str, np.ndarray]]]

    @classmethod
    def of(cls, armature: bpy.types.Object, joints: dict[str, str]) -> Soles:
        """The soles of ``armature``; ``joints``: joint -> bone."""
        members = meshes_of(armature)
        masks = {}
        for side in SIDES:
            ankle = armature.data.bones[joints[f"{side}_ankle"]]
            family = {ankle.name, *(bone.name for bone in ankle.children_recursive)}
            masks[side] = held_by(members, armature, family)
        feet = {
            side: [joints[joint] for joint in (f"{side}_ankle", f"{side}_foot") if joint in joints] for side in SIDES
        }
        return cls(armature, members, masks, feet, {})

    def stand_on(self, ground: float) -> None:
        """Where no mesh tells, the points of ``ground`` under the feet as they stand now are their soles."""
        for side, bones in self.feet.items():
            self.carried[side] = []
            for bone in bones:
                matrix = np.array(self.armature.matrix_world @ self.armature.pose.bones[bone].matrix)
                point = np.array([*matrix[:2, 3], ground, 1.0])
                self.carried[side].append((bone, np.linalg.inv(matrix) @ point))

    @property
    def of_mesh(self) -> bool:
        """Whether both feet have vertices of their own."""
        return all(self.masks[side].any() for side in SIDES)

    def lowest(self) -> dict[str, float]:
        """Height of the lowest point of each foot in the world, now."""
        if self.of_mesh:
            points = vertices(self.members)
            return {side: float(points[self.masks[side], 2].min()) for side in SIDES}
        final = self.armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        heights = {}
        for side in SIDES:
            worlds = [
                np.array(final.matrix_world @ final.pose.bones[bone].matrix) @ at for bone, at in self.carried[side]
            ]
            heights[side] = float(min(world[2] for world in worlds))
        return heights
