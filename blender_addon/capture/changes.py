# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the scene moves the controls and obstacles, and whether it has moved; read without evaluating anything."""

from __future__ import annotations

import bpy
import numpy as np

from .. import compat, offscreen
from ..keying import fcurve_keys
from .kinds import leads_along
from .line_facts import line_points


def watched_uids(scene: bpy.types.Scene) -> frozenset[int]:
    """The data-blocks that move a control or an obstacle when they change: targets, their curves, their parents."""
    uids: set[int] = set()
    controls = [control.target for control in scene.gaitway.controls if control.enabled]
    for first in (*controls, *_obstacles(scene), *_grounds(scene)):
        target = first
        while target is not None and target != scene.gaitway.character:
            uids.add(target.session_uid)
            if target.data is not None and offscreen.has_lines(target):
                uids.add(target.data.session_uid)
            target = target.parent
    return frozenset(uids)


def inputs_hash(scene: bpy.types.Scene) -> int:
    """A number that changes with what an animator moves, read without evaluating anything."""
    parts: list[object] = []
    for control in scene.gaitway.controls:
        target = control.target
        if not control.enabled or target is None:
            continue
        if leads_along(control):
            if target.mode == "EDIT":
                target.update_from_editmode()
            for member in (target, *offscreen.instanced_lines(target)):
                parts.append(np.array(member.matrix_world).tobytes())
                parts.append(line_points(member) if member.data is not None else b"")
        elif target.parent is not None:
            parts.append(np.array(target.parent.matrix_world).tobytes())
        bag = compat.played_bag(target)
        parts += [fcurve_keys.read_keys(curve)["co"].tobytes() for curve in (bag.fcurves if bag is not None else ())]
    parts += [np.array(other.matrix_world).tobytes() for other in (*_obstacles(scene), *_grounds(scene))]
    return hash(tuple(parts))


def key_moved_pins(scene: bpy.types.Scene) -> None:
    """Key pins that were moved at one of their keys, as Blender's own automatic keying does; otherwise moving them has
    no effect.
    """
    frame = scene.frame_current
    for control in scene.gaitway.controls:
        target = control.target
        if not control.enabled or target is None or target.type != "EMPTY" or control.bone:
            continue
        bag = compat.played_bag(target)
        curves = [bag.fcurves.find("location", index=axis) for axis in range(3)] if bag is not None else []
        if not curves or any(curve is None for curve in curves):
            continue
        has_key = any(abs(key.co.x - frame) < 0.5 for curve in curves for key in curve.keyframe_points)
        moved = any(abs(curve.evaluate(frame) - target.location[curve.array_index]) > 1e-6 for curve in curves)
        if has_key and moved:
            target.keyframe_insert("location", frame=frame)


def _obstacles(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    found = [obstacle.target for obstacle in scene.gaitway.obstacles if obstacle.enabled]
    return [target for target in found if target is not None]


def _grounds(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    grounds = [control.ground for control in scene.gaitway.controls if control.enabled]
    return [ground for ground in grounds if ground is not None]
