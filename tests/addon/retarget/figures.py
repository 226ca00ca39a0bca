# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures as plain data, made from the model's own skeleton, posed, rolled and renamed at will."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from blender_addon.retarget.bone_map.tables.table import BoneTable
from blender_addon.retarget.rig import BoneRest, Rig
from blender_addon.shared import pose, quat
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.space import model_to_blender

J = SKELETON.index


def posed_joints(arms: float = 0, elbows: float = 0, legs: float = 0, knees: float = 0, twist: float = 0) -> np.ndarray:
    """Joints (22, 3), Blender axes, with arms lowered, elbows bent forward, legs spread and knees bent, in degrees.

    ``twist`` turns the upper arms about themselves, so that bent elbows show another plane.
    """
    local = quat.identity((1, 22))
    for side, sign in (("left", 1), ("right", -1)):
        for joint, axis, angle in (
            ("shoulder", (0, 0, -sign), arms), ("elbow", (0, -sign, 0), elbows),
            ("hip", (0, 0, sign), legs), ("knee", (1, 0, 0), knees),
        ):  # fmt: skip
            local[0, J(f"{side}_{joint}")] = quat.from_axis_angle(np.array(axis, float), np.asarray(np.radians(angle)))
        turned = quat.from_axis_angle(np.array([1.0, 0, 0]), np.asarray(np.radians(twist)))
        local[0, J(f"{side}_shoulder")] = quat.multiply(local[0, J(f"{side}_shoulder")], turned)
    return model_to_blender(pose.forward_kinematics(local, np.array([[0, 0.97, 0]]), SKELETON.offsets.astype(float))[0])


def bone(
    name: str, parent: str | None, head: np.ndarray, tail: np.ndarray, roll: float = 0.0, **flags: object
) -> BoneRest:
    """A bone with Y along it, rolled about itself."""
    y = (tail - head) / np.linalg.norm(tail - head)
    x = np.cross(y, [0.3, 0.5, 0.8])
    x /= np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([x, y, np.cross(x, y)], -1) @ quat.to_matrix(
        quat.from_axis_angle(np.array([0, 1.0, 0]), np.asarray(roll))
    )
    matrix[:3, 3] = head
    return BoneRest(name, parent, tuple(head), tuple(tail), matrix, **flags)


def human(
    joints: np.ndarray,
    rename: Callable[[str], str] = str,
    *,
    without: tuple[str, ...] = (),
    turn: np.ndarray | None = None,
    size: float = 1.0,
    rolls: np.random.Generator | None = None,
) -> list[BoneRest]:
    """Bones, parents first, whose heads are ``joints`` (22, 3); ``without`` some joints; turned (3, 3) and sized
    as a whole."""
    places = joints @ (np.eye(3) if turn is None else turn).T * size
    bones = []
    for index, name in enumerate(SKELETON.names):
        if name in without:
            continue
        parent = SKELETON.parents[index]
        while parent >= 0 and SKELETON.names[parent] in without:
            parent = SKELETON.parents[parent]
        child = SKELETON.children[index][:1]
        along = places[child[0]] - places[index] if child else places[index] - places[SKELETON.parents[index]]
        tail = places[index] + (along if child else 0.4 * along)
        roll = 0.0 if rolls is None else rolls.uniform(-np.pi, np.pi)
        bones.append(
            bone(rename(name), rename(SKELETON.names[parent]) if parent >= 0 else None, places[index], tail, roll)
        )
    return bones


def names_of(table: BoneTable) -> dict[str, str]:
    """Joint -> the first of the names that ``table`` gives it, with a spine of up to three bones."""
    names = {"pelvis": table.pelvis[0], "head": table.head[0], "neck": table.neck[0]}
    for joint, name in zip(("spine1", "spine2", "spine3"), table.spine, strict=False):
        names[joint] = name
    for place, side in enumerate(("left", "right")):
        for part in ("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot"):
            names[f"{side}_{part}"] = getattr(table, part)[0].format(side=table.sides[place][0])
    return names


def scrambled(seed: int = 3) -> Callable[[str], str]:
    """Names that mean nothing, the same for the same joint."""
    numbers = np.random.default_rng(seed).permutation(1000)
    return lambda name: f"node_{numbers[J(name)]}"


def rig_of(bones: list[BoneRest], matrix_world: np.ndarray | None = None, unit_scale: float = 1.0) -> Rig:
    return Rig("Figure", bones, np.eye(4) if matrix_world is None else matrix_world, unit_scale)
