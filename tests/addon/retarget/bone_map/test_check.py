# SPDX-License-Identifier: GPL-3.0-or-later
"""A map that would tear the mesh or walk backward is refused with the bone's name and what to do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.retarget.bone_map import custom_map, detect_bones
from blender_addon.retarget.bone_map.wiring import rehung_bones
from blender_addon.shared.errors import RetargetError
from blender_addon.shared.skeleton import SKELETON

from ..figures import human, posed_joints, scrambled
from .animals import ANIMALS

ALL = {joint: joint for joint in SKELETON.names}
LEGS = ("hip", "knee", "ankle", "foot")


def bones(**parents: str) -> list:
    """A figure whose bones are called as its joints; some of them on others."""
    found = human(posed_joints(arms=40, elbows=10, legs=5))
    return [dataclasses.replace(one, parent=parents.get(one.name, one.parent)) for one in found]


def swapped(*parts: str) -> dict[str, str]:
    sides = {"left": "right", "right": "left"}
    return ALL | {f"{side}_{part}": f"{sides[side]}_{part}" for side in sides for part in parts}


@pytest.mark.parametrize(
    "armature, joints, words",
    [
        (bones(left_hip="right_wrist"), ALL, ("'left_hip'", "'right_wrist'", "right wrist")),
        (bones(), ALL | {"left_knee": "left_ankle", "left_ankle": "left_knee"}, ("'left_knee'", "'left_ankle'")),
        (bones(), swapped("knee"), ("'right_knee'", "left knee")),
        (bones(), swapped(*LEGS), ("Left and right are swapped",)),
        (bones(), swapped(*LEGS, "collar", "shoulder", "elbow", "wrist"), ("Left and right are swapped",)),
    ],
)
def test_what_no_body_can_be_is_refused_with_its_bone(armature, joints, words):
    with pytest.raises(RetargetError) as caught:
        custom_map(armature, joints)
    assert all(word in caught.value.message for word in words) and "Bones" in caught.value.hint


def test_names_that_say_the_other_side_are_believed_less_than_toes():
    """Some makers name sides as they see them from before."""
    turned = human(posed_joints() @ np.diag([-1.0, -1.0, 1.0]), lambda joint: swapped(*LEGS)[joint])
    names = {joint: swapped(*LEGS)[joint] for joint in SKELETON.names}
    assert custom_map(turned, names).bones == names


def test_a_bone_that_is_connected_where_it_cannot_stay_is_refused_and_else_left():
    """Blender does not move a connected bone: a thigh on the spine turns with it, a foot on the root is left behind."""
    on_spine = [
        dataclasses.replace(one, connected=one.name.endswith("_hip"))
        for one in bones(left_hip="spine1", right_hip="spine1")
    ]
    assert not rehung_bones(on_spine, detect_bones(on_spine))
    root = dataclasses.replace(on_spine[0], name="root", parent=None, head=(0, 0, 0), tail=(0, 0.2, 0))
    on_root = [
        root,
        *(dataclasses.replace(one, parent="root" if "ankle" in one.name else one.parent or "root") for one in bones()),
    ]
    assert set(rehung_bones(on_root, custom_map(on_root, ALL))) == {"left_ankle", "right_ankle"}
    stuck = [dataclasses.replace(one, connected=one.name == "left_ankle") for one in on_root]
    with pytest.raises(RetargetError) as caught:
        custom_map(stuck, ALL)
    assert "'left_ankle'" in caught.value.message and "Connected" in caught.value.hint


def test_what_is_missing_in_a_figure_is_said():
    def message(found: list) -> str:
        with pytest.raises(RetargetError) as caught:
            detect_bones(found)
        return caught.value.message

    rename = scrambled()
    legs = {rename(joint) for joint in SKELETON.names[:9]}
    without_arms = [one for one in human(posed_joints(), rename) if one.name in legs]
    assert "no arms" in message(without_arms)
    assert "mirror image" in message([one for one in human(posed_joints(), rename) if "left" not in one.name][:3])
    fore = {"shoulder": "foreleg", "elbow": "fore_shin", "wrist": "fore_foot", "collar": "withers"}
    animal = human(
        posed_joints(), lambda joint: next((joint.replace(a, b) for a, b in fore.items() if a in joint), joint)
    )
    assert "animal" in message(animal)


@pytest.mark.parametrize("are_named", [True, False])
@pytest.mark.parametrize("name", ANIMALS)
def test_an_animal_is_no_human(name, are_named):
    found = ANIMALS[name]()
    if not are_named:
        numbers = {one.name: f"Bone.{number:03d}" for number, one in enumerate(found)}
        found = [
            dataclasses.replace(one, name=numbers[one.name], parent=numbers.get(one.parent or "")) for one in found
        ]
    with pytest.raises(RetargetError, match="No human figure"):
        detect_bones(found)
