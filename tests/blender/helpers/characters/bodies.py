# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters whose tails, rest pose or proportions say something else than what is seen of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import radians

import bpy
import numpy as np
from mathutils import Matrix

from .. import rigs
from ..armatures import Bone, build, human, renamed, without

MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    **{
        f"{side}_{joint}": side.title() + name
        for side in ("left", "right")
        for joint, name in (
            ("hip", "UpLeg"), ("knee", "Leg"), ("ankle", "Foot"), ("foot", "ToeBase"),
            ("collar", "Shoulder"), ("shoulder", "Arm"), ("elbow", "ForeArm"), ("wrist", "Hand"),
        )
    },
}  # fmt: skip


def mixamo(points: rigs.Points | None = None, prefix: str = "mixamorig:") -> dict[str, Bone]:
    """Bones and skin of a Mixamo download on ``points``."""
    bones = human(points or rigs.t_pose())
    return renamed(bones, {joint: prefix + name for joint, name in MIXAMO.items()})


def with_tails(bones: dict[str, Bone], tails: dict[str, tuple[float, float, float]]) -> dict[str, Bone]:
    """``bones`` whose tails an importer has invented: joint without its side -> from the head to the tail."""
    found = dict(bones)
    for joint, offset in tails.items():
        for side in ("", "left_", "right_"):
            if side + joint in bones:
                bone = bones[side + joint]
                found[side + joint] = replace(bone, tail=np.asarray(bone.head, float) + offset)
    return found


def mixamo_gltf() -> bpy.types.Object:
    """Mixamo as glTF: under an armature of scale 0.01 the feet end 14 m below the floor, other tails 5 mm away."""
    short = {joint: (0, 0, 0.005) for joint in ("foot", "wrist", "head", "spine3")}
    bones = with_tails(mixamo(), {"ankle": (0.0, 0.02, -14.0)} | short)
    place = Matrix.Rotation(radians(90), 4, "X") @ Matrix.Diagonal((0.01, 0.01, 0.01, 1))
    return build("Mixamo glTF", bones, place)


def mannequin_fbx() -> bpy.types.Object:
    """A mannequin as FBX: its feet end 0.2 m under the floor, its toes point up, and no mesh is bound to it."""
    bones = with_tails(mixamo(), {"ankle": (0, 0.01, -0.29), "foot": (0, 0.0, 0.08)})
    return build("Mannequin", {joint: replace(bone, girth=0.0, box=None) for joint, bone in bones.items()})


def rest_as_posed(armature: bpy.types.Object) -> None:
    """Make the present pose of ``armature`` and its mesh the rest pose."""
    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    for body in armature.children:
        points = np.empty(3 * len(body.data.vertices), np.float32)
        body.evaluated_get(graph).data.vertices.foreach_get("co", points)
        body.data.vertices.foreach_set("co", points)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.armature_apply(selected=False)
    bpy.ops.object.mode_set(mode="OBJECT")


def turn(armature: bpy.types.Object, bone: str, axis: str, degrees: float) -> None:
    """Turn a posed bone about its head, by an axis of the armature."""
    posed = armature.pose.bones[bone]
    place = Matrix.Translation(posed.matrix.translation)
    posed.matrix = place @ Matrix.Rotation(radians(degrees), 4, axis) @ place.inverted() @ posed.matrix
    bpy.context.view_layer.update()


def mid_stride() -> bpy.types.Object:
    """A mannequin that rests in mid-stride: hips as high as in a stand, feet 26 cm over the ground."""
    armature = build("Mid-stride", mixamo(prefix=""))
    for name, degrees in (("LeftUpLeg", -47), ("RightUpLeg", 44), ("RightFoot", 15), ("LeftArm", 25), ("Spine1", 4)):
        turn(armature, name, "X", degrees)
    rest_as_posed(armature)
    armature["ground"] = 0.0
    return armature


def rests_elsewhere() -> bpy.types.Object:
    """Rests 5 m under the floor, turned around; the pose of its root bone puts it onto the floor."""
    root = Bone("Root", None, (0, 0, 0), (0, 0, 0.2))
    bones = mixamo(prefix="")
    bones = {"root": root, **bones, "pelvis": replace(bones["pelvis"], parent="Root")}
    armature = build("Rests elsewhere", bones)
    posed = armature.pose.bones["Root"]
    seen = posed.matrix.copy()
    posed.matrix = Matrix.Translation((0, 0.7, -5.2)) @ Matrix.Rotation(radians(180), 4, "Z") @ seen
    rest_as_posed(armature)
    posed.matrix = seen
    bpy.context.view_layer.update()
    return armature


def toy() -> bpy.types.Object:
    """A toy: hips nearly as wide as the legs are long, big feet of one bone, a big head, no collars."""
    points = rigs.t_pose()
    for name in points:
        height = points[name][2]
        points[name] = points[name] * (1.0, 1.0, 0.4 if height < 0.95 else 0.8) + (0, 0, 0 if height < 0.95 else -0.36)
    for side, sign in (("left", 1), ("right", -1)):
        for part in ("hip", "knee", "ankle", "foot", "toe"):
            points[f"{side}_{part}"][0] = sign * 0.15
        points[f"{side}_toe"] = points[f"{side}_ankle"] + (0, -0.2, -0.03)
    points["top"][2] += 0.3
    bones = without(human(points), "left_collar", "right_collar", "left_foot", "right_foot")
    for side, sign in (("left", 1), ("right", -1)):
        box = (np.array([sign * 0.15 - 0.09, -0.22, 0.0]), np.array([sign * 0.15 + 0.09, 0.1, 0.06]))
        bones[f"{side}_ankle"] = replace(bones[f"{side}_ankle"], box=box, box_place=None, end=points[f"{side}_toe"])
    return build("Toy", bones)


def child() -> bpy.types.Object:
    """A child of 0.9 m: short legs, a long trunk, a big head."""
    points = rigs.t_pose()
    for name in points:
        points[name] = points[name] * (1.0, 1.0, 1.0 if points[name][2] > 0.95 else 0.75)
        points[name] = 0.55 * (points[name] - (0, 0, 0.24 if points[name][2] > 0.95 else 0))
    return build("Child", mixamo(points))


def giant() -> bpy.types.Object:
    """A giant of 30 m with long arms."""
    points = {name: 17.0 * point * (1.2 if abs(point[0]) > 0.2 else 1.0, 1, 1) for name, point in rigs.t_pose().items()}
    return build("Giant", mixamo(points))


BODIES: dict[str, Callable[[], bpy.types.Object]] = {
    "Mixamo glTF": mixamo_gltf,
    "mannequin FBX": mannequin_fbx,
    "mid-stride": mid_stride,
    "rests elsewhere": rests_elsewhere,
    "toy": toy,
    "child": child,
    "giant": giant,
}
