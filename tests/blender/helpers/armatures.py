# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures, with a body bound to them, from tables of bones. Needs bpy and numpy only.

A table is a dict of ``Bone`` by any keys, parents first; what a character is otherwise (other names, parents, tails,
lengths) is made with ``dataclasses.replace``, so a test says only what its character is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import bpy
import numpy as np
from mathutils import Matrix, Vector

from blender_addon.shared.skeleton import SKELETON

Point = tuple[float, float, float] | np.ndarray

# Half the thickness of a box around a limb from the joint, metres, for a figure of 1.75 m.
GIRTHS = {
    "pelvis": 0.13, "spine1": 0.12, "spine2": 0.125, "spine3": 0.13, "neck": 0.05, "head": 0.09,
    "hip": 0.07, "knee": 0.055, "ankle": 0.045, "foot": 0.04,
    "collar": 0.05, "shoulder": 0.05, "elbow": 0.04, "wrist": 0.035,
}  # fmt: skip
JOINTS = "joints"
"""Custom property of an armature that says which bone is which joint."""
HEEL_M, BALL_M, TIP_M = 0.06, 0.02, 0.01
"""How far the heel lies behind the ankle, and ball and tip of the foot over the sole, on a figure of 1.75 m."""


@dataclass(frozen=True)
class Bone:
    """A bone in world space, metres (or any unit), Blender's axes.

    ``end`` is where the limb ends, ``tail`` what the bone says of it (the end by default); ``girth``: half the
    thickness of the box of mesh around head to end (none if 0); ``box``: that box itself, its low and its high corner,
    and ``box_place`` what turns and moves it from there.
    """

    name: str
    parent: str | None
    head: Point
    end: Point
    tail: Point | None = None
    roll: float = 0.0
    connected: bool = False
    deform: bool = True
    girth: float = 0.0
    box: tuple[Point, Point] | None = None
    box_place: Matrix | None = None


def build(name: str, bones: Mapping[str, Bone] | Iterable[Bone], place: Matrix | None = None) -> bpy.types.Object:
    """An armature object in the scene, and its mesh where bones have one. ``place``: its object's matrix; bones come to
    stand where the table says under it. A table whose keys are the model's joints is remembered by :func:`true_joints`.
    """
    joints = {key: bone.name for key, bone in bones.items()} if isinstance(bones, Mapping) else {}
    bones = list(bones.values() if isinstance(bones, Mapping) else bones)
    data = bpy.data.armatures.new(name)
    armature = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(armature)
    place = place or Matrix()
    armature.matrix_world = place
    inverse = place.inverted()
    before = bpy.context.view_layer.objects.active
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for row in bones:
        bone = data.edit_bones.new(row.name)
        bone.head = inverse @ Vector(row.head)
        bone.tail = inverse @ Vector(row.end if row.tail is None else row.tail)
        bone.parent = data.edit_bones[row.parent] if row.parent else None
        bone.use_connect, bone.use_deform, bone.roll = row.connected, row.deform, row.roll
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.objects.active = before
    _bind_boxes(armature, bones)
    tell_joints(armature, joints)
    bpy.context.view_layer.update()
    return armature


def tell_joints(armature: bpy.types.Object, joints: Mapping[str, str]) -> None:
    """Remember which bone is which joint, as its maker knows; keys that are no joints of the model are left out."""
    armature[JOINTS] = {joint: bone for joint, bone in joints.items() if joint in SKELETON.names}


def true_joints(armature: bpy.types.Object) -> dict[str, str]:
    """Joint -> bone as the armature's maker told; empty where it is not known."""
    return dict(armature.get(JOINTS, {}))


