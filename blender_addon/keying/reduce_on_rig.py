# SPDX-License-Identifier: GPL-3.0-or-later
"""Few keys on rigs whose controls hang on constraints: Blender itself says how far the bones come off, and keys are set
nearer where that is too far.

A copy of the rig plays the curves in a hidden scene, a few frames a tick.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import bpy
import numpy as np

from .. import compat, offscreen
from ..lookup import action_by_uid, object_by_uid
from ..retarget.keys.reduce import BOUND_RATIO, NEIGHBOUR_FRAMES, Bound, reduce
from ..retarget.keys.spline_fit import Curve
from ..retarget.pose import scale
from ..retarget.rig import Rig
from ..shared.errors import RetargetError
from ..shared.series import dilate_maximum
from . import keyframes

PATIENT_TRIES, MAX_TRIES = 3, 8  # after the first ones every frame that is off is keyed


def reduce_checked(
    armature: bpy.types.Object,
    rig: Rig,
    curves: Sequence[Curve],
    modes: dict[str, str],
    matrix_world: np.ndarray,
    bound: Bound,
) -> Generator[None, None, list[Curve]]:
    """As :func:`.reduce.reduce`, for ``armature``, which ``rig`` was read from and whose constraints it does not know.

    Raises RetargetError when the armature or the hidden scene is removed meanwhile.
    """
    uid, frames = armature.session_uid, max((curve.channels[0].frames for curve in curves), key=len)
    bones = list(dict.fromkeys(curve.bone for curve in curves))
    goal = yield from _played(uid, curves, bones, frames)
    allowed = BOUND_RATIO * bound.distance / scale.object_scale(rig)
    nearer = replace(bound, distance=np.full(len(frames), bound.distance))
    for attempt in range(MAX_TRIES):
        few = yield from reduce(rig, curves, modes, matrix_world, nearer, compensate=False)
        points = yield from _played(uid, few, bones, frames)
        off = np.linalg.norm(points - goal, axis=-1).max(-1) / allowed
        if off.max() <= 1.0:
            return few
        less = np.minimum(1.0, 0.85 / np.maximum(dilate_maximum(off, NEIGHBOUR_FRAMES), 1e-9))
        rows = np.flatnonzero(off > 1.0) if attempt >= PATIENT_TRIES else np.empty(0, int)
        must = np.union1d(nearer.must, rows).astype(int).tolist()
        nearer = replace(nearer, distance=nearer.distance * less, must=must)
    return list(curves)


def _played(
    uid: int, curves: Sequence[Curve], bones: Sequence[str], frames: np.ndarray
) -> Generator[None, None, np.ndarray]:
    """Heads and tails (K, 2 B, 3) of ``bones``, armature space, while the armature plays ``curves``."""

    def armature() -> bpy.types.Object:
        found = object_by_uid(uid)
        if found is None:
            raise RetargetError("The armature was deleted while its keys were being set.", "Choose another one.")
        return found

    with offscreen.temporary_scene() as scene_uid:
        copy = offscreen.add_static_copy(scene_uid, armature())
        action, slot = compat.new_action(copy, offscreen.SCENE_NAME)
        action_uid = action.session_uid
        try:
            for curve in curves:
                keyframes.write_curve(action, curve)
            compat.assign_action(copy, action, slot)
            yield
            return (yield from offscreen.world_ends(scene_uid, armature, bones, frames))
        finally:
            if (action := action_by_uid(action_uid)) is not None:
                bpy.data.actions.remove(action)
