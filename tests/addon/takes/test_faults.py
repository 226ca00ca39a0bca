# SPDX-License-Identifier: GPL-3.0-or-later
"""What a viewer would see wrong is told with its frame and what to do, and nothing of a sound motion. No Blender."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blender_addon.shared import quat
from blender_addon.shared.pose import forward_kinematics
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.space import model_to_blender
from blender_addon.takes import fault_words
from blender_addon.takes.faults import Fault, MotionOnRig, find_faults
from blender_addon.time_slices import run_to_end

FRAMES = 40
J = SKELETON.index


def walking() -> MotionOnRig:
    """Legs that swing and arms that hang, as the motion has them, on a body of the model's size."""
    swing = 0.5 * np.sin(np.arange(FRAMES) / 4)
    local = quat.identity((FRAMES, 22))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        local[:, J(f"{side}_hip")] = quat.from_axis_angle(np.array([1.0, 0, 0]), sign * swing - 0.2)
        local[:, J(f"{side}_knee")] = quat.from_axis_angle(np.array([1.0, 0, 0]), np.full(FRAMES, 0.5))
    root = np.tile([0, 0.9, 0], (FRAMES, 1)) + np.arange(FRAMES)[:, None] * [0, 0, 0.05]
    places = model_to_blender(forward_kinematics(local, root, SKELETON.offsets.astype(float)))
    heads = {joint: places[:, index] for index, joint in enumerate(SKELETON.names)}
    still = np.zeros((FRAMES, 4))
    level = {"left": np.zeros(FRAMES), "right": np.zeros(FRAMES)}
    return MotionOnRig(
        np.arange(FRAMES) + 1.0,
        dict(heads),
        heads,
        still == 0,
        still,
        level,
        level,
        {},
        frozenset({"pelvis"}),
        0.8,
        20.0,
    )


def found(shown: MotionOnRig) -> tuple[Fault, ...]:
    return run_to_end(find_faults(shown))


def changed(shown: MotionOnRig, **heads: np.ndarray) -> MotionOnRig:
    return replace(shown, heads=shown.heads | heads)


def test_of_a_sound_motion_nothing_is_told():
    assert found(walking()) == () and fault_words.broken_notice(()) == ""


def test_a_knee_that_bends_backward_is_told_with_its_frame():
    shown = walking()
    hip, ankle = shown.heads["left_hip"], shown.heads["left_ankle"]
    knee = shown.heads["left_knee"].copy()
    rows = slice(10, 13)
    along = (ankle - hip)[rows] / np.linalg.norm((ankle - hip)[rows], axis=-1, keepdims=True)
    offset = (knee - hip)[rows]
    knee[rows] -= 2 * (offset - (offset * along).sum(-1, keepdims=True) * along)
    (fault,) = [fault for fault in found(changed(shown, left_knee=knee)) if fault.kind == "knee"]
    assert fault.joint == "left_knee" and 11 <= fault.frame <= 13 and 20 < fault.amount < 40 and not fault.is_broken
    assert "left knee bends backward" in fault_words.sentence(fault)


def test_legs_on_the_wrong_sides_are_broken():
    shown = walking()
    heads = {
        joint: shown.heads[joint.replace("left", "x").replace("right", "left").replace("x", "right")]
        for joint in shown.heads
    }
    faults = found(replace(shown, heads=heads))
    assert faults[0].kind == "hips" and faults[0].is_broken
    assert "looks broken" in fault_words.broken_notice(faults) and "Bones" in fault_words.broken_notice(faults)


def test_a_limb_that_tears_and_one_that_is_led_are_told_apart():
    shown = walking()
    wrist = shown.heads["left_wrist"].copy()
    wrist[20] += (0.0, 0.0, 0.3)
    (fault,) = found(changed(shown, left_wrist=wrist))
    assert (fault.kind, fault.joint, fault.frame, fault.is_broken) == ("stretch", "left_wrist", 21.0, True)
    raised = {j: shown.heads["left_shoulder"] * 2 - shown.heads[j] for j in ("left_elbow", "left_wrist")}
    assert [fault.kind for fault in found(changed(shown, **raised))] == ["limb"]
    assert not found(replace(changed(shown, **raised), led=frozenset({"left_wrist"})))


@pytest.mark.parametrize(
    "over, own, kind, is_broken",
    [(-0.06, 0.0, "under", False), (0.2, 0.0, "over", True), (0.2, 0.2, "", False), (-0.2, -0.2, "", False)],
)
def test_soles_are_measured_beside_those_of_the_motion(over, own, kind, is_broken):
    """Who steps onto a box or lies on the floor is not at fault."""
    shown = walking()
    heights, own_heights = np.zeros(FRAMES), np.zeros(FRAMES)
    heights[6:9], own_heights[6:9] = over, own
    faults = found(replace(shown, clearances={"left": heights}, lifted={"left": own_heights}))
    assert [(fault.kind, fault.frame, fault.is_broken) for fault in faults] == (
        [(kind, 8.0, is_broken)] if kind else []
    )
    assert all("left foot" in fault_words.sentence(fault) for fault in faults)


def test_a_control_out_of_reach_and_feet_that_slide_are_told():
    shown = walking()
    far = shown.heads["left_shoulder"][[5]] + (0.0, -2.0, 0.0)
    distance = np.linalg.norm(far - shown.heads["left_wrist"][[5]], axis=-1)
    slides = shown.slides.copy()
    slides[30, 1] = 0.05
    missed = {"left_wrist": (np.array([6.0]), far, distance)}
    faults = found(replace(shown, missed=missed, slides=slides, led=frozenset({"left_wrist"})))
    assert {(fault.kind, fault.frame) for fault in faults} == {("reach", 6.0), ("slide", 31.0)}
    near = shown.heads["left_shoulder"][[5]] + (0.0, 0.3, 0.0)
    assert not found(
        replace(shown, missed={"left_wrist": (np.array([6.0]), near, distance)}, led=frozenset({"left_wrist"}))
    )
