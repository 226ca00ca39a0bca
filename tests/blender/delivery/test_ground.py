# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet of armatures of several sizes on ground that is not level, measured on the pose that Blender evaluates."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
pytest.importorskip("torch", reason="the motions are made by the engine in this process")

from blender_addon.character import read_rig as rig
from blender_addon.keying import apply
from blender_addon.retarget.bone_map import detect as bone_map
from blender_addon.retarget.pose import scale
from blender_addon.retarget.proportions import Constraints, SceneGround, foot_lock
from blender_addon.shared.space import model_to_scene_frame

from ...engine.helpers.on_ground import finished, ground
from ..helpers import measure, rigs

FPS = 24


@pytest.mark.parametrize("kind", ["stairs up", "stairs down", "ramp"])
@pytest.mark.parametrize("make", ["Mixamo T-pose", "Unreal A-pose", "Mixamo FBX, 0.01, turned"])
def test_feet_stand_on_the_ground_at_their_height(make: str, kind: str) -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = FPS
    joints, contacts = finished(ground(kind))
    armature = rigs.ALL[make]()
    rest = rig.read_rig(armature)
    found = bone_map.detect_bones(rest.bones)
    metre = scale.rig_scale(rest, found) / scene.unit_settings.scale_length
    on = SceneGround(ground(kind), 0.0, metre)
    joints = joints.copy()
    joints[..., 1] += scale.hips_lift(rest, found) / scale.rig_scale(rest, found)
    apply.apply_motion(
        armature, joints, scale=metre, start_frame=1, scene=scene, action_name="On ground",
        constraints=Constraints(True, contacts, on),
    )  # fmt: skip
    frames = np.asarray(model_to_scene_frame(np.arange(len(joints)), 1, FPS))
    feet = foot_lock.feet_in_scene(rest, found)
    for side, column in (("left", 1), ("right", 3)):
        heads, _ = measure.evaluated_heads(armature, [found[f"{side}_foot"], found[f"{side}_ankle"]], frames)
        under = on.under(heads, np.arange(len(joints), dtype=float))
        stands = contacts[:, column].copy()
        stands[1:] &= contacts[:-1, column]
        stands[:-1] &= contacts[1:, column]
        toe = heads[:, 0, 2] - under[:, 0] - feet[side].ball_height
        assert np.percentile(np.abs(toe[stands]), 90) < 0.02 * metre and np.abs(toe[stands]).max() < 0.04 * metre
        assert toe[~stands].min() > -0.03 * metre
        moved = np.linalg.norm(np.diff(heads[:, 0], axis=0), axis=-1)[stands[1:] & stands[:-1]]
        assert np.percentile(moved, 90) < 0.005 * metre
