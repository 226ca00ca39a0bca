# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator says which bone is which joint and how the character stands: operators, files, and what comes of it."""

from __future__ import annotations

import json
from math import radians
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Matrix

from blender_addon.character import body
from blender_addon.character import read_rig as rig
from blender_addon.character import setup as character
from blender_addon.keying import apply
from blender_addon.shared import pose
from blender_addon.shared.skeleton import SKELETON
from blender_addon.ui.character import map_problem

from ..helpers import measure, rigs


@pytest.fixture
def odd(addon) -> bpy.types.Object:
    bpy.context.scene.render.fps = 20
    armature = rigs.oddly_named()
    bpy.context.scene.gaitway.character = armature
    return armature


def test_detect_edit_mirror_and_clear(odd):
    found = character.read_character(odd)[1]
    bpy.ops.gaitway.detect_bones()
    assert character.chosen_joints(odd) == found.bones and len(odd.gaitway_rig.bones) == SKELETON.num_joints
    for row in odd.gaitway_rig.bones:
        if row.name.startswith("right_"):
            row.bone = ""
    with pytest.raises(RuntimeError, match="right hip"):
        bpy.ops.gaitway.set_standing_pose()
    bpy.ops.gaitway.mirror_bones()
    assert character.chosen_joints(odd) == found.bones
    bpy.ops.gaitway.clear_bones()
    assert not character.chosen_joints(odd) and character.read_character(odd)[1].family == "its structure"
    bpy.ops.gaitway.edit_bones()
    assert len(odd.gaitway_rig.bones) == SKELETON.num_joints and not character.chosen_joints(odd)


def test_the_panel_says_what_is_wrong_with_a_map_before_a_motion_is_made(odd):
    bpy.ops.gaitway.detect_bones()
    assert map_problem(odd) == ""
    rows = odd.gaitway_rig.bones
    rows["left_knee"].bone, rows["right_knee"].bone = rows["right_knee"].bone, rows["left_knee"].bone
    assert "left knee" in map_problem(odd) and rows["left_knee"].bone in map_problem(odd)
    rows["left_knee"].bone = ""
    assert "No bone is chosen for the left knee" in map_problem(odd)


def test_names_are_mirrored_by_their_side(addon):
    armature = rigs.rigify_metarig()
    bpy.context.scene.gaitway.character = armature
    bpy.ops.gaitway.edit_bones()
    armature.gaitway_rig.bones["left_knee"].bone = "shin.L"
    armature.gaitway_rig.bones["left_elbow"].bone = "forearm.L"
    bpy.ops.gaitway.mirror_bones()
    joints = character.chosen_joints(armature)
    assert joints["right_knee"] == "shin.R" and joints["right_elbow"] == "forearm.R" and len(joints) == 4


def test_a_saved_map_is_loaded_for_another_armature(odd, tmp_path: Path):
    path = tmp_path / "odd.json"
    bpy.ops.gaitway.save_bones(filepath=str(path))
    joints = json.loads(path.read_text())["joints"]
    assert joints == character.read_character(odd)[1].bones
    other = rigs.oddly_named()
    bpy.context.scene.gaitway.character = other
    bpy.ops.gaitway.load_bones(filepath=str(path))
    assert character.chosen_joints(other) == joints and not character.chosen_joints(odd)
    path.write_text("nothing")
    with pytest.raises(RuntimeError, match="Choose a file"):
        bpy.ops.gaitway.load_bones(filepath=str(path))


def test_only_chosen_bones_are_keyed(odd):
    bpy.ops.gaitway.detect_bones()
    head = odd.gaitway_rig.bones["head"].bone
    odd.gaitway_rig.bones["head"].bone = ""
    still = np.repeat(pose.T_POSE[None] + [0, 1, 0], 3, 0)
    applied = apply.apply_motion(odd, still, scale=1, start_frame=1, scene=bpy.context.scene, action_name="Take")
    assert head not in applied.bones_keyed and odd.gaitway_rig.bones["neck"].bone in applied.bones_keyed


def sitting(armature: bpy.types.Object) -> None:
    """Make a sitting pose with folded arms the armature's rest pose, as no detection of T-poses could undo."""
    bpy.context.view_layer.objects.active = armature
    bones = armature.pose.bones
    for name, axis, angle in (
        ("LeftUpLeg", "X", -70), ("RightUpLeg", "X", -70), ("LeftLeg", "X", 80), ("RightLeg", "X", 80),
        ("LeftArm", "X", 60), ("RightArm", "X", 40), ("LeftForeArm", "Z", 100), ("RightForeArm", "Z", -100),
        ("Spine1", "X", 25), ("LeftFoot", "X", 30), ("Head", "Z", 20),
    ):  # fmt: skip
        bone = bones[name]
        turn = Matrix.Rotation(radians(angle), 4, axis)
        place = Matrix.Translation(bone.matrix.translation)
        bone.matrix = place @ turn @ place.inverted() @ bone.matrix
        bpy.context.view_layer.update()
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.armature_apply(selected=False)
    bpy.ops.object.mode_set(mode="OBJECT")


def test_a_set_pose_serves_a_rig_that_rests_otherwise(addon, shared_dir):
    """The pose that bones rest in must not matter once the animator has shown how it stands."""
    bpy.context.scene.render.fps = 20
    usual = rigs.build("Usual", rigs.mixamo_rows(""), rigs.t_pose())
    rests = rigs.build("Rests", rigs.mixamo_rows(""), rigs.t_pose())
    sitting(rests)
    for bone in usual.data.bones:
        target = usual.matrix_world @ bone.matrix_local
        rests.pose.bones[bone.name].matrix = target
        bpy.context.view_layer.update()
    bpy.context.scene.gaitway.character = rests
    bpy.ops.gaitway.set_standing_pose()
    assert rests.gaitway_rig.standing == "POSE"
    told = body.read_body(rests, bpy.context.scene)
    assert told.heading == pytest.approx(0, abs=1e-4) and told.ground == pytest.approx(0, abs=1e-4)
    assert told.floor == pytest.approx(body.read_body(usual, bpy.context.scene).floor, abs=1e-4)
    joints = measure.cmu_motions(shared_dir, {"cartwheel": measure.CLIPS["cartwheel"]})["cartwheel"][40:70]
    names = [row[0] for row in rigs.mixamo_rows("") if "Index" not in row[0] and "Thumb" not in row[0]]
    shown = []
    for armature in (usual, rests):
        apply.apply_motion(
            armature, joints, scale=told.scale, start_frame=1, scene=bpy.context.scene, action_name="Take"
        )
        shown.append(measure.evaluated_heads(armature, names, np.arange(1.0, 31.0, 3.0)))
    assert np.allclose(shown[0][0], shown[1][0], atol=2e-4)
    assert np.degrees(rigs_apart(shown[0][1], shown[1][1])) < 0.1
    rests.gaitway_rig.standing = "REST"
    assert character.read_character(rests)[0].standing_pose is None and rig.read_rig(rests).standing_pose is None


def rigs_apart(a: np.ndarray, b: np.ndarray) -> float:
    from blender_addon.shared import quat

    return float(quat.angle(quat.multiply(quat.conjugate(a), b)).max())
