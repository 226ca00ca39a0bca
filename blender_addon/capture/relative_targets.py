# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls that keep a joint at an offset from another one: what they ask for, and the offset of the current pose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Vector

from ..character import CharacterBody, setup
from ..retarget.pose import facing
from ..retarget.proportions import RigRelativeTarget
from ..shared import quat, space
from ..shared.errors import BadControl, BadRequest
from ..shared.skeleton import joint_label
from .kinds import ControlKind, check_control, kind_of
from .timing import scene_fps
from .tracks import Track

if TYPE_CHECKING:
    from ..shared.protocol import RelativeTarget


def read_relative_targets(scene: bpy.types.Scene, tracks: Iterable[Track]) -> tuple[RigRelativeTarget, ...]:
    """What the enabled controls of ``scene.gaitway`` ask for relative to other joints. Raises BadControl for a joint
    that follows itself, or two things at once, ``tracks`` included.
    """
    found: list[RigRelativeTarget] = []
    for control in scene.gaitway.controls:
        if control.enabled and kind_of(control) is ControlKind.RELATIVE:
            target = _read(control)
            _check_alone(target, found, tracks)
            found.append(target)
    return tuple(found)


def _read(control: bpy.types.PropertyGroup) -> RigRelativeTarget:
    joint, other = control.joint, control.relative_to
    if joint == other:
        raise BadControl(
            f"The {joint_label(joint)} is set to follow itself.", "Choose another joint under Joint or Relative To."
        )
    if control.frame_end <= control.frame_start:
        raise BadControl(
            f"The {joint_label(joint)} is set to follow the {joint_label(other)} from frame {control.frame_start} to "
            f"{control.frame_end}.",
            "Set the end later than the start.",
        )
    return RigRelativeTarget(joint, other, np.array(control.offset), control.frame_start, control.frame_end)


def _check_alone(target: RigRelativeTarget, others: Iterable[RigRelativeTarget], tracks: Iterable[Track]) -> None:
    for other in others:
        if other.joint == target.joint and other.first <= target.last and target.first <= other.last:
            raise BadControl(
                f"The {joint_label(target.joint)} is set to follow two joints at frame "
                f"{max(other.first, target.first):g}.",
                "Give each its own frames, or disable one of them.",
            )
    for track in tracks:
        shared = track.frames[(track.frames >= target.first) & (track.frames <= target.last)]
        if track.joint == target.joint and len(shared):
            raise BadControl(
                f"At frame {shared[0]:g} the {joint_label(target.joint)} is set to follow both {track.label} and the "
                f"{joint_label(target.to_joint)}.",
                "Give each its own frames, or disable one of them.",
            )


def requested_targets(
    targets: Iterable[RigRelativeTarget], body: CharacterBody, num_frames: int, scene: bpy.types.Scene
) -> tuple[RelativeTarget, ...]:
    """The ``targets`` in the model's frames and metres; those that begin after the motion's end are left out."""
    from ..shared.protocol import RelativeTarget

    found = []
    for target in targets:
        first, last = (
            space.scene_to_model_frame(frame, scene.gaitway.start_frame, scene_fps(scene))
            for frame in (target.first, target.last)
        )
        start, end = max(int(np.ceil(first - 1e-6)), 0), min(int(np.floor(last + 1e-6)), num_frames - 1)
        offset = space.blender_to_model(target.offset, scene.unit_settings.scale_length) / body.scale
        if start <= end:
            vector = (float(offset[0]), float(offset[1]), float(offset[2]))
            found.append(RelativeTarget(target.joint, target.to_joint, vector, start, end + 1 - start))
    return tuple(found)


def offset_now(control: bpy.types.PropertyGroup) -> np.ndarray:
    """The offset (3,), as :class:`RigRelativeTarget` has it, from the other joint of the scene's character in its
    current pose to the control's object or bone, or without one to the joint itself.

    Raises BadRequest, BadControl or RetargetError when there is no such joint, object or bone.
    """
    scene = control.id_data
    armature = scene.gaitway.character
    if armature is None:
        raise BadRequest("No character is chosen.", "Choose an armature under Character.")
    if control.target is not None:
        check_control(control, scene)
    rest, bones = setup.read_character(armature, scene)
    graph = bpy.context.evaluated_depsgraph_get()
    for joint in (control.relative_to, *([control.joint] if control.target is None else [])):
        if joint not in bones:
            raise BadRequest(
                f"No bone of '{armature.name}' is set as the {joint_label(joint)}.",
                "Choose another joint, or set its bone under Bones.",
            )

    def position(owner: bpy.types.Object, bone: str = "", point: Sequence[float] = (0.0, 0.0, 0.0)) -> np.ndarray:
        posed = owner.evaluated_get(graph)
        matrix = posed.matrix_world @ posed.pose.bones[bone].matrix if bone else posed.matrix_world
        return np.array(matrix @ Vector(point))

    def of_joint(joint: str) -> np.ndarray:
        bone = bones[joint]
        point = rest.point_of_tip(bone) if rest.by_name[bone].is_tip else (0.0, 0.0, 0.0)
        return position(armature, rest.carrier(bone), point)

    there = of_joint(control.joint) if control.target is None else position(control.target, control.bone)
    yaw = facing(of_joint("left_hip"), of_joint("right_hip"))
    apart = space.blender_to_model(there - of_joint(control.relative_to))
    return space.model_to_blender(quat.rotate(quat.from_yaw(np.asarray(-yaw)), apart))
