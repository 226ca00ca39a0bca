# SPDX-License-Identifier: GPL-3.0-or-later
"""The armature as its animator has set it up: which bone is which joint, and in which pose it stands.

Both are found by themselves; what the animator says instead is kept with the armature's object.
"""

from __future__ import annotations

import json
from dataclasses import replace

import bpy
import numpy as np

from ..retarget.bone_map import BoneMap, custom_map, detect_bones, with_tips
from ..retarget.pose import RootMotion
from ..retarget.rig import Rig
from ..shared.errors import RetargetError
from .read_rig import read_rig
from .read_skin import read_skin
from .standing_pose import animated_bones, evaluated, find_standing, with_matrices


def read_character(armature: bpy.types.Object, scene: bpy.types.Scene | None = None) -> tuple[Rig, BoneMap]:
    """The armature as plain data and its bone map, with a tip wherever a limb's end has no bone. Raises RetargetError
    when it is no human or its map is broken."""
    rest = read_rig(armature, scene)
    joints = chosen_joints(armature)
    found = custom_map(rest.bones, joints) if joints else detect_bones(rest.bones)
    bones, found = with_tips(rest.bones, found)
    rest = replace(rest, bones=bones)
    rest = replace(rest, skin=read_skin(armature, rest, found))
    return replace(rest, standing_pose=_standing(armature, rest, found)), found


def _standing(armature: bpy.types.Object, rest: Rig, found: BoneMap) -> Rig | None:
    """``rest`` in the pose in which it stands, None for itself."""
    settings = _settings(armature)
    if settings is None or settings.standing == "AUTO":
        is_animated = bool(animated_bones(armature) & found.posed_bones)
        if settings is None or not (is_animated and settings.is_standing_known):
            return find_standing(armature, rest, found)
    return pose_from_text(rest, settings.standing_pose) if settings.standing != "REST" else None


def remember_standing(armature: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Keep where ``armature`` stands: while it plays a motion its pose does not tell.

    Raises RetargetError as :func:`read_character`.
    """
    settings = _settings(armature)
    if settings is None or settings.standing != "AUTO" or armature.library is not None:
        return
    rest, _ = read_character(armature, scene)
    settings.standing_pose = pose_as_text(rest.standing_pose) if rest.standing_pose is not None else ""
    settings.is_standing_known = True


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


def keep_current_pose(armature: bpy.types.Object) -> None:
    """Let ``armature`` stand as its pose is now. Raises RetargetError when it is no human."""
    rest = read_character(armature)[0]
    settings = armature.gaitway_rig
    settings.standing_pose, settings.standing = pose_as_text(evaluated(armature, rest)), "POSE"


def pose_as_text(rig: Rig) -> str:
    """Where the bones of ``rig`` are: text that :func:`pose_from_text` reads."""
    return json.dumps({bone.name: np.round(bone.matrix[:3], 7).ravel().tolist() for bone in rig.bones})


def pose_from_text(rest: Rig, text: str) -> Rig | None:
    """``rest`` with its bones where ``text`` says, and what it does not name along with its parent; None for none."""
    if not text:
        return None
    try:
        rows = {name: np.array(values, dtype=np.float64).reshape(3, 4) for name, values in json.loads(text).items()}
    except (ValueError, AttributeError) as error:
        raise RetargetError(
            "The pose in which this armature stands cannot be read.",
            "Under Bones, choose Automatic as its standing pose, or set it again.",
        ) from error
    return with_matrices(rest, {name: np.vstack([row, (0.0, 0.0, 0.0, 1.0)]) for name, row in rows.items()})
