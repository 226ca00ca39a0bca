# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs whose controls hang on constraints: controls are keyed, the bones behind them follow, nothing is left over."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat
from blender_addon.character import read_rig as rig
from blender_addon.keying import apply
from blender_addon.keying.plan import plan_motion
from blender_addon.retarget.bone_map import detect as bone_map
from blender_addon.retarget.keys.spline_fit import Spacing
from blender_addon.retarget.pose import scale
from blender_addon.shared import quat
from blender_addon.shared.errors import RetargetError
from blender_addon.time_slices import run_to_end

from ..helpers import measure, rigs

BEHIND = {"thigh": "thigh_fk", "shin": "shin_fk", "foot": "foot_fk", "upper_arm": "upper_arm_fk", "hand": "hand_fk"}


@pytest.fixture(autouse=True)
def empty_file():
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 20


@pytest.fixture(scope="module")
def cartwheel(shared_dir):
    return measure.cmu_motions(shared_dir, {"cartwheel": measure.CLIPS["cartwheel"]})["cartwheel"][40:80]


def put(armature: bpy.types.Object, joints: np.ndarray, limbs: str) -> tuple[apply.Plan, int]:
    """Key ``joints``; the plan, and how often the main thread was handed back."""
    rest = rig.read_rig(armature)
    factor = scale.rig_scale(rest, bone_map.detect_bones(rest.bones))
    plan = run_to_end(plan_motion(armature, joints, scale=factor, start_frame=1, scene=bpy.context.scene, limbs=limbs))
    solution = run_to_end(plan.solve(*run_to_end(plan.segments())))
    work, pauses = apply.to_controls(armature, plan, solution), 0
    while True:
        try:
            next(work)
            pauses += 1
        except StopIteration as done:
            curves = run_to_end(apply.space_keys(armature, plan, done.value, Spacing()))
            run_to_end(apply.write_action(armature, plan, curves, "Take"))
            return plan, pauses


def switches(armature: bpy.types.Object) -> set[float]:
    parents = [f"{limb}_parent.{side}" for limb in ("thigh", "upper_arm") for side in "LR"]
    return {armature.pose.bones[parent]["IK_FK"] for parent in parents}


@pytest.mark.parametrize("limbs", ["FK", "BOTH"])
def test_the_bones_behind_the_controls_follow_and_the_switches_are_keyed(limbs, cartwheel):
    armature = rigs.rigify_generated()
    assert switches(armature) == {0.0}
    plan, pauses = put(armature, cartwheel, limbs)
    assert pauses > 4
    bpy.context.scene.frame_set(20)
    assert switches(armature) == {1.0}
    names = [f"ORG-{bone}.{side}" for bone in BEHIND for side in "LR"]
    controls = [f"{control}.{side}" for control in BEHIND.values() for side in "LR"]
    heads, turns = measure.evaluated_heads(armature, names + controls, plan.frames[::5])
    apart = np.linalg.norm(heads[:, : len(names)] - heads[:, len(names) :], axis=-1)
    angles = quat.angle(quat.multiply(quat.conjugate(turns[:, : len(names)]), turns[:, len(names) :]))
    assert apart.max() < 1e-4 and np.degrees(angles).max() < 0.1
    keyed = {curve.data_path for curve in compat.played_bag(armature).fcurves}
    assert ('pose.bones["foot_ik.L"].location' in keyed) == (limbs == "BOTH")


def test_ik_plays_the_same_hands_and_feet(cartwheel):
    armature = rigs.rigify_generated()
    plan, _ = put(armature, cartwheel, "IK")
    bpy.context.scene.frame_set(20)
    assert switches(armature) == {0.0}
    ends = [f"ORG-{bone}.{side}" for bone in ("hand", "foot") for side in "LR"]
    middles = [f"ORG-{bone}.{side}" for bone in ("forearm", "shin") for side in "LR"]
    controls = [f"{bone}_fk.{side}" for bone in ("hand", "foot", "forearm", "shin") for side in "LR"]
    heads, _ = measure.evaluated_heads(armature, ends + middles + controls, plan.frames)
    apart = np.linalg.norm(heads[:, :8] - heads[:, 8:], axis=-1)
    assert apart[:, :4].max() < 0.001
    # Rigify's IK shortens a bent limb a little instead of bending it fully, and bends no elbow backwards.
    assert np.percentile(apart[:, 4:], 90) < 0.035


