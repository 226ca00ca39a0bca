# SPDX-License-Identifier: GPL-3.0-or-later
"""Standing feet and controls on armatures of other proportions, measured on the pose that Blender evaluates."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat
from blender_addon.character import read_rig as rig
from blender_addon.keying import apply
from blender_addon.retarget.bone_map import detect as bone_map
from blender_addon.retarget.keys.spline_fit import Spacing
from blender_addon.retarget.pose import scale
from blender_addon.retarget.proportions.adapt import UNCONSTRAINED, Constraints
from blender_addon.retarget.proportions.effectors import Target
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.space import model_to_blender, model_to_scene_frame

from ...benchmarks.rigs import limb_angles
from ..helpers import measure, rigs

RIGS = ("Mixamo T-pose", "Mixamo FBX, 0.01, turned", "Unreal A-pose", "oddly named", "connected hips")
MOTIONS = {"walk": "012181", "kick": measure.CLIPS["kick"], "sit": measure.CLIPS["sit"]}
JOINTS = ("left_wrist", "right_ankle", "head", "right_elbow", "left_knee", "pelvis")
FPS = 24

pytestmark = pytest.mark.same_in_every_blender


@pytest.fixture(autouse=True)
def empty_file():
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS


@pytest.fixture(scope="module")
def motions(shared_dir):
    return measure.cmu_motions(shared_dir, MOTIONS)


def put(make: str, joints: np.ndarray, **options) -> tuple[bpy.types.Object, bone_map.BoneMap, float]:
    armature = rigs.ALL[make]()
    rest = rig.read_rig(armature)
    found = bone_map.detect_bones(rest.bones)
    factor = scale.rig_scale(rest, found)
    scene = bpy.context.scene
    apply.apply_motion(armature, joints, scale=factor, start_frame=1, scene=scene, action_name="Held", **options)
    return armature, found, factor


def drift(armature: bpy.types.Object, found: bone_map.BoneMap, joints: np.ndarray) -> float:
    """Worst distance in cm of an ankle or toe that hardly moves in the motion from the middle of where it is."""
    names = [joint for joint in ("left_ankle", "left_foot", "right_ankle", "right_foot") if joint in found]
    frames = model_to_scene_frame(np.arange(len(joints)), 1, FPS)
    heads, _ = measure.evaluated_heads(armature, [found[joint] for joint in names], frames)
    worst = 0.0
    for column, joint in enumerate(names):
        speed = np.linalg.norm(np.gradient(joints[:, SKELETON.index(joint)], axis=0), axis=-1) * 20
        slow = np.flatnonzero(speed < 0.15)
        for run in np.split(slow, np.flatnonzero(np.diff(slow) > 1) + 1):
            if len(run) >= 4:
                points = heads[run, column]
                middle = (points.min(0) + points.max(0)) / 2
                worst = max(worst, float(np.linalg.norm(points - middle, axis=-1).max()) * 100)
    return worst


@pytest.mark.parametrize("make", RIGS)
def test_standing_feet_stand(make, motions):
    for label, joints in motions.items():
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.context.scene.render.fps = FPS
        held = drift(*put(make, joints)[:2], joints)
        assert held < 0.5, (label, held)
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS
    assert (
        drift(*put(make, joints, constraints=UNCONSTRAINED)[:2], joints) > 1.0
    )  # the last one slides when nothing is done


def test_legs_keep_nearly_the_directions_of_the_motion(motions):
    for joints in motions.values():
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.context.scene.render.fps = 20
        found = measure.measure(rigs.mixamo(), joints, constraints=Constraints())
        assert found.flips == 0 and found.direction < 25, found


def directions(armature: bpy.types.Object, found: bone_map.BoneMap, joints: np.ndarray) -> np.ndarray:
    """Angles (T, 8) in degrees between the limbs' bones and those of the motion: legs, left arm, right arm."""
    frames = model_to_scene_frame(np.arange(len(joints)), 1, FPS)
    heads, _ = measure.evaluated_heads(armature, list(found.bones.values()), frames)
    return limb_angles({joint: heads[:, row] for row, joint in enumerate(found.bones)}, model_to_blender(joints))


@pytest.mark.parametrize(("label", "degrees"), [("walk", 3.0), ("kick", 5.0), ("sit", 4.0)])
def test_hips_ride_on_the_feet_so_that_legs_keep_their_directions(label, degrees, motions):
    armature, found, _ = put("Mixamo T-pose", motions[label])
    turned = directions(armature, found, motions[label])
    assert np.percentile(turned, 95) < degrees, np.percentile(turned, 95)


