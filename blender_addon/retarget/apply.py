# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a motion onto an armature: one call from the engine's joints to keyframes. Nothing but the armature's Action changes."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .. import compat
from ..shared.errors import RetargetError
from ..shared.pose import global_rotations
from ..shared.skeleton import SKELETON
from ..shared.space import model_to_blender
from . import keyframes, rig, solve
from .bone_map import BoneMap, detect
from .resample import resample, scene_frames


@dataclass(frozen=True)
class AppliedMotion:
    """What was written: the Action's name (Blender may have numbered it), the bones, the first and the last scene frame keyed."""

    action_name: str
    bones_keyed: tuple[str, ...]
    frames: tuple[int, int]


def apply_motion(
    armature: bpy.types.Object,
    joints: np.ndarray,
    *,
    scale: float,
    start_frame: float,
    scene: bpy.types.Scene,
    action_name: str,
    bone_map: BoneMap | None = None,
) -> AppliedMotion:
    """Key ``joints`` (T, 22, 3; metres, model axes) onto ``armature`` in a new Action, which it plays from now on.

    Points are multiplied by ``scale`` (:func:`.scale.rig_scale`); then the head of the hips bone follows the model's pelvis exactly in
    the world, wherever the object stands and however it is scaled or turned. Model frame 0 stands at ``start_frame``, a scene
    frame, which need not be whole. The Action played before is kept if it holds keys that were not generated.

    Raises RetargetError, and then leaves everything as it was.
    """
    joints = np.asarray(joints, dtype=np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (SKELETON.num_joints, 3) or len(joints) == 0 or not np.isfinite(joints).all():
        raise RetargetError(
            f"The motion is not one of {SKELETON.num_joints} joints with finite positions (its shape is {joints.shape}).",
            "Generate it again; if that does not help, report it.",
        )
    rest = rig.read_rig(armature, scene)
    bone_map = bone_map or detect(rest.bones)
    moved = solve.posed_chain(rest, bone_map)
    rig.check_keyable(armature, moved)
    fps = scene.render.fps / scene.render.fps_base
    frames = scene_frames(len(joints), start_frame, fps)
    pelvis = joints[:, SKELETON.index("pelvis")] * scale
    rotations, pelvis = resample(global_rotations(joints), pelvis, frames, start_frame, fps)
    pelvis = model_to_blender(pelvis, scene.unit_settings.scale_length)

    before = _played(armature)
    action, slot = compat.new_action(armature, action_name)
    try:
        compat.assign_action(armature, action, slot)
        matrices = rig.world_matrices(armature, frames, scene) if rig.is_moving(armature) else rest.matrix_world
        solution = solve.solve(rest, bone_map, rotations, pelvis, matrices)
        keyed = keyframes.write(action, slot, frames, solution, {bone.name: bone.rotation_mode for bone in rest.bones})
    except BaseException:
        _play(armature, *before)
        bpy.data.actions.remove(action)
        raise
    if before[0] is not None and before[0].users == 0 and not keyframes.is_all_generated(before[0]):
        before[0].use_fake_user = True
    armature.update_tag(refresh={"TIME", "DATA"})
    return AppliedMotion(action.name, keyed, (int(frames[0]), int(frames[-1])))


def _played(armature: bpy.types.Object) -> tuple[bpy.types.Action | None, bpy.types.ActionSlot | None]:
    animation = armature.animation_data
    return (None, None) if animation is None else (animation.action, animation.action_slot)


def _play(armature: bpy.types.Object, action: bpy.types.Action | None, slot: bpy.types.ActionSlot | None) -> None:
    """Let ``armature`` play what it played before."""
    armature.animation_data.action = action
    if action is not None:
        armature.animation_data.action_slot = slot
