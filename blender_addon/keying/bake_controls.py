# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs whose controls hang on constraints and drivers: let Blender itself say where the controls' parents come to be.

A copy of the rig is at the origin of a hidden scene; every control copies the transform of a guide, an empty,
which is set frame by frame, a few frames a tick. The animator's rig, scene and playhead are not touched.
"""

from __future__ import annotations

import time
from collections.abc import Generator

import bpy
import numpy as np
from mathutils import Matrix

from .. import offscreen
from ..retarget.pose import control_rig
from ..retarget.pose.solve import Solution
from ..retarget.rig import Rig

GUIDE_NAME = "Gaitway guide"


def bake_controls(
    armature: bpy.types.Object, rig: Rig, targets: control_rig.ControlTargets, location_bone: str
) -> Generator[None, None, Solution]:
    """What to key on ``armature``, which ``rig`` was read from, for its controls to be at ``targets``.

    Raises RetargetError when an undo or another file removed the copy meanwhile.
    """
    needed = control_rig.parents_of(rig, targets.bones)
    num_frames = len(next(iter(targets.matrices.values())))
    found = np.empty((num_frames, len(needed), 4, 4))
    with offscreen.temporary_scene() as uid:
        _set_up(uid, armature, targets)
        yield
        offscreen.scene_of(uid).view_layers[0].update()  # builds Blender's graph of the rig, the longest piece of all
        yield
        frame = 0
        while frame < num_frames:
            began, scene, copy = time.perf_counter(), offscreen.scene_of(uid), offscreen.armature_copy(uid)
            guides = _guides(scene, targets)
            while frame < num_frames and time.perf_counter() - began < offscreen.SLICE_S:
                for name, empty in guides.items():
                    empty.matrix_world = Matrix(targets.matrices[name][frame])
                scene.view_layers[0].update()
                bones = copy.evaluated_get(scene.view_layers[0].depsgraph).pose.bones
                for column, name in enumerate(needed):
                    found[frame, column] = bones[name].matrix
                frame += 1
            yield
    parents = {name: found[:, column] for column, name in enumerate(needed)}
    return (yield from control_rig.solve_controls(rig, targets, location_bone, parents))


def _set_up(uid: int, armature: bpy.types.Object, targets: control_rig.ControlTargets) -> None:
    """A copy of ``armature`` at the origin of the hidden scene, its controls following one guide each."""
    copy, scene = offscreen.add_static_copy(uid, armature), offscreen.scene_of(uid)
    for (name, prop), value in targets.properties.items():
        present = copy.pose.bones[name][prop]
        copy.pose.bones[name][prop] = type(present)(value)
    for name in targets.bones:
        empty = bpy.data.objects.new(f"{GUIDE_NAME} {name}", None)
        empty[GUIDE_NAME] = name
        scene.collection.objects.link(empty)
        kinds = (("COPY_ROTATION", targets.rotated), ("COPY_LOCATION", targets.moved))
        for kind in (kind for kind, names in kinds if name in names):
            constraint = copy.pose.bones[name].constraints.new(kind)
            constraint.target = empty


def _guides(scene: bpy.types.Scene, targets: control_rig.ControlTargets) -> dict[str, bpy.types.Object]:
    """The guides by the bone that follows them."""
    guides = {member[GUIDE_NAME]: member for member in scene.collection.objects if GUIDE_NAME in member}
    return {name: guides[name] for name in targets.bones}
