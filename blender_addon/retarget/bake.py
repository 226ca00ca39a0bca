# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs whose controls hang on constraints and drivers: let Blender itself say where the controls' parents come to be.

A copy of the rig stands at the origin of a scene of its own, out of sight; every control copies the place of a guide,
an empty, which is set frame by frame. The animator's rig, scene and playhead are not touched. A few frames a tick; the
scene and all in it go when the work ends, however it ends.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Matrix

from ..shared.errors import RetargetError
from . import guide
from .rest import Rig
from .solve import Solution

NAME = "Gaitway bake"
SHARE = 0.015
"""Seconds of a tick that are used before the main thread is handed back."""


def bake(armature: bpy.types.Object, rig: Rig, wanted: guide.Targets, carrier: str) -> Generator[None, None, Solution]:
    """What to key on ``armature``, which ``rig`` was read from, for its controls to be where ``wanted`` says.

    Raises RetargetError when an undo or another file took the copy away meanwhile.
    """
    needed = guide.parents_of(rig, dict.fromkeys((*wanted.turned, *wanted.moved)))
    num_frames = len(next(iter(wanted.places.values())))
    found = np.empty((num_frames, len(needed), 4, 4))
    with _stage() as uid:
        _stage_copy(_scene(uid), armature, wanted)
        yield
        _scene(uid).view_layers[0].update()  # builds Blender's graph of the rig, the longest piece of all
        yield
        frame = 0
        while frame < num_frames:
            began, scene = time.perf_counter(), _scene(uid)
            copy, guides = _members(scene, wanted)
            while frame < num_frames and time.perf_counter() - began < SHARE:
                for name, empty in guides.items():
                    empty.matrix_world = Matrix(wanted.places[name][frame])
                scene.view_layers[0].update()
                bones = copy.evaluated_get(scene.view_layers[0].depsgraph).pose.bones
                for column, name in enumerate(needed):
                    found[frame, column] = bones[name].matrix
                frame += 1
            yield
    return guide.keys(rig, wanted, carrier, {name: found[:, column] for column, name in enumerate(needed)})


@contextmanager
def _stage() -> Iterator[int]:
    """A scene of its own by its session uid; removed with its objects and their data."""
    uid = bpy.data.scenes.new(NAME).session_uid
    try:
        yield uid
    finally:
        scene = next((scene for scene in bpy.data.scenes if scene.session_uid == uid), None)
        if scene is not None:
            members = list(scene.collection.objects)
            data = [member.data for member in members if member.data is not None]
            bpy.data.batch_remove([*members, *data, scene])


def _scene(uid: int) -> bpy.types.Scene:
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == uid), None)
    if scene is None:
        raise RetargetError(
            "An undo took away what the motion was being put onto the rig with.",
            "Generate again; the same seed gives the same motion.",
        )
    return scene


def _stage_copy(scene: bpy.types.Scene, armature: bpy.types.Object, wanted: guide.Targets) -> None:
    """A copy of ``armature`` at the origin, its controls led by one guide each."""
    copy = armature.copy()
    copy.name = NAME
    copy.data = armature.data.copy()
    scene.collection.objects.link(copy)
    if copy.animation_data is not None:
        copy.animation_data.action = None
        for track in list(copy.animation_data.nla_tracks):
            copy.animation_data.nla_tracks.remove(track)
    copy.constraints.clear()
    copy.parent = None
    copy.matrix_world = Matrix()
    _point_to_itself(copy, armature)
    for bone in copy.pose.bones:
        bone.custom_shape = None  # Blender would evaluate the shapes as well, which takes as long as the bones
    for (name, prop), value in wanted.properties.items():
        present = copy.pose.bones[name][prop]
        copy.pose.bones[name][prop] = type(present)(value)
    for name in dict.fromkeys((*wanted.turned, *wanted.moved)):
        empty = bpy.data.objects.new(f"{NAME} {name}", None)
        empty[NAME] = name
        scene.collection.objects.link(empty)
        kinds = (("COPY_ROTATION", wanted.turned), ("COPY_LOCATION", wanted.moved))
        for kind in (kind for kind, names in kinds if name in names):
            constraint = copy.pose.bones[name].constraints.new(kind)
            constraint.target = empty


def _point_to_itself(copy: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Let the copy's constraints and drivers look at the copy where they looked at the rig."""
    for bone in copy.pose.bones:
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


def _members(scene: bpy.types.Scene, wanted: guide.Targets) -> tuple[bpy.types.Object, dict[str, bpy.types.Object]]:
    """The copy, and the guides by the bone that they lead."""
    copy = next(member for member in scene.collection.objects if member.type == "ARMATURE")
    guides = {member[NAME]: member for member in scene.collection.objects if NAME in member}
    return copy, {name: guides[name] for name in dict.fromkeys((*wanted.turned, *wanted.moved))}
