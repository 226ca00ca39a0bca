# SPDX-License-Identifier: GPL-3.0-or-later
"""Rest alignment, solving, scale: what the numbers say before Blender sees them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.retarget.bone_map.detect import detect_bones
from blender_addon.retarget.pose import alignment, fk, scale, solve
from blender_addon.retarget.rig import Rig
from blender_addon.shared import pose, quat
from blender_addon.shared.limbs import LIMBS, bend_angle
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.space import model_to_blender

from ..figures import human, posed_joints, rig_of

POSES = {"T": {}, "A": {"arms": 50, "elbows": 20, "legs": 8}, "hanging": {"arms": 85, "elbows": 5, "knees": 6},
         "turned": {"arms": 45, "elbows": 25, "twist": -40}}  # fmt: skip


def motion(num_frames: int = 12, spread: float = 25, seed: int = 0) -> np.ndarray:
    """Joints (T, 22, 3) of random poses, model axes; elbows and knees bent by 20 to 100 degrees."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(num_frames, 22, 3)) * np.radians(spread)
    angles = np.linalg.norm(vectors, axis=-1)
    local = quat.from_axis_angle(vectors / angles[..., None], angles)
    for limb in LIMBS:
        bends = np.radians(rng.uniform(20, 100, num_frames))
        local[:, SKELETON.index(limb.middle)] = quat.from_axis_angle(np.array([limb.hinge]), bends)
    return pose.forward_kinematics(local, rng.normal(size=(num_frames, 3)), SKELETON.offsets.astype(float))


