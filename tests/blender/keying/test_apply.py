# SPDX-License-Identifier: GPL-3.0-or-later
"""Real motions on armatures of many makes, measured on the pose that Blender evaluates.

``python -m tests.blender.helpers.measure`` prints the same as a table, with more motions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.character import read_rig as rig
from blender_addon.retarget.bone_map import detect as bone_map
from blender_addon.retarget.pose import fk
from blender_addon.shared import pose, quat

from ..helpers import measure, rigs

MOTIONS = {"walk": "012181", "jump and turn": "002510", "cartwheel": measure.CLIPS["cartwheel"]}
FAMILIES = {
    "SMPL": "SMPL",
    "Unreal A-pose": "Unreal",
    "oddly named": "its structure",
    "Rigify metarig": "Rigify metarig",
    "Rigify generated": "Rigify controls",
    "Auto-Rig Pro": "Auto-Rig Pro",
    "VRM": "VRM",
    "Daz": "Daz",
    "Character Creator": "Character Creator",
    "MakeHuman": "MakeHuman",
}

# Controls beside each other, and limbs whose pieces only their names tell apart.
BY_NAME_ONLY = ("Rigify generated", "Auto-Rig Pro", "Daz", "MakeHuman")


@pytest.fixture(autouse=True)
def empty_file():
    bpy.ops.wm.read_homefile(use_empty=True)


@pytest.fixture(scope="module")
def motions(shared_dir):
    return measure.cmu_motions(shared_dir, MOTIONS)


@pytest.mark.parametrize("name", rigs.ALL)
def test_every_rig_does_what_the_model_does(name, motions):
    for label, joints in motions.items():
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.context.scene.render.fps = 20
        armature = rigs.ALL[name]()
        found = bone_map.detect_bones(rig.read_rig(armature).bones)
        assert found.family == FAMILIES.get(name, "Mixamo")
        result = measure.measure(armature, joints)
        assert result.hips < 0.01, (label, result)
        assert result.direction < 0.05, (label, result)
        assert result.hinge < 4, (label, result)
        assert result.flips == 0, (label, result)
        assert result.keyed >= len(found.bones)


@pytest.mark.parametrize("name", [name for name in rigs.ALL if name not in BY_NAME_ONLY])
def test_structure_alone_finds_what_the_names_say(name):
    bones = rig.read_rig(rigs.ALL[name]()).bones
    numbered = {bone.name: f"node {number}" for number, bone in enumerate(bones)}
    nameless = [replace(bone, name=numbered[bone.name], parent=numbered.get(bone.parent)) for bone in bones]
    by_names, by_structure = bone_map.detect_bones(bones), bone_map.detect_bones(nameless)
    assert by_structure.bones == {joint: numbered[bone] for joint, bone in by_names.bones.items()}
    assert set(by_structure.between) == {numbered[bone] for bone in by_names.between}


@pytest.mark.parametrize("fps, start", [(24, 1), (30, 10), (59.94, 100.25), (25, -3.5)])
def test_between_the_clocks_little_is_lost(fps, start, motions):
    """Model frames fall between scene frames here; what Blender interpolates there is still the motion."""
    bpy.context.scene.render.fps = round(fps)
    bpy.context.scene.render.fps_base = round(fps) / fps
    result = measure.measure(rigs.mixamo(), motions["walk"], start)
    assert result.hips < 0.2 and result.direction < 1 and result.flips == 0, result


@pytest.mark.parametrize("unit", [0.01, 0.3048, 100.0])
def test_scene_units_are_honoured(unit, motions):
    bpy.context.scene.render.fps = 20
    bpy.context.scene.unit_settings.scale_length = unit
    armature = rigs.mixamo()
    armature.scale = [1 / unit] * 3  # as tall as ever, in other units
    bpy.context.view_layer.update()
    result = measure.measure(armature, motions["walk"])
    assert result.hips < 0.01 and result.direction < 0.05, result


def moving_parent(armature: bpy.types.Object) -> bpy.types.Object:
    """A platform that drives and turns, with the armature on it."""
    platform = bpy.data.objects.new("Platform", None)
    bpy.context.scene.collection.objects.link(platform)
    platform.scale = (2, 2, 2)
    for frame, x, turn in ((1, 0, 0), (60, 5, 3)):
        platform.location.x, platform.rotation_euler.z = x, turn
        platform.keyframe_insert("location", frame=frame)
        platform.keyframe_insert("rotation_euler", frame=frame)
    armature.parent = platform
    bpy.context.view_layer.update()
    return platform


def test_an_armature_on_a_moving_platform_walks_its_path_in_the_world(motions):
    bpy.context.scene.render.fps = 20
    armature = rigs.mixamo()
    moving_parent(armature)
    bpy.context.scene.frame_set(1)
    result = measure.measure(armature, motions["walk"])
    assert result.hips < 0.01 and result.direction < 0.05, result


@pytest.mark.parametrize("name", ["connected hips", "Mixamo FBX, 0.01, turned", "rolled bones"])
def test_forward_kinematics_is_blenders(name):
    """Random poses with scale and location on every bone, and every way to inherit, in numpy and in Blender."""
    armature = rigs.ALL[name]()
    rng = np.random.default_rng(0)
    for number, bone in enumerate(armature.pose.bones):
        bone.rotation_mode = "QUATERNION"
        bone.rotation_quaternion = quat.normalize(rng.normal(size=4) + np.array([2, 0, 0, 0]))
        bone.location = rng.normal(size=3) * 0.1
        bone.scale = [rng.uniform(0.7, 1.4)] * 3
        bone.bone.use_inherit_rotation = number % 5 != 1
        bone.bone.inherit_scale = "NONE" if number % 7 == 2 else "FULL"
        bone.bone.use_local_location = number % 3 != 0
    bpy.context.view_layer.update()
    rest = rig.read_rig(armature)
    order = sorted((bone.name for bone in rest.bones), key=lambda bone: len(rest.ancestors(bone)))
    posed = fk.pose_rig(rest, order, {})
    for name_, matrix in posed.items():
        expected = np.array(armature.pose.bones[name_].matrix)
        assert np.allclose(matrix, expected, atol=1e-4 * max(1.0, abs(expected).max())), name_


def test_a_t_pose_brings_an_a_posed_rig_into_a_t_pose():
    """What is looked at here is the skeleton of someone else's making, not the model's."""
    armature = rigs.unreal()
    still = np.repeat(pose.T_POSE[None] + [0, 1, 0], 3, 0)
    measure.measure(armature, still)
    heads, _ = measure.evaluated_heads(
        armature, ["upperarm_l", "lowerarm_l", "hand_l", "thigh_r", "calf_r", "foot_r"], np.array([1.0])
    )
    arm, leg = np.diff(heads[0, :3], axis=0), np.diff(heads[0, 3:], axis=0)
    assert np.allclose(arm / np.linalg.norm(arm, axis=-1, keepdims=True), [[1, 0, 0]] * 2, atol=1e-3)
    assert np.allclose(leg / np.linalg.norm(leg, axis=-1, keepdims=True), [[0, 0, -1]] * 2, atol=1e-3)
