# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot work is told at the press: what happened and what to do, in a sentence each, by the names of the things
on the screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.capture import capture
from blender_addon.shared.errors import GaitwayError
from blender_addon.ui.controls.walk_along import walk_along, why_no_path

from ..helpers import dressed, rigs, scenes

Wrong = Callable[[bpy.types.Object], bpy.types.Object | None]
"""Spoils a scene with this armature; returns what is to be walked along where Walk Along Curve is what is pressed."""


def driven_bone(rig: bpy.types.Object) -> None:
    rig.driver_add('pose.bones["mixamorig:Spine"].rotation_quaternion', 1)


def constrained_bone(rig: bpy.types.Object) -> None:
    constraint = rig.pose.bones["mixamorig:LeftArm"].constraints.new("COPY_ROTATION")
    constraint.target, constraint.name = scenes.empty("Aim", {}), "Look"


def tweaked_strip(rig: bpy.types.Object) -> None:
    rig.keyframe_insert("location", frame=1)
    animation = rig.animation_data
    track = animation.nla_tracks.new()
    track.strips.new("Idle", 1, animation.action).select = True
    animation.action, track.select, animation.nla_tracks.active = None, True, track
    animation.use_tweak_mode = True


def stretched_object(rig: bpy.types.Object) -> None:
    rig.scale = (1, 1, 2)


def only_instanced(rig: bpy.types.Object) -> None:
    shown = bpy.data.objects.new("Shown", None)
    shown.instance_type, shown.instance_collection = "COLLECTION", bpy.data.collections.new("Heroes")
    for owner in rig.users_collection:
        owner.objects.unlink(rig)
    shown.instance_collection.objects.link(rig)
    bpy.context.scene.collection.objects.link(shown)


def no_human(rig: bpy.types.Object) -> None:
    rows = [("Root", None, "pelvis", "spine1"), ("Lid", "Root", "spine1", "spine2")]
    bpy.context.scene.gaitway.character = rigs.build("Box", rows, rigs.t_pose())


def branching_edges(_rig: bpy.types.Object) -> bpy.types.Object:
    return dressed.edges(branch=True)


def point_of_a_curve(_rig: bpy.types.Object) -> bpy.types.Object:
    return scenes.curve("Dot", [(1, 1, 0), (1, 1, 0)], "POLY")


def tiny_drawing(_rig: bpy.types.Object) -> bpy.types.Object:
    return scenes.curve("Logo", [(0, 0, 0), (0.05, 0, 0)], "POLY")


def endless_road(_rig: bpy.types.Object) -> bpy.types.Object:
    return scenes.curve("Road", [(0, 0, 0), (5000, 0, 0)], "POLY")


def head_of_hair(_rig: bpy.types.Object) -> None:
    scenes.control(dressed.hair(strands=80), frame_start=1, frame_end=60, along_lines=True)


def walk_along_hair(_rig: bpy.types.Object) -> bpy.types.Object:
    return dressed.hair(strands=80)


def animated_stroke(_rig: bpy.types.Object) -> None:
    scenes.control(dressed.grease_pencil(), frame_start=1, frame_end=60, along_lines=True, pace="ANIMATED")


def two_for_one_joint(_rig: bpy.types.Object) -> None:
    for name in ("Way A", "Way B"):
        scenes.control(scenes.curve(name, dressed.LINE), frame_start=1, frame_end=60)


def too_early(_rig: bpy.types.Object) -> None:
    scenes.control(scenes.empty("Hand", {-20: (1, 1, 1), 10: (2, 2, 1)}), joint="left_wrist")


