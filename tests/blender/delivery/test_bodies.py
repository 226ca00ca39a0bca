# SPDX-License-Identifier: GPL-3.0-or-later
"""Where characters stand, whatever their rest pose and their bones' tails say; and their soles while they walk."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.character import read_body
from blender_addon.character.setup import read_character, remember_standing
from blender_addon.keying import apply
from blender_addon.retarget.proportions import Constraints, contact_mask
from blender_addon.shared.skeleton import CONTACT_JOINTS
from blender_addon.takes.observed import slide

from ..helpers import measure, skin
from ..helpers.characters import ALL, bodies

WALK = "012181"


@pytest.fixture(autouse=True)
def fresh(addon):
    bpy.context.scene.render.fps = 20


@pytest.fixture(scope="module")
def walk(shared_dir):
    return np.asarray(measure.cmu_motions(shared_dir, {"walk": WALK})["walk"][:40], np.float64)


def walking(armature: bpy.types.Object, joints: np.ndarray) -> dict[str, np.ndarray]:
    """Let it walk on its ground; joint -> heads (T, 3)."""
    scene = bpy.context.scene
    body = read_body(armature, scene)
    joints = joints + np.array([0.0, body.floor / body.scale, 0.0])
    apply.apply_motion(
        armature, joints, scale=body.scale, start_frame=1, scene=scene, action_name="Walk",
        constraints=Constraints(floor=body.ground),
    )  # fmt: skip
    heads, _ = measure.evaluated_heads(armature, list(body.bones.values()), np.arange(1, len(joints) + 1))
    return {joint: heads[:, column] for column, joint in enumerate(body.bones)}


@pytest.mark.parametrize("make", ["Mixamo glTF", "mannequin FBX", "mid-stride", "rests elsewhere"])
def test_tails_and_rest_poses_do_not_move_the_ground(make, walk):
    usual = bodies.build("Usual", bodies.mixamo(prefix=""))
    other = ALL[make]()
    told, wanted = (read_body(armature, bpy.context.scene) for armature in (other, usual))
    assert told.ground == pytest.approx(0, abs=1e-4) and told.heading == pytest.approx(0, abs=0.01)
    assert told.floor == pytest.approx(wanted.floor, abs=0.01)
    assert np.allclose(told.position, wanted.position, atol=0.02)
    shown, expected = walking(other, walk), walking(usual, walk)
    for joint in ("pelvis", "left_ankle", "right_ankle", "left_foot", "right_foot", "head"):
        assert np.linalg.norm(shown[joint] - expected[joint], axis=-1).max() < 0.03, joint


@pytest.mark.parametrize("make", ["Mixamo glTF", "rests elsewhere", "toy", "child", "giant"])
def test_soles_of_the_mesh_stand_and_do_not_slide(make, walk):
    armature = ALL[make]()
    bpy.context.view_layer.update()
    body = read_body(armature, bpy.context.scene)
    height = float(skin.vertices(skin.meshes_of(armature))[:, 2].max()) - body.ground
    shown = walking(armature, walk)
    contact = contact_mask(walk)
    for column, joint in enumerate(CONTACT_JOINTS):
        if joint in shown:
            assert slide(shown[joint], contact[:, column]).max() < 0.015 * body.leg_length, joint
    soles = skin.Soles.of(armature, body.bones)
    for row in range(0, len(walk), 3):
        bpy.context.scene.frame_set(row + 1)
        for column, (_, lowest) in enumerate(soles.lowest().items()):
            over = (lowest - body.ground) / height
            assert over > -0.02, (row, over)
            assert over < 0.02 or not contact[row, 2 * column : 2 * column + 2].any(), (row, over)


def test_where_it_stands_is_the_same_while_a_motion_plays(walk):
    armature, scene = ALL["rests elsewhere"](), bpy.context.scene
    before = read_body(armature, scene)
    remember_standing(armature, scene)
    walking(armature, walk)
    for frame in (1, 17, 33):
        scene.frame_set(frame)
        assert np.allclose(read_body(armature, scene).position, before.position, atol=1e-5)
        assert read_body(armature, scene).floor == pytest.approx(before.floor, abs=1e-5)
    armature.gaitway_rig.is_standing_known = False  # as in a file in which it plays something from the start
    assert read_body(armature, scene).ground == pytest.approx(before.ground, abs=1e-3)


def test_a_character_that_is_posed_elsewhere_stands_there_and_can_be_told_otherwise(walk):
    armature, scene = ALL["rests elsewhere"](), bpy.context.scene
    bpy.context.scene.gaitway.character = armature
    root = armature.pose.bones["Root"]
    root.matrix = bodies.Matrix.Translation((2, 1, 0.5)) @ bodies.Matrix.Rotation(0.7, 4, "Z") @ root.matrix
    bpy.context.view_layer.update()
    body = read_body(armature, scene)
    assert body.heading == pytest.approx(0.7, abs=0.01) and body.ground == pytest.approx(0.5, abs=0.01)
    assert np.allclose(body.position, (2, 1), atol=0.05)
    bpy.ops.gaitway.set_standing_pose()
    root.matrix = bodies.Matrix.Translation((1, 0, 0)) @ root.matrix
    bpy.context.view_layer.update()
    assert np.allclose(read_body(armature, scene).position, body.position, atol=1e-4)
    armature.gaitway_rig.standing = "REST"
    assert read_body(armature, scene).ground < -4 and read_character(armature)[0].standing_pose is None


def test_a_frame_of_a_motion_is_no_stand(walk):
    """A character that plays a walk from the start, and rests as it should, stands as it rests."""
    armature, scene = ALL["Mixamo glTF"](), bpy.context.scene
    before = read_body(armature, scene)
    walking(armature, walk)
    scene.frame_set(30)
    assert np.allclose(read_body(armature, scene).position, before.position, atol=1e-5)


def test_a_root_bone_stays_below_the_hips_where_the_character_is_seen(walk):
    armature = ALL["rests elsewhere"]()
    armature.gaitway_rig.carrier = "BONE"
    walking(armature, walk)
    roots, _ = measure.evaluated_heads(armature, ["Root", "Hips"], np.arange(1.0, 41.0, 4.0))
    assert (
        np.abs(roots[:, 0, 2]).max() < 0.02 and np.linalg.norm((roots[:, 0] - roots[:, 1])[:, :2], axis=-1).max() < 0.3
    )
