# SPDX-License-Identifier: GPL-3.0-or-later
"""Twist bones: which they are, and how much of a limb's twist each of them takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blender_addon.retarget.bone_map.detect import detect_bones
from blender_addon.retarget.pose import solve, twist
from blender_addon.shared import pose, quat
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.space import model_to_blender_rotation

from ..figures import bone, human, posed_joints, rig_of, scrambled

J = SKELETON.index


def figure(in_line: int = 0, beside: tuple[float, ...] = ()) -> list:
    """A human whose left upper arm is a chain of ``in_line`` further pieces, or has twist bones ``beside`` it."""
    bones = {b.name: b for b in human(posed_joints(arms=40, elbows=15))}
    start, end = (np.array(bones[name].head) for name in ("left_shoulder", "left_elbow"))
    above = "left_shoulder"
    for number in range(1, in_line + 1):
        share = number / (in_line + 1)
        piece = bone(f"piece {number}", above, start + share * (end - start), end)
        bones[piece.name], above = piece, piece.name
    bones["left_elbow"] = replace(bones["left_elbow"], parent=above)
    for number, share in enumerate(beside):
        place = start + share * (end - start)
        bones[f"twist {number}"] = bone(f"arm_Twist_0{number}", "left_shoulder", place, place + 0.1 * (end - start))
    moved = bones.pop("left_elbow"), *(bones.pop(f"left_{part}") for part in ("wrist",))
    return [*bones.values(), *moved]


def test_pieces_in_line_and_bones_beside_are_told():
    found = detect_bones(figure(in_line=2))
    assert twist.twist_shares(rig_of(figure(in_line=2)), found) == {
        "left_shoulder": ("left_shoulder", 0.0), "piece 1": ("left_shoulder", 0.5), "piece 2": ("left_shoulder", 1.0),
    }  # fmt: skip
    shares = twist.twist_shares(rig_of(figure(beside=(0.0, 0.5, 0.99))), detect_bones(figure(beside=(0.0, 0.5, 0.99))))
    assert {name: share for name, (_, share) in shares.items()} == pytest.approx(
        {"arm_Twist_00": 0, "arm_Twist_01": 0.5}
    )
    assert not twist.twist_shares(rig_of(figure()), detect_bones(figure()))
    assert not twist.twist_shares(
        rig_of(human(posed_joints(), scrambled())), detect_bones(human(posed_joints(), scrambled()))
    )
    held = twist.twist_shares(rig_of(figure(beside=(0.5,))), detect_bones(figure(beside=(0.5,))), {"arm_Twist_00"})
    assert not held


def twisted(degrees: np.ndarray) -> np.ndarray:
    """Segment turns (T, 22, 4), model axes, of a figure with lowered arms whose left upper arm is twisted."""
    local = quat.identity((len(degrees), 22))
    arm = quat.from_axis_angle(np.array([0, 0, -1.0]), np.asarray(np.radians(50)))
    about = quat.from_axis_angle(np.array([1.0, 0, 0]), np.radians(degrees))
    local[:, J("left_shoulder")] = quat.multiply(arm, about)
    turns = local.copy()
    for joint, parent in enumerate(SKELETON.parents[1:], start=1):
        turns[:, joint] = quat.multiply(turns[:, parent], local[:, joint])
    return turns


def test_each_takes_its_share_and_the_limb_points_as_ever():
    degrees = np.linspace(-100, 60, 17)
    rotations = twisted(degrees)
    found = detect_bones(figure())
    turns = model_to_blender_rotation(rotations)
    whole = turns[:, J("left_shoulder")]
    for share in (0.0, 0.25, 1.0):
        part = twist.untwisted(turns, "left_shoulder", found, share)
        along = np.array([1.0, 0.0, 0.0])
        assert np.allclose(quat.rotate(part, along), quat.rotate(whole, along), atol=1e-6)
        back = np.degrees(quat.angle(quat.multiply(quat.conjugate(part), whole)))
        assert np.allclose(back, abs(degrees) * (1 - share), atol=1e-4)


@pytest.mark.parametrize("options", [{"in_line": 2}, {"beside": (0.1, 0.6)}])
def test_joints_stay_where_they_are_and_skin_is_led_over(options):
    """The elbow and all below it must not notice how the upper arm is shared out."""
    rig = rig_of(figure(**options))
    plain = detect_bones(rig.bones)
    shared = replace(plain, twists=twist.twist_shares(rig, plain))
    rotations, pelvis = twisted(np.linspace(0, 80, 5)), np.zeros((5, 3))
    posed = []
    for bone_map in (plain, shared):
        solution = solve.solve(rig, bone_map, rotations, pelvis)
        bases = {name: solve.with_rotation(rig.by_name[name], turns) for name, turns in solution.rotations.items()}
        posed.append(solve.fk.pose_rig(rig, solve.posed_chain(rig, shared), bases))
    for joint in ("left_elbow", "left_wrist"):
        assert np.allclose(posed[0][joint], posed[1][joint], atol=5e-3)
    for name, (_, share) in shared.twists.items():
        turned = quat.from_matrix(posed[1][name][..., :3, :3])
        from_first = np.degrees(quat.angle(quat.multiply(turned, quat.conjugate(turned[:1]))))
        assert np.allclose(from_first, share * np.linspace(0, 80, 5), atol=0.5)


def test_a_standing_figure_needs_no_twist():
    turns = model_to_blender_rotation(pose.global_rotations(np.repeat(pose.T_POSE[None], 2, 0)))
    for joint in ("left_hip", "right_shoulder"):
        part = twist.untwisted(turns, joint, detect_bones(figure()), 0.0)
        assert np.degrees(quat.angle(part)).max() < 1e-3
