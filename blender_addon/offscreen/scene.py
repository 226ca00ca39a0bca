# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene of its own where things are evaluated at other frames, out of sight, over many ticks: nothing else of the
file is evaluated with them, and the animator's scene, rig and playhead are not touched.

It is known by its session uid, for an undo may take it away between two ticks, and goes with all in it when the work
that needs it ends, however it ends.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Matrix

from ..lookup import scene_by_uid
from ..shared.errors import RetargetError

NAME = "Gaitway stage"
SHARE = 0.006
"""Seconds for which frames are evaluated before the thread is handed back; a frame of a heavy rig takes longer."""


_in_use: set[int] = set()


@contextmanager
def opened() -> Iterator[int]:
    """The uid of a new stage, which is removed with its objects and their data at the end."""
    uid = bpy.data.scenes.new(NAME).session_uid
    _in_use.add(uid)
    try:
        yield uid
    finally:
        _in_use.discard(uid)
        if is_there(uid):
            _strike(scene_of(uid))


def sweep() -> None:
    """Remove stages that nobody works on: an undo step that was pushed over somebody's work brings its stage back."""
    for scene in [scene for scene in bpy.data.scenes if scene.name.startswith(NAME)]:
        if scene.session_uid not in _in_use and len(bpy.data.scenes) > 1:
            _strike(scene)


def _strike(scene: bpy.types.Scene) -> None:
    remove(*scene.collection.objects, scene)


def remove(*gone: bpy.types.Object | bpy.types.Scene) -> None:
    """Delete objects of a stage, or it itself, with their data; all at once, for after every deletion Blender builds
    its graphs anew.
    """
    data = [member.data for member in gone if getattr(member, "data", None) is not None]
    bpy.data.batch_remove([*gone, *data])


def is_there(uid: int) -> bool:
    """Whether the stage is still there: an undo may have taken it away."""
    return scene_by_uid(uid) is not None


def scene_of(uid: int) -> bpy.types.Scene:
    """The stage's scene. Raises RetargetError when it is gone."""
    scene = scene_by_uid(uid)
    if scene is None:
        raise RetargetError(
            "An undo came in between, while controls were being read or keys were being set.",
            "Generate again; the same seed gives the same motion.",
        )
    return scene


def set_frame(scene: bpy.types.Scene, frame: float) -> None:
    """Evaluate ``scene`` at a frame that need not be whole."""
    whole = math.floor(frame)
    scene.frame_set(whole, subframe=min(frame - whole, 0.999999))


def copy_of(uid: int) -> bpy.types.Object:
    """The character's copy on the stage."""
    return next(member for member in scene_of(uid).collection.objects if member.type == "ARMATURE")


def bring_copy(uid: int, armature: bpy.types.Object) -> bpy.types.Object:
    """A copy of ``armature`` on the stage, which plays what it plays; its constraints and drivers look at the copy
    where they looked at the rig."""
    copy = armature.copy()
    copy.name = NAME
    copy.data = armature.data.copy()
    scene_of(uid).collection.objects.link(copy)
    copy.hide_viewport = copy.hide_render = False
    for bone in copy.pose.bones:
        bone.custom_shape = None  # Blender would evaluate the shapes as well, which takes as long as the bones
        for constraint in bone.constraints:
            for owner in (constraint, *getattr(constraint, "targets", ())):
                for prop in ("target", "pole_target"):
                    if getattr(owner, prop, None) == armature:
                        setattr(owner, prop, copy)
    for owner in (copy, copy.data):
        drivers = owner.animation_data.drivers if owner.animation_data else ()
        for variable in (variable for driver in drivers for variable in driver.driver.variables):
            for target in variable.targets:
                if target.id == armature:
                    target.id = copy
                elif target.id == armature.data and target.id_type == "ARMATURE":
                    target.id = copy.data
    return copy


def bring_bare_copy(uid: int, armature: bpy.types.Object) -> bpy.types.Object:
    """The same at the world's origin, carried by nothing and playing nothing."""
    copy = bring_copy(uid, armature)
    if copy.animation_data is not None:
        copy.animation_data.action = None
        for track in list(copy.animation_data.nla_tracks):
            copy.animation_data.nla_tracks.remove(track)
    copy.constraints.clear()
    copy.parent = None
    copy.matrix_world = Matrix()
    return copy


def heads(
    armature: Callable[[], bpy.types.Object], bones: Sequence[str], frames: np.ndarray
) -> Generator[None, None, np.ndarray]:
    """World points (K, B, 3), scene units, of the heads of ``bones`` at scene ``frames`` (K,), a few frames a tick.

    ``armature`` tells the character, and is asked again in every tick, for it raises when the character is gone.
    """
    with opened() as uid:
        bring_copy(uid, armature())
        yield
        return (yield from watch(uid, armature, bones, frames))[:, : len(bones)]


def watch(
    uid: int, armature: Callable[[], bpy.types.Object], bones: Sequence[str], frames: np.ndarray
) -> Generator[None, None, np.ndarray]:
    """World heads and tails (K, 2 B, 3) of ``bones`` of the copy of ``armature`` that is on the stage already."""
    points = np.empty((len(frames), 2 * len(bones), 3))
    done = 0
    while done < len(frames):
        armature()
        began, scene, copy = time.perf_counter(), scene_of(uid), copy_of(uid)
        while done < len(frames) and time.perf_counter() - began < SHARE:
            set_frame(scene, float(frames[done]))
            final = copy.evaluated_get(scene.view_layers[0].depsgraph)
            world, pose = np.array(final.matrix_world), final.pose.bones
            ends = [pose[bone].head for bone in bones] + [pose[bone].tail for bone in bones]
            points[done] = np.array(ends, dtype=np.float64).reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
            done += 1
        yield
    return points