WRONG: dict[Wrong, tuple[str, ...]] = {
    driven_bone: ("'mixamorig:Spine'", "driver", "Mute or delete"),
    constrained_bone: ("'mixamorig:LeftArm' of 'Rig'", "'Look', so", "Mute this constraint"),
    tweaked_strip: ("'Rig'", "tweak mode", "Tab in the NLA editor"),
    stretched_object: ("'Rig'", "scaled unevenly", "apply the scale"),
    only_instanced: ("'Rig'", "'Shown'", "link the collection 'Heroes'"),
    no_human: ("No human figure", "two legs"),
    branching_edges: ("'Edges'", "3 of them meet", "delete the other edges"),
    point_of_a_curve: ("'Dot'", "two different points", "Draw at least"),
    tiny_drawing: ("'Logo'", "5 cm long, too short to walk", "Scale it up", "80 times"),
    endless_road: ("'Road'", "5 km long", "it takes", "69 minutes", "can last 10", "Shorten it"),
    head_of_hair: ("'Hair'", "80 separate lines", "Choose one under Spline"),
    walk_along_hair: ("'Hair'", "80 separate lines", "Choose one under Spline"),
    animated_stroke: ("'Stroke'", "no Evaluation Time", "Set Speed to Even"),
    two_for_one_joint: ("'Way A'", "'Way B'", "pelvis", "frame 1", "disable one"),
    too_early: ("'Hand'", "frame -20", "starts at 1", "Set Start Frame to -20"),
}


@pytest.fixture
def rig(addon) -> bpy.types.Object:
    bpy.context.scene.gaitway.character = rigs.mixamo("Rig")
    return bpy.context.scene.gaitway.character


@pytest.mark.parametrize("spoil", WRONG, ids=lambda spoil: spoil.__name__)
def test_what_cannot_work_is_told_at_the_press(rig: bpy.types.Object, spoil: Wrong) -> None:
    scene = bpy.context.scene
    before = len(scene.gaitway.controls)
    path = spoil(rig)
    with pytest.raises(GaitwayError) as caught:
        walk_along(scene, path) if path is not None else capture.capture(scene)
    error = caught.value
    print(error)
    for words in WRONG[spoil]:
        assert words in str(error), error
    assert is_one_sentence(error.message) and is_one_sentence(error.hint), error
    assert path is None or len(scene.gaitway.controls) == before


def is_one_sentence(text: str) -> bool:
    """Whether a text begins with a capital or a name and ends with its only full stop."""
    return bool(re.fullmatch(r"[A-Z'0-9][^\n]*\.", text)) and not re.search(r"[.!?] [A-Z']", text)


def test_a_character_of_another_file_asks_for_an_override_and_moves_with_one(rig, tmp_path: Path) -> None:
    scene, file = bpy.context.scene, tmp_path / "heroes.blend"
    only_instanced(rig)
    bpy.data.libraries.write(str(file), {bpy.data.collections["Heroes"]}, fake_user=True)
    shown = bpy.data.objects["Shown"]
    bpy.data.objects.remove(rig)
    with bpy.data.libraries.load(str(file), link=True) as (_, wanted):
        wanted.collections = ["Heroes"]
    shown.instance_collection = wanted.collections[0]
    scene.gaitway.character = bpy.data.objects["Rig"]
    with pytest.raises(GaitwayError, match=r"linked from 'heroes.blend'.*Select 'Shown', use .*Library Override"):
        capture.capture(scene)
    shown.instance_collection.override_hierarchy_create(scene, bpy.context.view_layer, reference=shown)
    scene.gaitway.character = next(each for each in scene.objects if each.type == "ARMATURE")
    assert scene.gaitway.character.override_library and capture.capture(scene).body.name == "Rig"


@pytest.mark.parametrize(("kind", "words"), [("mesh.primitive_cube_add", "faces"), ("object.text_add", "convert it")])
def test_walk_along_says_why_it_is_greyed_out(rig, kind: str, words: str) -> None:
    module, operator = kind.split(".")
    getattr(getattr(bpy.ops, module), operator)()
    assert f"'{bpy.context.object.name}'" in why_no_path(bpy.context) and words in why_no_path(bpy.context)
    assert not bpy.ops.gaitway.walk_along.poll()