def test_where_hips_are_led_a_foot_stands_within_reach_of_its_leg(motions):
    joints = motions["sit"]
    frames = model_to_scene_frame(np.arange(len(joints)), 1, FPS)
    _, _, factor = put("Mixamo T-pose", joints, constraints=UNCONSTRAINED)
    points = model_to_blender(joints[:, 0] * factor) + np.array([0.0, 0.0, 0.03])
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS
    armature, found, _ = put(
        "Mixamo T-pose", joints, constraints=Constraints(floor=0.0, targets=(Target("pelvis", frames, points),))
    )
    heads, _ = measure.evaluated_heads(armature, [found["pelvis"]], frames)
    assert np.linalg.norm(heads[:, 0] - points, axis=-1).max() < 0.01
    assert drift(armature, found, joints) < 1.0


def test_while_one_hand_reaches_far_the_other_arm_keeps_its_direction(motions):
    joints = motions["walk"]
    at = np.array([25.0])
    _, _, factor = put("Rigify metarig", joints, constraints=UNCONSTRAINED)
    far = model_to_blender(joints[20, SKELETON.index("left_wrist")] * factor) + np.array([0.0, 0.0, -0.2])
    pelvis = Target("pelvis", at, model_to_blender(joints[20, :1] * factor))
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS
    armature, found, _ = put(
        "Rigify metarig", joints, constraints=Constraints(targets=(Target("left_wrist", at, far[None]), pelvis))
    )
    heads, _ = measure.evaluated_heads(armature, [found["left_wrist"]], at)
    turned = directions(armature, found, joints)
    assert np.linalg.norm(heads[0, 0] - far) < 0.01
    assert turned[:, 4:6].max() > 10 and turned[:, 6:].max() < 1, (turned[:, 4:6].max(), turned[:, 6:].max())


@pytest.mark.parametrize(("joint", "make"), [*zip(JOINTS, cycle(RIGS)), *zip(JOINTS, cycle(RIGS[2:]))])
def test_a_joint_hits_its_keys(make, joint, motions):
    joints = motions["walk"]
    rows = np.array([12, 30, 45])
    frames = np.round(model_to_scene_frame(rows, 1, FPS))
    armature = rigs.ALL[make]()
    rest = rig.read_rig(armature)
    factor = scale.rig_scale(rest, bone_map.detect_bones(rest.bones))
    points = model_to_blender(joints[rows, SKELETON.index(joint)] * factor) + np.array([0.02, -0.03, 0.02])
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS
    for spacing in (Spacing(), Spacing("SPARSE")):
        constraints = Constraints(targets=(Target(joint, frames, points),))
        armature, found, _ = put(make, joints, constraints=constraints, spacing=spacing)
        heads, _ = measure.evaluated_heads(armature, [found[joint]], frames)
        assert np.linalg.norm(heads[:, 0] - points, axis=-1).max() < 0.005, spacing


def test_an_elbow_and_its_hand_are_hit_one_after_the_other(motions):
    joints = motions["walk"]
    _, _, factor = put("Unreal A-pose", joints, constraints=UNCONSTRAINED)
    targets = []
    for joint, row, way in (("left_elbow", 20, (0.05, -0.04, 0.05)), ("left_wrist", 28, (0.1, -0.06, 0.12))):
        frame = np.round(model_to_scene_frame(np.array([row]), 1, FPS))
        point = model_to_blender(joints[[row], SKELETON.index(joint)] * factor) + np.array(way)
        targets.append(Target(joint, frame, point))
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS
    armature, found, _ = put("Unreal A-pose", joints, constraints=Constraints(targets=tuple(targets)))
    for target in targets:
        heads, _ = measure.evaluated_heads(armature, [found[target.joint]], target.frames)
        assert np.linalg.norm(heads[:, 0] - target.points, axis=-1).max() < 0.005, target.joint


def test_a_hand_follows_a_whole_way(motions):
    joints = motions["walk"]
    frames = model_to_scene_frame(np.arange(len(joints)), 1, FPS)  # between scene frames, most of them
    wrist = joints[:, SKELETON.index("left_wrist")]
    points = model_to_blender(wrist * 1.0) + 0.05 * np.sin(frames / 7)[:, None]
    armature, found, factor = put("Unreal A-pose", joints, constraints=UNCONSTRAINED)
    points = model_to_blender(wrist * factor) + 0.05 * np.sin(frames / 7)[:, None]
    armature, found, _ = put(
        "Unreal A-pose", joints, constraints=Constraints(targets=(Target("left_wrist", frames, points),))
    )
    heads, _ = measure.evaluated_heads(armature, [found["left_wrist"]], frames)
    assert np.percentile(np.linalg.norm(heads[:, 0] - points, axis=-1), 95) < 0.01


