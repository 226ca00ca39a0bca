# SPDX-License-Identifier: GPL-3.0-or-later
"""A bone map made by hand: checked, mirrored, saved and loaded again for another armature of the same make."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blender_addon.retarget.bone_map import custom as mapping
from blender_addon.retarget.bone_map.detect import detect_bones
from blender_addon.retarget.bone_map.mapping import LIMB_JOINTS
from blender_addon.shared import quat
from blender_addon.shared.errors import BadFile, RetargetError
from blender_addon.shared.skeleton import SKELETON

from ..figures import bone, human, posed_joints, scrambled


def named(prefix: str = "", **options) -> list:
    return human(posed_joints(arms=40, elbows=10, legs=5), lambda joint: prefix + joint, **options)


def test_what_is_chosen_is_taken_and_the_spine_between_turns_with_it():
    joints = {joint: joint for joint in (*LIMB_JOINTS, "spine3")}
    found = mapping.custom_map(named(), joints)
    assert found.bones == {joint: joint for joint in SKELETON.names if joint in joints}
    assert found.between == {"spine1": ("pelvis", "spine3", 1 / 3), "spine2": ("pelvis", "spine3", 2 / 3)}


def test_what_cannot_be_is_said_with_a_remedy():
    whole = {joint: joint for joint in SKELETON.names}
    for joints, word in (
        (whole | {"left_knee": ""}, "left knee"),
        (whole | {"left_knee": "gone"}, "'gone'"),
        (whole | {"left_knee": "right_knee"}, "left knee and right knee"),
        ({}, "right shoulder"),
    ):
        with pytest.raises(RetargetError) as caught:
            mapping.custom_map(named(), joints)
        assert word in caught.value.message and caught.value.hint.startswith("Choose")


@pytest.mark.parametrize(
    "turn", [np.eye(3), quat.to_matrix(quat.from_axis_angle(np.array([0, 0.6, 0.8]), np.array(1.0)))]
)
def test_the_right_side_is_the_left_in_a_mirror_whatever_the_names(turn):
    rename = scrambled()
    bones = human(posed_joints(arms=40, elbows=10, legs=5), rename, turn=turn, size=30)
    left = {joint: rename(joint) for joint in SKELETON.names if not joint.startswith("right_")}
    found = mapping.mirrored(bones, left)
    assert found == {joint: rename(joint) for joint in SKELETON.names if joint.startswith("right_")}


def test_a_bone_without_counterpart_is_left_out():
    bones = [b for b in named() if b.name != "right_foot"]
    bones.append(bone("tail", "pelvis", np.array([0, 0.3, 1.0]), np.array([0, 0.6, 0.9])))
    found = mapping.mirrored(bones, {joint: joint for joint in SKELETON.names if joint != "right_foot"})
    assert "right_foot" not in found and "tail" not in found.values() and found["right_knee"] == "right_knee"


def test_a_file_fits_the_same_rig_under_another_prefix():
    text = mapping.to_json({joint: f"mixamorig:{joint}" for joint in SKELETON.names})
    joints, lost = mapping.from_json(text, named("mixamorig3:", without=("head",)))
    assert lost == ["mixamorig:head"]
    assert joints == {joint: f"mixamorig3:{joint}" for joint in SKELETON.names if joint != "head"}


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"gaitway_bones": 1}', '{"gaitway_bones": 9, "joints": {}}',
        '{"gaitway_bones": 1, "joints": {"tail": "t"}}', '{"gaitway_bones": 1, "joints": {"head": 3}}',
    ],
)  # fmt: skip
def test_other_files_are_refused(text):
    with pytest.raises(BadFile) as caught:
        mapping.from_json(text, named())
    assert caught.value.hint


def test_a_detected_map_survives_the_way_through_a_file():
    bones = named()
    joints = detect_bones(bones).bones
    assert mapping.from_json(mapping.to_json(joints), bones) == (joints, [])
    assert json.loads(mapping.to_json(joints))["joints"] == joints