def _bind_boxes(armature: bpy.types.Object, bones: list[Bone]) -> None:
    """One mesh of a box a bone, each bound to its bone alone."""
    boxed = [(row, _corners(row)) for row in bones if row.girth or row.box]
    if not boxed:
        return
    mesh = bpy.data.meshes.new(f"{armature.name} body")
    sides = np.array([(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    faces = [tuple(side + 8 * number) for number in range(len(boxed)) for side in sides]
    to_local = np.array(armature.matrix_world.inverted())
    corners = np.concatenate([corners for _, corners in boxed]) @ to_local[:3, :3].T + to_local[:3, 3]
    mesh.from_pydata(corners.tolist(), [], [tuple(map(int, face)) for face in faces])
    body = bpy.data.objects.new(mesh.name, mesh)
    bpy.context.scene.collection.objects.link(body)
    body.parent = armature
    body.modifiers.new("Armature", "ARMATURE").object = armature
    for number, (row, _) in enumerate(boxed):
        body.vertex_groups.new(name=row.name).add(list(range(8 * number, 8 * number + 8)), 1.0, "REPLACE")


UNIT_BOX = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)


def _between(low: Point, high: Point, place: Matrix | None) -> np.ndarray:
    """The corners (8, 3) of the box between two corners, brought to its place."""
    matrix = np.array(place or Matrix())
    corners = np.asarray(low, float) + UNIT_BOX * (np.asarray(high, float) - np.asarray(low, float))
    return corners @ matrix[:3, :3].T + matrix[:3, 3]


def _corners(row: Bone) -> np.ndarray:
    """The corners (8, 3) of the box of a bone."""
    if row.box is not None:
        return _between(*row.box, row.box_place)
    along = np.asarray(row.end, float) - np.asarray(row.head, float)
    turn = Vector(along).to_track_quat("Y", "Z").to_matrix()
    length = float(np.linalg.norm(along))
    local = (UNIT_BOX - (0.5, 0, 0.5)) * (2 * row.girth, length, 2 * row.girth)
    return np.asarray(row.head, float) + local @ np.array(turn).T


def human(points: Mapping[str, np.ndarray], *, skin: bool = True) -> dict[str, Bone]:
    """Bones by the model's joints, named like these, from points such as ``rigs.t_pose()`` has; a body of boxes with
    ``skin``, as thick as the figure is tall.
    """
    size = float(points["top"][2] - points["left_toe"][2]) / 1.74  # the toe is 1 cm over the ground
    bones: dict[str, Bone] = {}
    for index, joint in enumerate(SKELETON.names):
        parent = SKELETON.parents[index]
        bones[joint] = Bone(
            joint, SKELETON.names[parent] if parent >= 0 else None, points[joint], points[_end_of(joint)],
            girth=size * GIRTHS[joint.removeprefix("left_").removeprefix("right_")] if skin else 0.0,
        )  # fmt: skip
    for side in ("left", "right") if skin else ():
        heel, tip, place = _foot_boxes(points, side, size)
        bones[f"{side}_ankle"] = replace(bones[f"{side}_ankle"], box=heel, box_place=place)
        bones[f"{side}_foot"] = replace(bones[f"{side}_foot"], box=tip, box_place=place)
    return bones


Box = tuple[np.ndarray, np.ndarray]


def _foot_boxes(points: Mapping[str, np.ndarray], side: str, size: float) -> tuple[Box, Box, Matrix]:
    """The boxes of heel and toes around the ankle, in axes with the sole level and the toes towards -Y, and what brings
    them to the foot, which need not be level: its tip is ``TIP_M`` over the sole, its ball ``BALL_M``.
    """
    ankle, ball, toe = (np.asarray(points[f"{side}_{joint}"], float) for joint in ("ankle", "foot", "toe"))
    along = Vector(toe - ball).normalized()
    across = along.cross(Vector((0, 0, 1))).normalized()  # a foot that is pitched, not tilted to its side
    rise = np.arcsin(min((BALL_M - TIP_M) * size / np.linalg.norm(toe - ball), 1.0))
    ahead = Matrix.Rotation(rise, 3, across) @ along
    axes = Matrix((-across, -ahead, across.cross(ahead))).transposed()
    local_ball, local_toe = (np.array(axes.transposed() @ Vector(point - ankle)) for point in (ball, toe))
    half, sole = 0.045 * size, local_toe[2] - TIP_M * size
    middle = local_ball[0]
    heel = np.array([-half, local_ball[1], sole]), np.array([half, HEEL_M * size, 0.0])
    tip = np.array([middle - half, local_toe[1], sole]), np.array([middle + half, local_ball[1], sole + 0.05 * size])
    return heel, tip, Matrix.Translation(ankle) @ axes.to_4x4()


def lowest_of_feet(points: Mapping[str, np.ndarray], size: float = 1.0) -> float:
    """Height of the lowest corner of the boxes that :func:`human` gives both feet."""
    boxes = [
        (box, place) for side in ("left", "right") for *pair, place in [_foot_boxes(points, side, size)] for box in pair
    ]
    return min(float(_between(*box, place)[:, 2].min()) for box, place in boxes)


def _end_of(joint: str) -> str:
    """The point at which the limb from ``joint`` ends."""
    middle = {
        "pelvis": "spine1",
        "spine1": "spine2",
        "spine2": "spine3",
        "spine3": "neck",
        "neck": "head",
        "head": "top",
    }
    if joint in middle:
        return middle[joint]
    side, part = joint.split("_")
    ends = {
        "hip": "knee", "knee": "ankle", "ankle": "foot", "foot": "toe",
        "collar": "shoulder", "shoulder": "elbow", "elbow": "wrist", "wrist": "hand",
    }  # fmt: skip
    return f"{side}_{ends[part]}"


def renamed(bones: Mapping[str, Bone], names: Mapping[str, str]) -> dict[str, Bone]:
    """The table with the bones of some keys called otherwise; bones parented to them follow."""
    new = {bone.name: names.get(key, bone.name) for key, bone in bones.items()}
    return {
        key: replace(bone, name=new[bone.name], parent=new.get(bone.parent, bone.parent)) for key, bone in bones.items()
    }


def without(bones: Mapping[str, Bone], *keys: str) -> dict[str, Bone]:
    """The table without some bones; their children hang on their parents, which reach as far as they did."""
    kept = dict(bones)
    for key in keys:
        gone = kept.pop(key)
        for other, bone in kept.items():
            if bone.parent == gone.name:
                kept[other] = replace(bone, parent=gone.parent)
            elif bone.name == gone.parent and np.allclose(bone.end, gone.head):
                kept[other] = replace(bone, end=gone.end)
    return kept