@pytest.mark.parametrize("limbs, switch", [("BOTH", 1.0), ("IK", 0.0)])
def test_another_make_of_control_rig(limbs, switch, cartwheel):
    """FK below bones that follow others in part, IK with poles whose angle is any, a switch by driver."""
    armature = rigs.auto_rig_pro()
    plan, _ = put(armature, cartwheel, limbs)
    bpy.context.scene.frame_set(20)
    assert {armature.pose.bones[f"c_{end}_ik.{side}"]["ik_fk_switch"] for end in ("hand", "foot") for side in "lr"} == {
        switch
    }
    parts = [f"{part}{{}}.{side}" for part in ("thigh", "leg", "arm", "forearm") for side in "lr"]
    names = [part.format("_stretch") for part in parts] + [f"c_{part.format('_fk')}" for part in parts]
    ends = [f"c_{end}_{kind}.{side}" for kind in ("ik", "fk") for end in ("hand", "foot") for side in "lr"]
    heads, _ = measure.evaluated_heads(armature, names + ends, plan.frames)
    apart = np.linalg.norm(heads[:, :8] - heads[:, 8:16], axis=-1)
    assert np.percentile(apart, 95) < (1e-4 if limbs == "BOTH" else 0.01)
    assert np.linalg.norm(heads[:, 16:20] - heads[:, 20:], axis=-1).max() < 1e-4


@pytest.mark.parametrize("make", ["Rigify generated", "Auto-Rig Pro"])
def test_few_keys_keep_the_bound_where_constraints_lead(make, cartwheel):
    found = []
    for spacing in (Spacing(), Spacing("SPARSE", bound=0.005)):
        bpy.ops.wm.read_homefile(use_empty=True)
        armature = rigs.ALL[make]()
        rest = rig.read_rig(armature)
        factor = scale.rig_scale(rest, bone_map.detect_bones(rest.bones))
        options = {"scale": factor, "start_frame": 1, "scene": bpy.context.scene, "action_name": "Take"}
        applied = apply.apply_motion(armature, cartwheel[:20], spacing=spacing, **options)
        frames = np.arange(applied.frames[0], applied.frames[1] + 1)
        heads, _ = measure.evaluated_heads(armature, list(applied.bones_keyed), frames)
        found.append((heads, sum(len(curve.keyframe_points) for curve in compat.played_bag(armature).fcurves)))
        assert len(bpy.data.actions) == 1 and len(bpy.data.scenes) == 1
    (all_heads, all_keys), (few_heads, few_keys) = found
    assert np.linalg.norm(few_heads - all_heads, axis=-1).max() <= 0.005
    assert few_keys < 0.7 * all_keys


def test_nothing_is_left_over_even_of_work_that_is_given_up(cartwheel):
    armature = rigs.rigify_generated()

    def blocks() -> set[str]:
        kinds = (bpy.data.objects, bpy.data.armatures, bpy.data.scenes, bpy.data.actions)
        return {block.name for kind in kinds for block in kind}

    before, pose = blocks(), {bone.name: bone.matrix_basis.copy() for bone in armature.pose.bones}
    counts = {bone.name: len(bone.constraints) for bone in armature.pose.bones}
    plan = run_to_end(plan_motion(armature, cartwheel, scale=1.0, start_frame=1, scene=bpy.context.scene))
    work = apply.to_controls(armature, plan, run_to_end(plan.solve(*run_to_end(plan.segments()))))
    for _ in range(4):
        next(work)
    assert len(blocks()) > len(before)
    work.close()
    assert blocks() == before
    assert pose == {bone.name: bone.matrix_basis for bone in armature.pose.bones}
    assert counts == {bone.name: len(bone.constraints) for bone in armature.pose.bones}


def test_an_undo_in_the_middle_is_told_and_leaves_nothing(cartwheel):
    armature = rigs.rigify_generated()
    bpy.ops.ed.undo_push(message="Before")
    plan = run_to_end(plan_motion(armature, cartwheel, scale=1.0, start_frame=1, scene=bpy.context.scene))
    work = apply.to_controls(armature, plan, run_to_end(plan.solve(*run_to_end(plan.segments()))))
    for _ in range(4):
        next(work)
    bpy.ops.ed.undo_push(message="Something else")
    bpy.ops.ed.undo()
    with pytest.raises(RetargetError) as caught:
        for _ in range(100):
            next(work)
    assert "undo" in caught.value.message.lower()
    assert [scene.name for scene in bpy.data.scenes] == ["Scene"]
    assert [found.name for found in bpy.data.objects if found.type == "ARMATURE"] == ["Generated"]
