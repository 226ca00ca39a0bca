# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of many makes are mapped as their makers meant them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.retarget.bone_map import REQUIRED_JOINTS, custom_map, detect_bones
from blender_addon.retarget.bone_map.words import read_name

from ..figures import bone, posed_joints
from .families import FAMILIES, skeleton

HALF_TURN = np.diag([-1.0, -1.0, 1.0])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_mapped_as_its_maker_meant(name):
    family = FAMILIES[name]
    bones, truth = skeleton(family)
    found = detect_bones(bones).bones
    wrong = {joint: (found.get(joint), bone) for joint, bone in truth.items() if found.get(joint) != bone}
    assert not {joint: pair for joint, pair in wrong.items() if joint not in family.free}
    assert all(joint in found for joint in REQUIRED_JOINTS)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_was_detected_may_be_chosen_by_hand(name):
    """And then the same bones move: those of the spine between the joints as well."""
    bones, _ = skeleton(FAMILIES[name])
    found = detect_bones(bones)
    chosen = custom_map(bones, found.bones)
    assert (chosen.bones, chosen.between) == (found.bones, found.between)


def test_a_spine_beside_the_hips_is_chosen_whole():
    bones, _ = skeleton(FAMILIES["MMD"])
    found = detect_bones(bones).bones
    chosen = custom_map(bones, found | {"neck": "", "pelvis": "下半身"})
    assert "上半身" in chosen.between


@pytest.mark.parametrize("name", ["Quaternius women", "Quaternius with IK feet", "3ds Max Biped", "Xsens", "MMD"])
def test_it_is_mapped_so_whatever_tails_say_and_wherever_it_faces(name):
    """Tails as importers invent them, the figure facing away in mid-stride: names and hierarchy are enough."""
    family, rng = FAMILIES[name], np.random.default_rng(4)
    joints = posed_joints(arms=60, knees=15) @ HALF_TURN
    joints[[1, 4, 7, 10], 1] -= 0.1 * np.array([0, 1, 2, 2])
    bones, truth = skeleton(family, joints)
    wild = [dataclasses.replace(one, tail=tuple(np.array(one.head) + rng.normal(0, 0.3, 3))) for one in bones]
    found = detect_bones(wild).bones
    assert {joint: found.get(joint) for joint in truth if joint not in family.free} == {
        joint: its for joint, its in truth.items() if joint not in family.free
    }


@pytest.mark.parametrize("name", ["Rokoko", "MMD in English", "Roblox R15", "Rigify before 0.5", "German"])
def test_what_hangs_beside_the_parts_of_a_limb_is_none(name):
    """Straps and pockets on one side of the body, whose bones reach farther than hand and foot."""
    family = FAMILIES[name]
    bones, truth = skeleton(family)
    for strap, joint in enumerate(("left_shoulder", "left_wrist", "right_elbow", "right_knee", "right_ankle")):
        carrier = next(one for one in bones if one.name == truth[joint])
        start = np.array(carrier.head)
        for number in (1, 2, 3):
            end = np.add(start, (0.1, 0.25, -0.1))
            above = carrier.name if number == 1 else f"Strap {strap} {number - 1}"
            bones.append(bone(f"Strap {strap} {number}", above, start, end))
            start = end
    found = detect_bones(bones).bones
    assert {joint: found.get(joint) for joint in truth if joint not in family.free} == {
        joint: its for joint, its in truth.items() if joint not in family.free
    }


@pytest.mark.parametrize(
    "name, side",
    [
        ("LeftFoot", "left"), ("foot.L", "left"), ("L_foot", "left"), ("lFoot", "left"), ("foot_l_01", "left"),
        ("mAnkleRight", "right"), ("R Foot", "right"), ("-R", "right"), ("右足首", "right"), ("Pied_Droit", "right"),
        ("Root", ""), ("collar", ""), ("ball", ""), ("Roll", ""), ("L5", ""), ("Lower", ""), ("cleft", ""),
        ("LUArm", "left"), ("RLLeg", "right"),
    ],
)  # fmt: skip
def test_sides_are_words_and_not_letters(name, side):
    assert read_name(name).side == side
