# SPDX-License-Identifier: GPL-3.0-or-later
"""What a motion leaves in the file: one Action with its keys, and nothing else; and what stands in the way of it."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat
from blender_addon.character import read_rig as rig
from blender_addon.keying import apply, keyframes
from blender_addon.retarget.bone_map import detect as bone_map
from blender_addon.shared import pose, quat
from blender_addon.shared.errors import RetargetError

from ..helpers import rigs


@pytest.fixture(autouse=True)
def empty_file():
    bpy.ops.wm.read_homefile(use_empty=True)


def turning(num_frames: int = 30) -> np.ndarray:
    """Joints (T, 22, 3) of a figure that turns on the spot and walks sideways."""
    turns = quat.from_yaw(np.linspace(0, 5, num_frames))
    steps = np.linspace(0, 2, num_frames)[:, None, None] * np.array([1.0, 0, 0])
    return quat.rotate(turns[:, None], pose.T_POSE) + np.array([0, 0.97, 0]) + steps


def put(
    armature: bpy.types.Object, joints: np.ndarray | None = None, name: str = "Take", **options
) -> apply.AppliedMotion:
    joints = turning() if joints is None else joints
    options = {"scale": 1.0, "start_frame": 1.0, "scene": bpy.context.scene} | options
    return apply.apply_motion(armature, joints, action_name=name, **options)


def curves(armature: bpy.types.Object) -> list[bpy.types.FCurve]:
    return list(compat.played_bag(armature).fcurves)


def test_one_action_with_a_slot_and_generated_keys_on_the_mapped_bones_only():
    bpy.context.scene.render.fps = 24
    armature = rigs.mixamo()
    found = bone_map.detect_bones(rig.read_rig(armature).bones)
    applied = put(armature, start_frame=11.0)
    assert list(bpy.data.actions) == [bpy.data.actions[applied.action_name]]
    if compat.HAS_SLOTS:
        assert armature.animation_data.action_slot.identifier == f"OB{armature.name}"
    assert set(applied.bones_keyed) == set(found.bones.values())
    paths = {curve.data_path for curve in curves(armature)}
    assert paths == {f'pose.bones["{bone}"].rotation_quaternion' for bone in found.bones.values()} | {
        f'pose.bones["{found["pelvis"]}"].location'
    }
    for curve in curves(armature):
        keys = curve.keyframe_points
        assert [key.co[0] for key in keys] == list(range(applied.frames[0], applied.frames[1] + 1))
        assert {key.type for key in keys} == {"GENERATED"} and {key.interpolation for key in keys} == {"BEZIER"}
        assert curve.group.name in paths or curve.group.name in found.bones.values()
    assert applied.frames == (11, 46)


def test_everything_else_stays_as_it_was():
    bystander = rigs.mixamo("Bystander")
    armature = rigs.mixamo_euler()
    scene = bpy.context.scene
    scene.frame_set(17)
    finger = armature.pose.bones["mixamorig:LeftHandIndex1"]
    finger.rotation_mode, finger.rotation_euler = "XYZ", (0.3, 0, 0)
    modes = [bone.rotation_mode for bone in armature.pose.bones]
    place = armature.matrix_world.copy()
    objects, active = set(bpy.data.objects), bpy.context.view_layer.objects.active
    put(armature)
    assert scene.frame_current == 17 and set(bpy.data.objects) == objects and len(bpy.data.scenes) == 1
    assert [bone.rotation_mode for bone in armature.pose.bones] == modes
    assert armature.matrix_world == place and bpy.context.view_layer.objects.active == active
    assert tuple(finger.rotation_euler) == pytest.approx((0.3, 0, 0))
    assert bystander.animation_data is None and not any("Index" in curve.data_path for curve in curves(armature))


def test_a_hand_made_action_outlives_being_replaced_and_a_generated_one_does_not():
    armature = rigs.mixamo()
    armature.pose.bones["mixamorig:Hips"].keyframe_insert("location", frame=1)
    by_hand = armature.animation_data.action
    put(armature, name="First")
    assert by_hand.use_fake_user
    first = armature.animation_data.action
    put(armature, name="Second")
    assert first.users == 0 and armature.animation_data.action.name == "Second"


def test_the_same_name_twice_is_numbered_and_told():
    armature = rigs.mixamo()
    names = [put(armature, name="Take").action_name for _ in range(2)]
    assert names == ["Take", "Take.001"] and armature.animation_data.action.name == "Take.001"


def test_bone_names_with_quotes_are_keyed():
    armature = rigs.mixamo()
    for bone in armature.data.bones:
        bone.name = bone.name.replace("mixamorig:", 'a"b\\c:')
    put(armature)
    bpy.context.scene.frame_set(20)
    hips = armature.pose.bones['a"b\\c:Hips']
    assert hips.matrix.translation.x > 0.5


def test_one_frame_is_a_pose():
    armature = rigs.mixamo()
    applied = put(armature, turning(1), start_frame=7.0)
    assert applied.frames == (7, 7) and all(len(curve.keyframe_points) == 1 for curve in curves(armature))


def test_the_pose_shows_at_once():
    armature = rigs.mixamo()
    bpy.context.scene.frame_set(20)
    put(armature)
    bpy.context.view_layer.update()
    evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    assert evaluated.pose.bones["mixamorig:Hips"].matrix.translation.x > 0.5


def refused(armature: bpy.types.Object, hint: str, joints: np.ndarray | None = None) -> RetargetError:
    """The error of a motion that cannot be put; checks that nothing was left behind."""
    actions = set(bpy.data.actions)
    before = armature.animation_data.action if armature.animation_data else None
    with pytest.raises(RetargetError) as caught:
        put(armature, joints)
    assert hint.lower() in caught.value.hint.lower(), caught.value
    assert set(bpy.data.actions) == actions
    assert (armature.animation_data.action if armature.animation_data else None) == before
    return caught.value


def test_constraints_that_hold_a_bone_are_named():
    armature = rigs.mixamo()
    constraint = armature.pose.bones["mixamorig:LeftArm"].constraints.new("COPY_ROTATION")
    constraint.target = rigs.mixamo("Other")
    constraint.subtarget = "mixamorig:LeftArm"
    constraint.name = "Follow the other"
    assert "Follow the other" in refused(armature, "mute").message
    constraint.mute = True
    put(armature)


def test_an_ik_chain_holds_the_bones_above_it():
    armature = rigs.mixamo()
    constraint = armature.pose.bones["mixamorig:LeftHandIndex1"].constraints.new("IK")
    constraint.target = rigs.mixamo("Other")
    constraint.chain_count = 1
    put(armature)  # the finger alone is no joint of ours
    constraint.chain_count = 3
    assert "LeftForeArm" in refused(armature, "mute").message or "LeftHand" in refused(armature, "mute").message


def test_drivers_on_a_bone_are_named():
    armature = rigs.mixamo()
    armature.driver_add('pose.bones["mixamorig:Spine"].rotation_quaternion', 1)
    assert "mixamorig:Spine" in refused(armature, "driver").message


@pytest.mark.parametrize("size", [(1, 1, 2), (-1, 1, 1), (0, 0, 0)])
def test_an_uneven_mirrored_or_flat_object_is_refused(size):
    armature = rigs.mixamo()
    armature.scale = size
    refused(armature, "scale")


def test_nla_tweak_mode_is_refused():
    armature = rigs.mixamo()
    put(armature)
    animation = armature.animation_data
    strip = animation.nla_tracks.new().strips.new("Take", 1, animation.action)
    animation.action = None
    strip.select = True
    animation.nla_tracks[0].select = True
    animation.nla_tracks.active = animation.nla_tracks[0]
    animation.use_tweak_mode = True
    assert animation.use_tweak_mode
    refused(armature, "tweak mode")


def test_an_armature_in_rest_position_is_refused():
    armature = rigs.mixamo()
    armature.data.pose_position = "REST"
    refused(armature, "pose position")


def test_what_is_no_figure_or_no_motion_is_refused():
    rows = [("a", None, "pelvis", "spine1"), ("b", "a", "spine1", "spine2")]
    refused(rigs.build("Stick", rows, rigs.t_pose()), "two legs")
    armature = rigs.mixamo()
    broken = turning()
    broken[3, 4, 1] = np.nan
    for joints in (broken, turning()[:, :21], turning()[:0], np.zeros((3, 66))):
        refused(armature, "generate it again", joints)
    empty = bpy.data.objects.new("Nothing", bpy.data.armatures.new("Nothing"))
    bpy.context.scene.collection.objects.link(empty)
    refused(empty, "two legs")
    with pytest.raises(RetargetError):
        rig.read_rig(bpy.data.objects.new("Empty", None))


def test_a_failure_while_writing_leaves_the_old_action_playing(monkeypatch):
    armature = rigs.mixamo()
    put(armature, name="Kept")
    kept, slot = armature.animation_data.action, compat.played_slot(armature)

    def fail(*_args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(keyframes, "write_curve", fail)
    with pytest.raises(MemoryError):
        put(armature, name="Lost")
    assert list(bpy.data.actions) == [kept]
    assert armature.animation_data.action == kept and compat.played_slot(armature) == slot


def test_pose_bone_selection_goes_both_ways():
    armature = rigs.mixamo()
    bone = armature.pose.bones["mixamorig:Head"]
    compat.select_bone(bone, True)
    assert compat.is_bone_selected(bone) and not compat.is_bone_selected(armature.pose.bones["mixamorig:Neck"])
    compat.select_bone(bone, False)
    assert not compat.is_bone_selected(bone)


def test_undo_once_brings_back_what_was():
    armature = rigs.mixamo()
    bpy.ops.ed.undo_push(message="Before")
    put(armature)
    bpy.ops.ed.undo_push(message="Generate Motion")
    bpy.ops.ed.undo()
    armature = bpy.data.objects["Mixamo"]
    assert not bpy.data.actions and (armature.animation_data is None or armature.animation_data.action is None)
