# SPDX-License-Identifier: GPL-3.0-or-later
"""The armature as its animator has set it up: which bone is which joint, and in which pose it stands as the model does
in its T-pose.

Both are found by themselves; what the animator says instead is kept with the armature's object.
"""

from __future__ import annotations

import json
from dataclasses import replace

import bpy
import numpy as np

from ..retarget.bone_map import BoneMap, custom_map, detect_bones, with_tips
from ..retarget.pose import RootMotion
from ..retarget.rig import BoneRest, Rig
from ..shared.errors import RetargetError
from .read_rig import read_rig


def read_character(armature: bpy.types.Object, scene: bpy.types.Scene | None = None) -> tuple[Rig, BoneMap]:
    """The armature as plain data and its bone map, with a tip wherever a limb's end has no bone. Raises RetargetError
    when it is no human or its map is broken."""
    rest = read_rig(armature, scene)
    joints = chosen_joints(armature)
    found = custom_map(rest.bones, joints) if joints else detect_bones(rest.bones)
    bones, found = with_tips(rest.bones, found)
    rest = replace(rest, bones=bones)
    settings = _settings(armature)
    return with_t_pose(rest, settings.t_pose if settings else ""), found


def chosen_joints(armature: bpy.types.Object) -> dict[str, str]:
    """Joint -> bone as the animator has chosen; empty while the add-on is to find them."""
    settings = _settings(armature)
    return {row.name: row.bone for row in settings.bones if row.bone} if settings else {}


def limb_controls(armature: bpy.types.Object) -> str:
    """Which controls of arms and legs are keyed and play: "FK", "BOTH" or "IK"."""
    settings = _settings(armature)
    return settings.limbs if settings else "BOTH"


def root_motion(armature: bpy.types.Object) -> RootMotion:
    """What carries the motion: the hips, a root bone or the object."""
    settings = _settings(armature)
    return RootMotion(settings.carrier, settings.root_bone, settings.in_place) if settings else RootMotion()


def _settings(armature: bpy.types.Object) -> bpy.types.PropertyGroup | None:
    """What was set for the armature; None where the add-on is used as a library, unregistered."""
    return getattr(armature, "gaitway_rig", None)


def pose_as_text(armature: bpy.types.Object, found: BoneMap) -> str:
    """Where the mapped bones of ``armature`` stand now: text that :func:`with_t_pose` reads."""
    bpy.context.view_layer.update()
    names = [name for name in (*found.bones.values(), *found.between) if name in armature.pose.bones]
    matrices = {name: np.array(armature.pose.bones[name].matrix, dtype=np.float64) for name in names}
    return json.dumps({name: np.round(matrix[:3], 7).ravel().tolist() for name, matrix in matrices.items()})


def with_t_pose(rest: Rig, text: str) -> Rig:
    """``rest``, standing in its T-pose as ``text`` says; bones that it does not name stand as they rest."""
    if not text:
        return rest
    try:
        rows = {name: np.array(values, dtype=np.float64).reshape(3, 4) for name, values in json.loads(text).items()}
    except (ValueError, AttributeError) as error:
        raise RetargetError(
            "The custom T-pose of this armature cannot be read.",
            "Under Bones, click Use Rest Pose, or set the T-pose again.",
        ) from error
    bones = [_standing(bone, rows[bone.name]) if bone.name in rows else bone for bone in rest.bones]
    return replace(rest, t_pose=replace(rest, bones=bones))


def _standing(bone: BoneRest, rows: np.ndarray) -> BoneRest:
    matrix = np.eye(4)
    matrix[:3] = rows
    length = np.linalg.norm(np.subtract(bone.tail, bone.head))
    along = rows[:, 1] / np.linalg.norm(rows[:, 1])
    return replace(bone, matrix=matrix, head=tuple(rows[:, 3]), tail=tuple(rows[:, 3] + length * along))
