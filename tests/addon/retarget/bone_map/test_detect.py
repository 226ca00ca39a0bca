# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone is which joint: by names, by structure, or not at all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.retarget.bone_map.detect import canonical, detect_bones, spread_trunk
from blender_addon.retarget.bone_map.mapping import LIMB_JOINTS
from blender_addon.retarget.bone_map.tables import TABLES
from blender_addon.retarget.pose import alignment
from blender_addon.shared import quat
from blender_addon.shared.errors import RetargetError
from blender_addon.shared.skeleton import SKELETON

from ..figures import bone, human, names_of, posed_joints, rig_of, scrambled

Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # Blender axes into those of a Y-up file


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.family)
@pytest.mark.parametrize("prefix", ["", "Character1_", "scene:"])
def test_every_family_is_known_by_its_names(table, prefix):
    names = names_of(table)
    found = detect_bones(human(posed_joints(arms=45), lambda joint: prefix + names[joint]))
    assert found.family == table.family
    assert found.bones == {joint: prefix + name for joint, name in names.items()}


def test_tables_agree_with_each_other():
    """A family's own names must score best for itself; so no two tables may claim the same full set."""
    seen = {}
    for table in TABLES:
        key = frozenset(canonical(name) for name in names_of(table).values())
        assert key not in seen, f"{table.family} has the names of {seen.get(key)}"
        seen[key] = table.family


@pytest.mark.parametrize("name", ["mixamorig:LeftArm", "mixamorig7:Left_Arm", "left.arm", "LEFT-ARM", "Left Arm"])
def test_spellings_of_one_name_are_one(name):
    assert canonical(name) == "leftarm"


def test_names_whose_bones_do_not_hang_together_are_not_believed():
    names = names_of(TABLES[0])
    swapped = names | {"left_knee": names["right_elbow"], "right_elbow": names["left_knee"]}
    found = detect_bones(human(posed_joints(), lambda joint: swapped[joint]))
    assert found.family == "its structure"
    assert found["left_knee"] == swapped["left_knee"] and found["right_elbow"] == swapped["right_elbow"]


@pytest.mark.parametrize(
    "turn", [np.eye(3), Y_UP, quat.to_matrix(quat.from_axis_angle(np.array([0.6, 0, 0.8]), np.asarray(2.0)))]
)
@pytest.mark.parametrize("arms, elbows, legs", [(0, 0, 0), (50, 15, 8), (80, 0, 0)])
def test_structure_finds_every_joint_whatever_the_names(turn, arms, elbows, legs):
    rename = scrambled()
    found = detect_bones(human(posed_joints(arms, elbows, legs), rename, turn=turn, size=30))
    assert found.bones == {joint: rename(joint) for joint in SKELETON.names}


@pytest.mark.parametrize(
    "without",
    [
        ("left_foot", "right_foot"),
        ("left_collar", "right_collar"),
        ("spine1", "spine2"),
        ("neck",),
        ("left_foot", "right_foot", "left_collar", "right_collar", "spine1", "neck", "head"),
    ],
)
def test_structure_does_with_less(without):
    rename = scrambled(5)
    found = detect_bones(human(posed_joints(arms=30), rename, without=without))
    for joint in LIMB_JOINTS:
        assert found[joint] == rename(joint)
    assert not set(without) & set(found.bones)


def test_structure_sees_through_twist_bones_fingers_and_a_root_on_the_ground():
    rename = scrambled(6)
    bones = [dataclasses.replace(b, parent=b.parent or "ground") for b in human(posed_joints(arms=40), rename)]
    by_name = {b.name: b for b in bones}
    extra = [bone("ground", None, np.zeros(3), np.array([0, -0.3, 0]))]
    for side in ("left", "right"):
        # A forearm in two pieces: the hand hangs on the second.
        elbow, wrist = by_name[rename(f"{side}_elbow")], by_name[rename(f"{side}_wrist")]
        middle = (np.array(elbow.head) + np.array(wrist.head)) / 2
        extra.append(bone(f"{side} twist", elbow.name, middle, np.array(wrist.head)))
        bones[bones.index(wrist)] = dataclasses.replace(wrist, parent=f"{side} twist")
        for finger in range(5):
            start = np.array(wrist.tail) + 0.02 * np.array([0, finger - 2, 0])
            extra.append(
                bone(
                    f"{side} finger {finger}",
                    wrist.name,
                    start,
                    start + 0.08 * np.array([1 if side == "left" else -1, 0, 0]),
                )
            )
    found = detect_bones(extra[:1] + bones + extra[1:])
    assert found.bones == {joint: rename(joint) for joint in SKELETON.names}


def test_left_is_where_the_feet_say_it_is():
    """Turned by half a turn, the figure faces backwards and its left is on the other side of the file."""
    rename = scrambled()
    found = detect_bones(human(posed_joints(), rename, turn=np.diag([-1.0, -1.0, 1.0])))
    assert found["left_hip"] == rename("left_hip")
    rig = rig_of(human(posed_joints(), rename, turn=np.diag([-1.0, -1.0, 1.0])))
    assert np.degrees(quat.angle(alignment.figure_rotation(rig, found))) == pytest.approx(180, abs=1e-3)


def quadruped() -> list:
    points = {"pelvis": (0, 0.5, 0.6), "chest": (0, -0.2, 0.6), "neck": (0, -0.4, 0.75), "head": (0, -0.6, 0.8)}
    bones = []
    previous = None
    for name, after in (("pelvis", "chest"), ("chest", "neck"), ("neck", "head")):
        bones.append(bone(name, previous, np.array(points[name]), np.array(points[after])))
        previous = name
    for carrier, along in (("pelvis", 0.5), ("chest", -0.2)):
        for side in (1, -1):
            heights = (0.55, 0.3, 0.1, 0.02)
            parent = carrier
            for number, (top, low) in enumerate(zip(heights, (*heights[1:], 0.0), strict=True)):
                name = f"{carrier} {side} {number}"
                forward = -0.1 if number == 3 else 0.0
                bones.append(
                    bone(name, parent, np.array([0.1 * side, along, top]), np.array([0.1 * side, along + forward, low]))
                )
                parent = name
    return bones


def test_what_is_not_human_is_refused_with_a_remedy():
    chain = [
        bone(f"b{i}", f"b{i - 1}" if i else None, np.array([0, 0, i]), np.array([0, 0, i + 1.0])) for i in range(12)
    ]
    legs_only = [
        b for b in human(posed_joints(), scrambled()) if b.name in {scrambled()(j) for j in SKELETON.names[:9]}
    ]
    for bones in ([], chain, quadruped(), legs_only):
        with pytest.raises(RetargetError) as caught:
            detect_bones(bones)
        assert "two legs" in caught.value.hint


@pytest.mark.parametrize("count", range(7))
def test_a_spine_of_any_length_ends_in_the_chest(count):
    spine = [f"s{i}" for i in range(count)]
    joints, between = spread_trunk({"pelvis": "p"}, spine, ["n"])
    assert joints["neck"] == "n" and sorted([*joints.values(), *between]) == sorted(["p", "n", *spine])
    if count:
        assert joints["spine3"] == spine[-1]
    stations = ("pelvis", "spine1", "spine2", "spine3")
    heights = [stations.index(next(j for j, b in joints.items() if b == bone)) if bone in joints.values()
               else stations.index(between[bone][0]) + between[bone][2] for bone in spine]  # fmt: skip
    assert heights == sorted(heights)
