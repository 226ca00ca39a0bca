# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons around the list of controls and the engine: what they do, what they refuse and why."""

from __future__ import annotations

import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat, preferences
from blender_addon.app.engine import ENGINE
from blender_addon.ui.controls.operators import guess_joint

from ..helpers import rigs, scenes


@pytest.fixture
def settings(addon) -> bpy.types.PropertyGroup:
    bpy.context.scene.frame_end = 200
    return bpy.context.scene.gaitway


def select(*members: bpy.types.Object) -> None:
    bpy.ops.object.select_all(action="DESELECT")
    for member in members:
        member.select_set(True)


def listed(settings: bpy.types.PropertyGroup) -> list[tuple[str, str, str]]:
    return [(control.target.name, control.bone, control.joint) for control in settings.controls]


def test_selected_things_become_controls_with_a_joint_each(settings) -> None:
    path = scenes.curve("Walk path", [(0, 0, 0), (1, 0, 0)])
    members = [scenes.empty(name, {1: (0, 0, 0)}) for name in ("hand.L", "Cube", "RightFoot")]
    rig = rigs.mixamo()
    for member in (path, *members):
        select(member, rig)  # an armature is a character, not a control
        bpy.ops.gaitway.control_add()
    assert listed(settings) == [
        ("Walk path", "", "pelvis"),
        ("hand.L", "", "left_wrist"),
        ("Cube", "", "right_wrist"),  # says nothing: the first of the usual joints that is free
        ("RightFoot", "", "right_ankle"),
    ]
    assert (settings.controls[0].frame_start, settings.controls[0].frame_end) == (1, 200)
    assert settings.active_control == 3


def test_selected_bones_become_controls_in_pose_mode(settings) -> None:
    rig = rigs.mixamo()
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    for bone in rig.pose.bones:
        compat.select_bone(bone, bone.name == "mixamorig:LeftHand")
    bpy.ops.gaitway.control_add()
    assert listed(settings) == [(rig.name, "mixamorig:LeftHand", "left_wrist")]


def test_nothing_selected_is_said(settings) -> None:
    select()
    with pytest.raises(RuntimeError, match="Select a keyframed empty"):
        bpy.ops.gaitway.control_add()


def test_the_active_control_is_removed(settings) -> None:
    for name in ("A", "B", "C"):
        scenes.control(scenes.empty(name, {}))
    settings.active_control = 0
    bpy.ops.gaitway.control_remove()
    assert [name for name, _, _ in listed(settings)] == ["B", "C"] and settings.active_control == 0
    settings.active_control = 1
    bpy.ops.gaitway.control_remove()
    assert [name for name, _, _ in listed(settings)] == ["B"] and settings.active_control == 0
    bpy.ops.gaitway.control_remove()
    with pytest.raises(RuntimeError, match="Select a control"):
        bpy.ops.gaitway.control_remove()
    assert "A" in bpy.data.objects


@pytest.mark.parametrize(
    ("name", "joint"),
    [
        ("left_wrist", "left_wrist"),
        ("mixamorig:RightHand", "right_wrist"),
        ("foot_ik.R", "right_ankle"),
        ("Toes L", "left_foot"),
        ("Hips", "pelvis"),
        ("look at (Head)", "head"),
        ("l_elbow", "left_elbow"),
        ("spine2", "spine2"),
        ("Empty.001", "left_wrist"),
    ],
)
def test_a_name_tells_the_joint(name: str, joint: str) -> None:
    assert guess_joint(name, {"pelvis"}) == joint


def test_generating_without_a_character_says_so(settings) -> None:
    with pytest.raises(RuntimeError, match="Choose an armature"):
        bpy.ops.gaitway.generate()


def test_cancel_and_stop_have_nothing_to_do_at_rest(settings) -> None:
    with pytest.raises(RuntimeError, match="No motion"):
        bpy.ops.gaitway.cancel()
    with pytest.raises(RuntimeError, match="No engine"):
        bpy.ops.gaitway.engine_stop()


def test_an_engine_that_is_not_installed(settings, tmp_path) -> None:
    preferences.get().engine_command = str(tmp_path / "no such program")
    with pytest.raises(RuntimeError, match="was not found"):
        bpy.ops.gaitway.engine_start()
    assert not ENGINE.is_up
    assert bpy.ops.gaitway.engine_open_log() == {"CANCELLED"}