def play(
    rig: Rig, joints: np.ndarray, matrix_world: np.ndarray | None = None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """World matrices (T, 4, 4) of the solved rig by joint, and the hips (T, 3) that were asked for."""
    found = detect_bones(rig.bones)
    hips = model_to_blender(joints[:, 0])
    # One pose at a time: these poses are no motion.
    rotations = np.concatenate([pose.global_rotations(one[None]) for one in joints])
    solution = solve.solve(rig, found, rotations, hips, matrix_world)
    bases = {bone: fk.to_transform(turn) for bone, turn in solution.rotations.items()}
    bases.setdefault(
        solution.location_bone, np.repeat(rig.by_name[solution.location_bone].basis[None], len(joints), 0).copy()
    )
    bases[solution.location_bone][:, :3, 3] = solution.location
    posed = fk.pose_rig(rig, solve.posed_chain(rig, found), bases)
    world = rig.matrix_world if matrix_world is None else matrix_world
    return {
        joint: world @ np.broadcast_to(posed[bone], (len(joints), 4, 4)) for joint, bone in found.bones.items()
    }, hips


def limb_errors(world: dict[str, np.ndarray], joints: np.ndarray) -> float:
    """Largest angle in degrees between a solved limb bone and the model's."""
    worst = 0.0
    for limb in LIMBS:
        for start, end in ((limb.upper, limb.middle), (limb.middle, limb.end)):
            got = world[end][:, :3, 3] - world[start][:, :3, 3]
            asked = model_to_blender(joints[:, SKELETON.index(end)] - joints[:, SKELETON.index(start)])
            worst = max(worst, float(np.degrees(bend_angle(got, asked)).max()))
    return worst


@pytest.mark.parametrize("rest", POSES)
@pytest.mark.parametrize("rolled", [False, True])
def test_limbs_point_as_the_models_do_from_any_rest_pose(rest, rolled):
    rig = rig_of(human(posed_joints(**POSES[rest]), rolls=np.random.default_rng(1) if rolled else None))
    joints = motion()
    world, hips = play(rig, joints)
    assert limb_errors(world, joints) < 1e-3
    assert np.allclose(world["pelvis"][:, :3, 3], hips, atol=1e-6)


@pytest.mark.parametrize("rest", POSES)
def test_skin_bends_about_its_own_hinge(rest):
    """The axis about which an elbow was bent by hand at rest is the axis about which the motion bends it: no candy
    wrapper.

    The straight rest takes its axis from the T-pose; the bent ones from their bend, whatever way the arm hangs.
    """
    rig = rig_of(human(posed_joints(**POSES[rest]), rolls=np.random.default_rng(2)))
    found = detect_bones(rig.bones)
    world, _ = play(rig, motion())
    bent_rest = rig_of(human(posed_joints(**(POSES[rest] | {"elbows": 30, "knees": 30}))))
    for limb in LIMBS:
        upper, lower = (alignment.segment(bent_rest, found, joint) for joint in (limb.upper, limb.middle))
        axis = quat.normalize(np.cross(upper, lower))
        local = quat.rotate(quat.conjugate(alignment.rest_rotation(rig, found[limb.upper])), axis)
        shown = (world[limb.upper][:, :3, :3] @ local[:, None])[..., 0]
        bones = [
            world[b][:, :3, 3] - world[a][:, :3, 3] for a, b in ((limb.upper, limb.middle), (limb.middle, limb.end))
        ]
        assert np.degrees(bend_angle(shown, np.cross(*bones))).max() < 3, limb.upper


def test_a_leaning_trunk_does_not_tilt_the_figure_but_a_turned_armature_turns_it():
    """Backs lean at rest; a few degrees taken for the upright would tilt every motion."""
    joints = posed_joints()
    lean = joints.copy()
    arms = [f"{side}_{part}" for side in ("left", "right") for part in ("collar", "shoulder", "elbow", "wrist")]
    upper = SKELETON.indices("spine1", "spine2", "spine3", "neck", "head", *arms)
    lean[upper, 1] += 0.1
    turn = quat.from_axis_angle(np.array([0, 0, 1.0]), np.asarray(np.radians(50)))
    for points, matrix, expected in (
        (lean, np.eye(3), quat.identity()),
        (joints, quat.to_matrix(turn), quat.conjugate(turn)),
    ):
        bones = human(points, turn=matrix)
        found = alignment.figure_rotation(rig_of(bones), detect_bones(bones))
        assert np.degrees(quat.angle(quat.multiply(found, quat.conjugate(expected)))) < 0.5
    # An armature that is askew in its own space and put straight by its object stands straight.
    bones = human(lean, turn=quat.to_matrix(turn))
    straight = alignment.figure_rotation(rig_of(bones, fk.to_transform(quat.conjugate(turn))), detect_bones(bones))
    assert np.degrees(quat.angle(quat.multiply(straight, turn))) < 1e-3


def test_straight_and_rolled_rests_come_to_the_same_pose():
    joints = motion()
    plain, _ = play(rig_of(human(posed_joints())), joints)
    rolled, _ = play(rig_of(human(posed_joints(), rolls=np.random.default_rng(4))), joints)
    for joint, matrices in plain.items():
        assert np.allclose(matrices[:, :3, 3], rolled[joint][:, :3, 3], atol=1e-6)


@pytest.mark.parametrize(
    "without",
    [("left_foot", "right_foot"), ("left_collar", "right_collar"), ("spine1", "spine2"), ("neck",)],
)
def test_missing_bones_are_made_up_for_by_their_neighbours(without):
    joints = motion()
    world, hips = play(rig_of(human(posed_joints(arms=45), without=without)), joints)
    assert limb_errors(world, joints) < 1e-3
    assert np.allclose(world["pelvis"][:, :3, 3], hips, atol=1e-6)


def placed(degrees: float = 140, size: float = 0.01) -> np.ndarray:
    """An object's matrix: turned about a slanting axis, scaled, moved."""
    matrix = fk.to_transform(quat.from_axis_angle(np.array([0.48, 0.6, 0.64]), np.asarray(np.radians(degrees))))
    matrix[:3, :3] *= size
    matrix[:3, 3] = 3, -2, 1
    return matrix


def test_the_objects_place_turn_and_scale_do_not_show():
    matrix = placed()
    inverse = np.linalg.inv(matrix)
    joints = motion()
    # The same figure in the world, kept in the odd object's own space.
    local = posed_joints(arms=30) @ inverse[:3, :3].T + inverse[:3, 3]
    rig = rig_of(human(local, rolls=np.random.default_rng(3)), matrix)
    world, hips = play(rig, joints)
    assert limb_errors(world, joints) < 1e-3
    assert np.allclose(world["pelvis"][:, :3, 3], hips, atol=1e-6)
    assert scale.rig_scale(rig, detect_bones(rig.bones)) == pytest.approx(1, rel=1e-5)


def test_a_moving_object_is_moved_against():
    joints = motion()
    matrices = np.stack([placed(20 * frame, 1.0) for frame in range(len(joints))])
    world, hips = play(rig_of(human(posed_joints())), joints, matrices)
    assert limb_errors(world, joints) < 1e-3
    assert np.allclose(world["pelvis"][:, :3, 3], hips, atol=1e-6)


def test_connected_hips_are_carried_by_the_bone_above():
    bones = human(posed_joints())
    root = dataclasses.replace(
        bones[0], name="root", head=(0, 0.2, 0.9), matrix=fk.to_transform(np.array([0.6, 0.8, 0, 0]))
    )
    root.matrix[:3, 3] = root.head
    root.basis[:3, :3] = 1.2 * np.array(quat.to_matrix(np.array([0.8, 0, 0.6, 0])))
    bones = [root, dataclasses.replace(bones[0], parent="root", connected=True), *bones[1:]]
    for local_location in (True, False):
        bones[0] = dataclasses.replace(root, local_location=local_location)
        rig = rig_of(bones)
        assert solve.find_location_bone(rig, "pelvis") == "root"
        joints = motion()
        world, hips = play(rig, joints)
        assert limb_errors(world, joints) < 1e-3
        assert np.allclose(world["pelvis"][:, :3, 3], hips, atol=1e-6)


def test_the_t_pose_leaves_a_t_posed_rig_alone_and_stretches_an_a_posed_one():
    still = np.repeat(pose.T_POSE[None], 3, 0)
    rig = rig_of(human(posed_joints()))
    solution = solve.solve(rig, detect_bones(rig.bones), pose.global_rotations(still), model_to_blender(still[:, 0]))
    assert max(np.degrees(quat.angle(turn)).max() for turn in solution.rotations.values()) < 1e-3
    world, _ = play(rig_of(human(posed_joints(arms=50, elbows=20))), still)
    arm = world["left_wrist"][0, :3, 3] - world["left_shoulder"][0, :3, 3]
    assert np.degrees(bend_angle(arm, np.array([1.0, 0, 0]))) < 1e-3


def test_signs_of_the_keyed_rotations_are_continuous():
    spin = quat.from_yaw(np.linspace(0, 6 * np.pi, 90))
    rig = rig_of(human(posed_joints(), rolls=np.random.default_rng(8)))
    rotations = quat.multiply(spin[:, None], pose.global_rotations(pose.T_POSE[None]))
    solution = solve.solve(rig, detect_bones(rig.bones), rotations, np.zeros((90, 3)))
    for turn in solution.rotations.values():
        assert ((turn[1:] * turn[:-1]).sum(-1) > 0).all()


@pytest.mark.parametrize(
    "size, object_size, unit", [(1, 1, 1), (2, 1, 1), (100, 0.01, 1), (1, 1, 0.01), (180, 0.5, 0.01)]
)
def test_scale_counts_bones_object_and_units(size, object_size, unit):
    rig = rig_of(human(posed_joints(), size=size), np.diag([object_size, object_size, object_size, 1.0]), unit)
    factor = scale.rig_scale(rig, detect_bones(rig.bones))
    assert factor == pytest.approx(size * object_size * unit, rel=1e-5)
    # The figure has the model's own proportions: it stands where the model stands.
    assert scale.hips_lift(rig, detect_bones(rig.bones)) == pytest.approx(0, abs=0.03 * factor)


def test_hips_that_begin_lower_are_lifted_by_as_much():
    joints = posed_joints()
    low = joints.copy()
    low[SKELETON.index("pelvis"), 2] -= 0.2
    lifts = [scale.hips_lift(rig_of(human(points)), detect_bones(human(points))) for points in (joints, low)]
    assert lifts[1] - lifts[0] == pytest.approx(-0.2, abs=1e-6)
