# SPDX-License-Identifier: GPL-3.0-or-later
"""A body around any armature whose joints are known, to look at a motion: rounded limbs, one skin, weights by distance.

Lengths are shares of the body's leg, so that rigs of any size get the same figure.
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

RADII = {
    "pelvis": 0.155, "spine1": 0.145, "spine2": 0.15, "spine3": 0.165, "neck": 0.07, "head": 0.095,
    "hip": 0.105, "knee": 0.066, "ankle": 0.048, "foot": 0.045,
    "collar": 0.085, "shoulder": 0.064, "elbow": 0.049, "wrist": 0.04,
}  # fmt: skip
FINENESS = 0.018
SHARPNESS = 6
"""Power by which a bone's hold falls with the distance from it."""


def dress(
    armature: bpy.types.Object, bones: dict[str, str], parents: dict[str, str], colour: tuple[float, float, float]
) -> bpy.types.Object:
    """A skinned mannequin for ``armature``. ``bones``: joint -> bone; ``parents``: joint -> joint before it."""
    at = {joint: armature.matrix_world @ armature.data.bones[bone].head_local for joint, bone in bones.items()}
    leg = sum((at[f"left_{a}"] - at[f"left_{b}"]).length for a, b in (("hip", "knee"), ("knee", "ankle")))
    segments = _segments(at, bones, parents, leg)
    balls = bpy.data.metaballs.new("Body")
    holder = bpy.data.objects.new("Body", balls)
    bpy.context.scene.collection.objects.link(holder)
    balls.resolution = balls.render_resolution = FINENESS * leg
    balls.threshold = 0.05
    for start, end, thick, thin, _bone in segments:
        _row_of_balls(balls, start, end, thick, thin)
    bpy.context.view_layer.update()
    evaluated = holder.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = bpy.data.meshes.new_from_object(evaluated)
    bpy.data.objects.remove(holder)
    bpy.data.metaballs.remove(balls)
    mesh.transform(armature.matrix_world.inverted())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    body = bpy.data.objects.new(f"{armature.name} body", mesh)
    bpy.context.scene.collection.objects.link(body)
    body.parent = armature
    body.color = (*colour, 1.0)
    _weigh(body, armature, segments)
    body.modifiers.new("Armature", "ARMATURE").object = armature
    return body


def _segments(
    at: dict[str, Vector], bones: dict[str, str], parents: dict[str, str], leg: float
) -> list[tuple[Vector, Vector, float, float, str]]:
    """World ends, radii at both and the bone that carries each limb."""
    found = []
    for joint, parent in parents.items():
        if joint in at and parent in at:
            found.append((at[parent], at[joint], _radius(parent, leg), _radius(joint, leg), bones[parent]))
    up = Vector((0, 0, 1))
    head = at["head"] + up * 0.075 * leg
    found.append((head, head + up * 0.1 * leg, 0.115 * leg, 0.11 * leg, bones["head"]))
    for side in ("left", "right"):
        wrist = at[f"{side}_wrist"]
        along = (wrist - at[f"{side}_elbow"]).normalized() * 0.16 * leg
        found.append((wrist, wrist + along, 0.045 * leg, 0.028 * leg, bones[f"{side}_wrist"]))
        foot = at.get(f"{side}_foot", at[f"{side}_ankle"])
        ahead = foot - at[f"{side}_ankle"]
        ahead = Vector((ahead.x, ahead.y, 0)).normalized() * 0.09 * leg
        found.append((foot, foot + ahead, 0.043 * leg, 0.035 * leg, bones.get(f"{side}_foot", bones[f"{side}_ankle"])))
    return found


def _radius(joint: str, leg: float) -> float:
    return RADII[joint.removeprefix("left_").removeprefix("right_")] * leg


def _row_of_balls(balls: bpy.types.MetaBall, start: Vector, end: Vector, thick: float, thin: float) -> None:
    number = max(2, int((end - start).length / (0.4 * min(thick, thin))) + 1)
    for share in np.linspace(0, 1, number):
        ball = balls.elements.new(type="BALL")
        ball.co = start.lerp(end, float(share))
        ball.radius = (thick + (thin - thick) * float(share)) * 1.28  # the skin lies within a ball's reach
        ball.stiffness = 1.0


def _weigh(
    body: bpy.types.Object, armature: bpy.types.Object, segments: list[tuple[Vector, Vector, float, float, str]]
) -> None:
    """Each bone holds the skin by its nearness, measured in the thickness of its limb."""
    points = np.empty(3 * len(body.data.vertices), np.float32)
    body.data.vertices.foreach_get("co", points)
    world = np.array(armature.matrix_world)
    points = points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
    hold: dict[str, np.ndarray] = {}
    for start, end, thick, thin, bone in segments:
        a, b = np.array(start), np.array(end)
        along = b - a
        share = np.clip((points - a) @ along / max(float(along @ along), 1e-12), 0, 1)
        distance = np.linalg.norm(points - a - share[:, None] * along, axis=1) / (thick + (thin - thick) * share)
        strength = np.maximum(distance, 0.05) ** -SHARPNESS
        hold[bone] = np.maximum(hold.get(bone, np.zeros(len(points))), strength)
    total = sum(hold.values())
    for bone, strength in hold.items():
        group = body.vertex_groups.new(name=bone)
        share = strength / total
        for index in np.flatnonzero(share > 0.02):
            group.add([int(index)], float(share[index]), "REPLACE")
