# SPDX-License-Identifier: GPL-3.0-or-later
"""What carries a motion: hips, root bone or object; in the world the body moves the same. In place, the way is gone."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat
from blender_addon.character import read_rig as rig
from blender_addon.keying import apply
from blender_addon.retarget.bone_map import detect as bone_map
from blender_addon.retarget.pose import scale
from blender_addon.retarget.proportions import adapt
from blender_addon.shared import quat
from blender_addon.time_slices import run_to_end

from ..helpers import measure, rigs
from .test_control_rigs import BEHIND


@pytest.fixture(scope="module")
def walk(shared_dir):
    """A walk, turned so that its heading is told."""
    joints = measure.cmu_motions(shared_dir, {"walk": measure.CLIPS["walk"]})["walk"]
    return quat.rotate(quat.from_yaw(np.array(0.6)), joints)


def play(armature: bpy.types.Object, joints: np.ndarray, names: list[str]) -> np.ndarray:
    """Heads (K, B, 3) of bones while ``armature`` plays ``joints``."""
    rest = rig.read_rig(armature)
    factor = scale.rig_scale(rest, bone_map.detect_bones(rest.bones))
    apply.apply_motion(
        armature,
        joints,
        scale=factor,
        start_frame=1,
        scene=bpy.context.scene,
        action_name="Take",
        constraints=adapt.UNCONSTRAINED,
    )
    return measure.evaluated_heads(armature, names, np.arange(1.0, len(joints) + 1, 4.0))[0]


def paths_keyed(armature: bpy.types.Object) -> set[str]:
    return {curve.data_path for curve in compat.played_bag(armature).fcurves}


@pytest.mark.parametrize("name, root", [("Unreal A-pose", "root"), ("Rigify generated", "root"), ("VRM", "Root")])
@pytest.mark.parametrize("kind", ["BONE", "OBJECT"])
def test_the_body_moves_the_same_whatever_carries_it(addon, name, root, kind, walk):
    bpy.context.scene.render.fps = 20
    armature = rigs.ALL[name]()
    armature.location, armature.rotation_euler.z = (1.0, -2.0, 0.0), 0.8
    bpy.context.view_layer.update()
    found = bone_map.detect_bones(rig.read_rig(armature).bones)
    names = [*found.bones.values(), *(f"ORG-{bone}.L" for bone in BEHIND if name == "Rigify generated")]
    by_hips = play(armature, walk, names)
    assert f'pose.bones["{root}"].location' not in paths_keyed(armature)
    armature.gaitway_rig.carrier = kind
    carried = play(armature, walk, [*names, root])
    assert np.allclose(carried[:, :-1], by_hips, atol=5e-4)
    keyed = paths_keyed(armature)
    assert ("location" in keyed) == (kind == "OBJECT") and (f'pose.bones["{root}"].location' in keyed) == (
        kind == "BONE"
    )
    # The root goes on the ground below the hips, and does not sway as far as they do.
    hips, below = by_hips[:, names.index(found["pelvis"])], carried[:, -1]
    assert np.ptp(below[:, 2]) < 1e-4 and np.linalg.norm((hips - below)[:, :2], axis=-1).max() < 0.12
    assert np.linalg.norm(below[-1] - below[0]) > 1


def test_in_place_the_way_is_gone_and_the_steps_are_left(addon, walk):
    bpy.context.scene.render.fps = 20
    armature = rigs.unreal()
    names = ["pelvis", "foot_l", "hand_r"]
    moving = play(armature, walk, names)
    armature.gaitway_rig.in_place = True
    still = play(armature, walk, names)
    assert np.ptp(moving[:, 0, :2], axis=0).max() > 1 and np.ptp(still[:, 0, :2], axis=0).max() < 0.15
    assert np.allclose(still[:, 0, 2], moving[:, 0, 2], atol=1e-4)
    assert np.allclose(still[:, 1:] - still[:, :1], moving[:, 1:] - moving[:, :1], atol=1e-4)


def test_a_rig_without_root_says_what_else_can_carry(addon, walk):
    armature = rigs.smpl()
    armature.gaitway_rig.carrier = "BONE"
    with pytest.raises(apply.RetargetError) as caught:
        play(armature, walk, ["pelvis"])
    assert "Object" in caught.value.hint


def test_a_root_keeps_upright_through_a_cartwheel(addon, shared_dir):
    bpy.context.scene.render.fps = 20
    joints = measure.cmu_motions(shared_dir, {"cartwheel": measure.CLIPS["cartwheel"]})["cartwheel"]
    armature = rigs.unreal()
    armature.gaitway_rig.carrier = "BONE"
    play(armature, joints, ["root"])
    _, turns = measure.evaluated_heads(armature, ["root"], np.arange(1.0, len(joints) + 1))
    rest = quat.from_matrix(np.array(armature.data.bones["root"].matrix_local.to_3x3()))
    turned = quat.multiply(turns[:, 0], quat.conjugate(rest))
    assert np.allclose(quat.rotate(turned, np.array([0.0, 0.0, 1.0])), [0, 0, 1], atol=1e-4)
    assert np.degrees(quat.angle(quat.multiply(quat.conjugate(turned[1:]), turned[:-1]))).max() < 25


def test_in_place_nothing_is_said_of_controls_that_are_not_come_to(addon, walk):
    from dataclasses import replace

    from blender_addon.capture import capture
    from blender_addon.capture.tracks import Track
    from blender_addon.delivery.observe import observe
    from blender_addon.takes.arrivals import Arrivals

    bpy.context.scene.render.fps = 20
    armature = rigs.unreal()
    bpy.context.scene.gaitway.character = armature
    captured = capture.capture(bpy.context.scene)
    track = Track("pelvis", "path", np.array([1.0, 20.0]), np.zeros((2, 3)), np.zeros(2), np.full(2, np.nan))
    for in_place in (False, True):
        armature.gaitway_rig.in_place = in_place
        work = observe(
            replace(captured, tracks=(track,)), np.zeros((20, 22, 3)), np.ones((20, 4), bool), Arrivals(), 20.0
        )
        observed = run_to_end(work)
        assert bool(observed.errors) != in_place and observed.contacts.any() != in_place
