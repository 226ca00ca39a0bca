# SPDX-License-Identifier: GPL-3.0-or-later
"""A take that is visibly broken says so first, and what to do; a good one says nothing alarming."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat
from blender_addon.capture.capture import CapturedScene, capture
from blender_addon.capture.request import build_request
from blender_addon.capture.timing import scene_fps
from blender_addon.delivery.deliver import Delivery, deliver
from blender_addon.delivery.observe import observe
from blender_addon.delivery.report import report
from blender_addon.shared.protocol import ControlError, Result
from blender_addon.takes import history
from blender_addon.takes.arrivals import Arrivals
from blender_addon.takes.observed import Observed
from blender_addon.takes.origin import Origin
from blender_addon.time_slices import run_to_end

from ..helpers import rigs, scenes
from ..helpers.armatures import build, human
from ..helpers.walking_engine import walk


def walked(armature: bpy.types.Object, height: float = 0.0) -> tuple[Result, CapturedScene, Observed]:
    """The character after a walk of two seconds along a curve at a height."""
    scene = bpy.context.scene
    scene.gaitway.character = armature
    path = scenes.curve("Path", [(0, 0, height), (0, -1.5, height)], "POLY")
    scenes.control(path, frame_start=1, frame_end=49, height="DRAWN" if height else "AUTO")
    captured = capture(scene)
    request = replace(build_request(scene, captured), request_id="walk")
    joints = walk(request, 0)[None].astype(np.float32)
    result = Result("walk", joints, np.zeros((1, len(joints[0]), 4), bool), (ControlError(0, 0, 0),), (0.0,), {}, 0, "")
    return result, captured, run_to_end(deliver(Delivery(result, request, captured), lambda _: None))


def test_a_good_take_says_nothing_alarming(addon):
    result, _, observed = walked(build("Figure", human(rigs.a_pose())))
    assert observed.faults == ()
    assert "of motion in" in report(result, Origin(), observed)[0]
    take = history.shown(bpy.context.scene)
    assert not take.broken and not len(take.faults)


def test_a_take_that_was_broken_by_hand_says_so_first(addon):
    """A knee turned backward, as keys edited by mistake."""
    armature = build("Figure", human(rigs.a_pose()))
    result, captured, _ = walked(armature)
    for curve in compat.played_bag(armature).fcurves:
        if curve.data_path == 'pose.bones["left_knee"].rotation_quaternion' and curve.array_index == 1:
            for key in curve.keyframe_points:
                key.co.y = -key.co.y - 0.3
            curve.update()
    fps = scene_fps(bpy.context.scene)
    contacts = result.foot_contacts[0]
    observed = run_to_end(observe(captured, result.joints[0], contacts, Arrivals(), fps))
    kinds = {fault.kind for fault in observed.faults}
    assert "knee" in kinds and observed.faults[0].is_broken, observed.faults
    lines = report(result, Origin(), observed)
    assert lines[0].startswith("This motion looks broken") and "Bones" in lines[0]
    take = history.shown(bpy.context.scene)
    history.note(take, observed)
    assert take.broken == lines[0] and take.faults[0].is_broken


def test_legs_that_are_too_short_for_a_path_at_hip_height_say_so(addon):
    """A child led at an adult's hips: its feet hang over the ground."""
    points = {name: 0.5 * point for name, point in rigs.a_pose().items()}
    scene = bpy.context.scene
    scene.gaitway.feet.floor = "HEIGHT"
    result, _, observed = walked(build("Child", human(points)), height=0.95)
    hangs = next(fault for fault in observed.faults if fault.kind == "hover")
    assert hangs.is_broken and hangs.amount > 0.3, observed.faults
    assert "over the ground" in report(result, Origin(), observed)[0]
