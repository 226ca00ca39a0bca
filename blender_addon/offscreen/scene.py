# SPDX-License-Identifier: GPL-3.0-or-later
"""A hidden scene where things are evaluated at other frames, over many ticks: nothing else of the file is evaluated
with them, and the animator's scene, rig and playhead are not touched.

It is known by its session uid, since an undo may remove it between two ticks, and is removed with all in it when the
work that needs it ends, however it ends.
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

SCENE_NAME = "Gaitway offscreen"
FORMER_SCENE_NAME = "Gaitway stage"  # by which older versions left it behind in an autosave
SLICE_S = 0.006
"""Seconds for which frames are evaluated before the thread is handed back; a frame of a heavy rig takes longer."""

_in_use: set[int] = set()


@contextmanager
def temporary_scene() -> Iterator[int]:
    """The uid of a new hidden scene, which is removed with its objects and their data at the end."""
    uid = bpy.data.scenes.new(SCENE_NAME).session_uid
    _in_use.add(uid)
    try:
        yield uid
    finally:
        _in_use.discard(uid)
        if exists(uid):
            _remove_scene(scene_of(uid))


def remove_orphans() -> None:
    """Remove hidden scenes that are not in use: undo steps and autosaves made in the middle of
    such work bring them back."""
    for scene in [scene for scene in bpy.data.scenes if scene.name.startswith((SCENE_NAME, FORMER_SCENE_NAME))]:
        if scene.session_uid not in _in_use and len(bpy.data.scenes) > 1:
            _remove_scene(scene)


def _remove_scene(scene: bpy.types.Scene) -> None:
    remove_blocks(*scene.collection.objects, scene)


def remove_blocks(*blocks: bpy.types.Object | bpy.types.Scene) -> None:
    """Delete objects of a hidden scene, or the scene itself, with their data; all at once, since Blender rebuilds its
    dependency graphs after every deletion.
    """
    data = [member.data for member in blocks if getattr(member, "data", None) is not None]
    bpy.data.batch_remove([*blocks, *data])


def exists(uid: int) -> bool:
    """Whether the hidden scene still exists: an undo may have removed it."""
    return scene_by_uid(uid) is not None


def scene_of(uid: int) -> bpy.types.Scene:
    """The hidden scene with this uid. Raises RetargetError when it is gone."""
    scene = scene_by_uid(uid)
    if scene is None:
        raise RetargetError(
            "Undo was pressed while the controls were being read or keys were being set.",
            "Generate again; the same seed gives the same motion.",
        )
    return scene


def set_frame(scene: bpy.types.Scene, frame: float) -> None:
    """Evaluate ``scene`` at a frame that need not be whole."""
    whole = math.floor(frame)
    scene.frame_set(whole, subframe=min(frame - whole, 0.999999))


def armature_copy(uid: int) -> bpy.types.Object:
    """The character's copy in the hidden scene."""
    return next(member for member in scene_of(uid).collection.objects if member.type == "ARMATURE")


def add_copy(uid: int, armature: bpy.types.Object) -> bpy.types.Object:
    """A copy of ``armature`` in the hidden scene, which plays what it plays; its constraints and drivers refer to the
    copy where they referred to the rig."""
    copy = armature.copy()
    copy.name = SCENE_NAME
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


def add_static_copy(uid: int, armature: bpy.types.Object) -> bpy.types.Object:
    """The same at the world's origin, without parent, object constraints, Action or NLA tracks."""
    copy = add_copy(uid, armature)
    if copy.animation_data is not None:
        copy.animation_data.action = None
        for track in list(copy.animation_data.nla_tracks):
            copy.animation_data.nla_tracks.remove(track)
    copy.constraints.clear()
    copy.parent = None
    copy.matrix_world = Matrix()
    return copy


def world_points(
    armature: Callable[[], bpy.types.Object], points: Sequence[tuple[str, Sequence[float]]], frames: np.ndarray
) -> Generator[None, None, np.ndarray]:
    """World points (K, P, 3), scene units, at scene ``frames`` (K,), of ``points`` (P) in the axes of bones, 0, 0, 0
    their head; a few frames a tick.

    ``armature`` tells the character, and is asked again in every tick, for it raises when the character is gone.
    """
    in_bones = np.array([(*point, 1.0) for _, point in points])
    names = list(dict.fromkeys(bone for bone, _ in points))
    carriers = np.array([names.index(bone) for bone, _ in points])

    def read(pose: bpy.types.bpy_prop_collection) -> np.ndarray:
        matrices = np.array([pose[bone].matrix for bone in names], dtype=np.float64)
        return (matrices[carriers] @ in_bones[..., None])[:, :3, 0]

    with temporary_scene() as uid:
        add_copy(uid, armature())
        yield
        return (yield from _read_poses(uid, armature, frames, read))


def world_ends(
    uid: int, armature: Callable[[], bpy.types.Object], bones: Sequence[str], frames: np.ndarray
) -> Generator[None, None, np.ndarray]:
    """World heads and tails (K, 2 B, 3) of ``bones`` of the copy of ``armature`` that is in the hidden scene."""

    def read(pose: bpy.types.bpy_prop_collection) -> np.ndarray:
        ends = [pose[bone].head for bone in bones] + [pose[bone].tail for bone in bones]
        return np.array(ends, dtype=np.float64).reshape(-1, 3)

    return (yield from _read_poses(uid, armature, frames, read))


def _read_poses(
    uid: int,
    armature: Callable[[], bpy.types.Object],
    frames: np.ndarray,
    read: Callable[[bpy.types.bpy_prop_collection], np.ndarray],
) -> Generator[None, None, np.ndarray]:
    """World points (K, P, 3) that ``read`` tells in armature space of the copy's pose bones at each frame."""
    points: list[np.ndarray] = []
    while len(points) < len(frames):
        armature()
        began, scene, copy = time.perf_counter(), scene_of(uid), armature_copy(uid)
        while len(points) < len(frames) and time.perf_counter() - began < SLICE_S:
            set_frame(scene, float(frames[len(points)]))
            final = copy.evaluated_get(scene.view_layers[0].depsgraph)
            world = np.array(final.matrix_world)
            points.append(read(final.pose.bones) @ world[:3, :3].T + world[:3, 3])
        yield
    return np.array(points)
