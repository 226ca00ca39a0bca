# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are in the world at other frames, without moving the animator's playhead or touching their objects.

Empties in a hidden scene follow what is asked for; Blender evaluates them with every parent, constraint and driver,
and none of the rest of the file. Who asks for many frames gets a generator that hands the thread back between them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np

from . import scene as hidden
from .undressed import add_copy_of, strip_bevel

EMPTY_NAME = "Gaitway follower"

_shared: list[int] = []


@contextmanager
def shared_scene() -> Iterator[int]:
    """Let all calls in this block use one hidden scene, and its uid: removing one makes Blender rebuild its graphs."""
    uid = next((uid for uid in _shared if hidden.exists(uid)), None)
    if uid is not None:
        yield uid
        return
    with hidden.temporary_scene() as uid:
        _shared.append(uid)
        try:
            yield uid
        finally:
            _shared.remove(uid)


@contextmanager
def temporary_objects() -> Iterator[int]:
    """The uid of a hidden scene; objects added to it in this block are removed at its end."""
    with shared_scene() as uid:
        others = {member.session_uid for member in hidden.scene_of(uid).collection.objects}
        try:
            yield uid
        finally:
            if hidden.exists(uid):
                scene = hidden.scene_of(uid)
                hidden.remove_blocks(
                    *(member for member in scene.collection.objects if member.session_uid not in others)
                )


def _member(uid: int, number: int) -> bpy.types.Object:
    """The object in the hidden scene that has this session uid; it exists as long as the scene does."""
    return next(member for member in hidden.scene_of(uid).collection.objects if member.session_uid == number)


def may_move(target: bpy.types.Object) -> bool:
    """Whether an object may stand elsewhere at other frames: animation, drivers or constraints on it or above it."""
    above: bpy.types.Object | None = target
    while above is not None:
        if above.animation_data is not None or above.constraints or (above.parent and above.parent_type != "OBJECT"):
            return True
        above = above.parent
    return False


def world_positions(
    target: bpy.types.Object, bones: Sequence[str], frames: Iterable[float]
) -> Generator[None, None, np.ndarray]:
    """World points (K, B, 3), scene units, of the heads of ``bones`` at ``frames`` (K,); of the object itself when
    there are no bones.

    Objects that are hidden or disabled are evaluated as well.
    """
    return (yield from _followed("COPY_LOCATION", target, bones, frames))[:, :, :3, 3]


def world_matrices(target: bpy.types.Object, frames: Iterable[float]) -> Generator[None, None, np.ndarray]:
    """World matrices (K, 4, 4) of an object at ``frames`` (K,)."""
    return (yield from _followed("COPY_TRANSFORMS", target, [], frames))[:, 0]


def _followed(
    kind: str, target: bpy.types.Object, bones: Sequence[str], frames: Iterable[float]
) -> Generator[None, None, np.ndarray]:
    """Matrices (K, B, 4, 4) of empties that a constraint of this ``kind`` puts onto the bones, or onto the object."""
    matrices = []
    with temporary_objects() as uid:
        followers = []
        for bone in bones or [""]:
            follower = _add_empty(uid)
            constraint = follower.constraints.new(kind)
            constraint.target = target
            constraint.subtarget = bone
            followers.append(follower.session_uid)
        for frame in frames:
            scene = hidden.scene_of(uid)
            hidden.set_frame(scene, float(frame))
            depsgraph = scene.view_layers[0].depsgraph
            final = (_member(uid, follower).evaluated_get(depsgraph) for follower in followers)
            matrices.append(np.array([follower.matrix_world for follower in final]))
            yield
    return np.array(matrices)


def followed_path(
    curve: bpy.types.Object, frames: Iterable[float], spline: int = 0, reverse: bool = False
) -> Generator[None, None, np.ndarray]:
    """World points (K, 3) at ``frames`` of an object that Blender's Follow Path leads along the curve as its Evaluation
    Time says: along its first spline, or the one numbered ``spline`` from 1; with ``reverse`` from the end.
    """
    points = []
    if curve.mode == "EDIT":
        curve.update_from_editmode()  # what is being drawn or dragged is not in the curve's own data yet
    with temporary_objects() as uid:
        copy = add_copy_of(uid, curve)
        splines = copy.data.splines
        for other in list(splines)[: max(spline - 1, 0)]:
            splines.remove(other)
        strip_bevel(copy.data)
        copy.data.use_path = True
        led = _add_empty(uid)
        led.constraints.new("FOLLOW_PATH").target = copy
        numbers = led.session_uid, copy.session_uid
        for frame in frames:
            scene = hidden.scene_of(uid)
            hidden.set_frame(scene, float(frame))
            led, copy = (_member(uid, number) for number in numbers)
            depsgraph = scene.view_layers[0].depsgraph
            if reverse:
                data, constraint = copy.evaluated_get(depsgraph).data, led.constraints[0]
                constraint.use_fixed_location = True
                constraint.offset_factor = 1.0 - data.eval_time / max(data.path_duration, 1)
                scene.view_layers[0].update()
            points.append(np.array(led.evaluated_get(depsgraph).matrix_world.translation))
            yield
    return np.array(points)


def _add_empty(uid: int) -> bpy.types.Object:
    empty = bpy.data.objects.new(EMPTY_NAME, None)
    hidden.scene_of(uid).collection.objects.link(empty)
    return empty