def test_a_hand_comes_as_near_as_its_tolerance_and_no_nearer(motions):
    joints = motions["walk"]
    frames = np.array([20.0, 45.0])
    armature, found, _ = put("Mixamo T-pose", joints, constraints=UNCONSTRAINED)
    points = measure.evaluated_heads(armature, [found["left_wrist"]], frames)[0][:, 0] + np.array([0.1, 0, 0.05])
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS
    target = Target("left_wrist", frames, points, tolerance=np.array([0.03, 0.0]))
    armature, found, _ = put("Mixamo T-pose", joints, constraints=Constraints(lock_feet=False, targets=(target,)))
    heads, _ = measure.evaluated_heads(armature, [found["left_wrist"]], frames)
    assert np.linalg.norm(heads[:, 0] - points, axis=-1) == pytest.approx([0.03, 0.0], abs=2e-3)


def test_a_hand_out_of_reach_comes_as_near_as_it_can_and_nothing_breaks(motions):
    joints = motions["walk"]
    armature, found, factor = put("Mixamo T-pose", joints, constraints=UNCONSTRAINED)
    far = model_to_blender(joints[20, SKELETON.index("left_wrist")] * factor) + np.array([0.0, 0.0, 3.0])
    target = Target("left_wrist", np.array([25.0]), far[None])
    pelvis = Target("pelvis", np.array([25.0]), model_to_blender(joints[20, :1] * factor))
    armature, found, _ = put("Mixamo T-pose", joints, constraints=Constraints(targets=(target, pelvis)))
    names = [found[joint] for joint in ("left_shoulder", "left_elbow", "left_wrist", "pelvis")]
    heads, _ = measure.evaluated_heads(armature, names, np.array([25.0]))
    shoulder, elbow, wrist, hips = heads[0]
    assert np.isfinite(heads).all() and np.linalg.norm(hips - pelvis.points[0]) < 0.01
    assert (wrist - shoulder) @ (far - shoulder) > 0.98 * np.linalg.norm(wrist - shoulder) * np.linalg.norm(
        far - shoulder
    )
    assert np.linalg.norm(wrist - elbow) == pytest.approx(0.255, abs=0.01)


def test_feet_stand_on_the_floor_at_the_height_of_rest(motions):
    joints = motions["walk"] + np.array([0, 0.03, 0])
    armature, found, _ = put("Mixamo T-pose", joints, constraints=Constraints(floor=0.5))
    low = put("Mixamo T-pose", joints, constraints=Constraints(floor=0.0))[0]
    frames = np.arange(1.0, 60.0)
    toes, _ = measure.evaluated_heads(low, [found["left_foot"], found["right_foot"]], frames)
    assert toes[..., 2].min() > 0.02 - 0.004  # their height at rest: no foot dips into the floor
    high, _ = measure.evaluated_heads(armature, [found["left_foot"]], frames)
    assert high[..., 2].min() > 0.5 + 0.02 - 0.004


@pytest.mark.parametrize("make", ["Mixamo T-pose", "Euler modes", "connected hips"])
def test_few_keys_keep_the_bound_that_was_asked_for(make, motions):
    joints = motions["walk"]
    frames = np.arange(1.0, 71.0)
    shown, keys = [], []
    for spacing in (Spacing(), Spacing("SPARSE", bound=0.005)):
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.context.scene.render.fps = FPS
        armature, found, _ = put(make, joints, spacing=spacing)
        shown.append(measure.evaluated_heads(armature, sorted(set(found.bones.values())), frames)[0])
        curves = compat.played_bag(armature).fcurves
        keys.append(sum(len(curve.keyframe_points) for curve in curves))
        types = {key.type for curve in curves for key in curve.keyframe_points}
        assert types == {"GENERATED"}
    assert np.linalg.norm(shown[1] - shown[0], axis=-1).max() <= 0.005
    assert keys[1] < 0.3 * keys[0]


def test_a_key_every_few_frames(motions):
    armature, _, _ = put("Mixamo T-pose", motions["walk"], spacing=Spacing("STEP", step=5))
    curves = compat.played_bag(armature).fcurves
    for curve in curves:
        assert [key.co[0] for key in curve.keyframe_points] == [*range(1, 70, 5), 70]


def test_nothing_swings_out_between_frames(motions):
    between = np.arange(1.0, 70.0, 0.25)
    shown = []
    for spacing in (Spacing(), Spacing("SPARSE", bound=0.005)):
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.context.scene.render.fps = FPS
        armature, found, _ = put("Mixamo T-pose", motions["walk"], spacing=spacing)
        shown.append(measure.evaluated_heads(armature, sorted(set(found.bones.values())), between)[0])
    assert np.linalg.norm(shown[1] - shown[0], axis=-1).max() <= 0.0075
