# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the scene after a motion was made, read as an animator would see it: by the playhead and the
F-curves.
"""

from __future__ import annotations

import bpy
import numpy as np

from blender_addon import compat
from blender_addon.app.generation import GENERATION

from . import scenes


def hips_errors(armature: bpy.types.Object, joint: str = "pelvis") -> np.ndarray:
    """Distances in metres between the evaluated hips and a path walked at an even speed, read in the scene by its
    playhead; over the ground for a path on the ground.
    """
    captured = GENERATION.captured
    (track,) = [track for track in captured.tracks if track.joint == joint]
    places = [scenes.evaluated(armature, frame, captured.body.bones[joint]) for frame in track.frames]
    apart = np.array(places) - track.points
    if track.on_ground:
        apart[:, 2] = 0.0  # a path on the floor says nothing of the hips' height
    return np.linalg.norm(apart, axis=-1) * captured.unit_scale


def keyed_bones(armature: bpy.types.Object) -> set[str]:
    """The bones with F-curves in the Action that is played."""
    bag = compat.played_bag(armature)
    return {curve.data_path.split('"')[1] for curve in bag.fcurves if curve.data_path.startswith("pose.bones")}


def state_of_scene(armature: bpy.types.Object) -> tuple[object, ...]:
    """Everything that an undo must bring back: what is played, the pose, all objects' places, the Actions, the
    playhead.
    """
    bpy.context.view_layer.update()
    poses = tuple(
        tuple(bone.matrix_basis[row][column] for row in range(4) for column in range(4)) for bone in armature.pose.bones
    )
    action = armature.animation_data.action.name if armature.animation_data and armature.animation_data.action else ""
    objects = tuple(sorted((member.name, tuple(map(tuple, member.matrix_world))) for member in bpy.data.objects))
    return (
        action,
        poses,
        objects,
        sorted(a.name for a in bpy.data.actions),
        len(bpy.data.scenes),
        bpy.context.scene.frame_current,
    )


def everything() -> dict[str, object]:
    """All that a motion could have changed in the file, to the key: the number of data-blocks of each kind, every
    F-curve of every Action, what each object plays, every pose, the history of takes.
    """
    bpy.context.view_layer.update()
    blocks = {
        name: len(getattr(bpy.data, name))
        for name, prop in bpy.data.bl_rna.properties.items()
        if prop.type == "COLLECTION" and name not in ("screens", "window_managers", "workspaces")
    }
    return {
        "blocks": blocks,
        "actions": {action.name: _curves(action) for action in bpy.data.actions},
        "fake": sorted(action.name for action in bpy.data.actions if action.use_fake_user),
        "played": {member.name: _played(member) for member in bpy.data.objects},
        "poses": {
            member.name: [
                tuple(np.array(bone.matrix_basis).ravel()) + tuple(bone.rotation_euler) for bone in member.pose.bones
            ]
            for member in bpy.data.objects
            if member.pose is not None
        },
        "places": {member.name: tuple(np.array(member.matrix_world).ravel()) for member in bpy.data.objects},
        "takes": [take.name for take in bpy.context.scene.gaitway.takes.items],
        "frame": bpy.context.scene.frame_current,
    }


def _curves(action: bpy.types.Action) -> list[object]:
    return [
        (curve.data_path, curve.array_index, [(tuple(key.co), key.type, key.interpolation) for key in points])
        for bag in compat.bags(action)
        for curve in bag.fcurves
        if (points := curve.keyframe_points) is not None
    ]


def _played(member: bpy.types.Object) -> object:
    animation = member.animation_data
    if animation is None:
        return None
    action, slot = animation.action, compat.played_slot(member)
    return (action and action.name, slot and slot.identifier, [track.name for track in animation.nla_tracks])
