# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: shown, kept, thrown away, made again, and what an animator keyed by hand stays what it was."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat
from blender_addon.app.generation import GENERATION
from blender_addon.keying import fcurve_keys
from blender_addon.takes import history as takes
from blender_addon.takes import settings_snapshot

from ..helpers import rigs, scenes
from ..helpers.engines import generate, piece_by_piece, running_engine, wait_for
from ..helpers.observed import everything, hips_errors, keyed_bones

FINGER = "mixamorig:LeftHandIndex1"
THIGH = "mixamorig:LeftUpLeg"


@pytest.fixture
def engine(addon, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running_engine(tmp_path / "connection.json", "tests.blender.helpers.walking_engine") as process:
        yield process


@pytest.fixture
def settings(addon) -> bpy.types.PropertyGroup:
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    path = scenes.curve("Path", [(0, 0, 0), (1.2, -1.6, 0), (0.4, -3.6, 0)])
    scenes.control(path, frame_start=1, frame_end=97)
    return found


def key_by_hand(armature: bpy.types.Object) -> None:
    """A finger that curls through the motion, and a thigh keyed before, in and after it."""
    for frame, angle in ((1, 0.0), (60, 0.7), (130, 0.1)):
        bone = armature.pose.bones[FINGER]
        bone.rotation_mode = "XYZ"
        bone.rotation_euler = (angle, 0, 0)
        bone.keyframe_insert("rotation_euler", frame=frame)
    for frame, angle in ((-20, 0.1), (50, 0.2), (150, 0.3)):
        bone = armature.pose.bones[THIGH]
        bone.rotation_quaternion = (np.cos(angle), np.sin(angle), 0, 0)
        bone.keyframe_insert("rotation_quaternion", frame=frame)
    bpy.context.scene.frame_set(bpy.context.scene.frame_current)


def keys_of(armature: bpy.types.Object, bone: str, channel: str) -> list[tuple[float, float, str]]:
    curve = compat.played_bag(armature).fcurves.find(f'pose.bones["{bone}"].{channel}', index=0)
    return [(key.co.x, key.co.y, key.type) for key in curve.keyframe_points]


def values_of(action: bpy.types.Action) -> np.ndarray:
    return np.concatenate([fcurve_keys.read_keys(curve)["co"] for bag in compat.bags(action) for curve in bag.fcurves])


# ---- what a take is


def test_a_take_stands_in_the_history_and_on_the_character(engine, settings) -> None:
    settings.prompt, settings.seed = "a person walks.", 4
    generate()
    (take,) = settings.takes.items
    assert take == takes.shown(bpy.context.scene) and not take.accepted
    assert take.action.name == "Gaitway: a person walks" and take.seed == 4
    assert (take.frame_start, take.frame_end) == (1, 97)
    assert take.is_measured and take.average == pytest.approx(hips_errors(settings.character).mean(), abs=1e-5)
    bag = compat.played_bag(settings.character)
    assert settings.character.animation_data.action == take.action
    kinds = {key.type for curve in bag.fcurves for key in curve.keyframe_points}
    assert kinds == {"GENERATED"}
    source = takes.source_of(take)
    assert np.array_equal(source.joints, GENERATION.result.joints[0])
    assert source.request.prompts[0].text == "a person walks."


def test_fingers_and_keys_outside_go_on_and_keys_inside_give_way(engine, settings) -> None:
    armature = settings.character
    key_by_hand(armature)
    finger, thigh = (
        keys_of(armature, *channel) for channel in ((FINGER, "rotation_euler"), (THIGH, "rotation_quaternion"))
    )
    generate()
    assert GENERATION.error is None and takes.shown(bpy.context.scene) is not None
    assert keys_of(armature, FINGER, "rotation_euler") == finger
    now = keys_of(armature, THIGH, "rotation_quaternion")
    assert [key for key in now if not 1 <= key[0] <= 97] == [thigh[0], thigh[2]]
    assert all(key[2] == "GENERATED" for key in now if 1 <= key[0] <= 97) and len(now) == 99
    assert hips_errors(armature).max() < 0.01
    # A second motion carries the same hand-made keys on, and none of the first motion's.
    settings.controls[0].frame_end = 49
    generate()
    now = keys_of(armature, THIGH, "rotation_quaternion")
    assert [key for key in now if not 1 <= key[0] <= 49] == [thigh[0], thigh[2]] and len(now) == 51
    assert keys_of(armature, FINGER, "rotation_euler") == finger


# ---- discard


@pytest.mark.parametrize("variations", [1, 3])
def test_discard_gives_a_hand_made_action_back_to_the_key(engine, settings, variations: int) -> None:
    key_by_hand(settings.character)
    settings.variations = variations
    before = everything()
    generate()
    assert len(bpy.data.actions) == 1 + variations
    bpy.ops.gaitway.take_discard()
    assert everything() == before


def test_discard_gives_a_pose_that_was_never_keyed_back(engine, settings) -> None:
    armature = settings.character
    armature.pose.bones[THIGH].rotation_quaternion = (0.8, 0.6, 0, 0)
    armature.pose.bones["mixamorig:Hips"].location = (0.1, 0.2, 0.3)
    before = everything()
    generate()
    bpy.context.scene.frame_set(40)
    bpy.context.scene.frame_set(1)
    assert everything()["poses"] != before["poses"]
    bpy.ops.gaitway.take_discard()
    assert everything() == before
    assert armature.animation_data is None


def test_discard_after_a_save_and_a_reload(engine, settings, tmp_path: Path) -> None:
    settings.character.pose.bones[THIGH].rotation_quaternion = (0.8, 0.6, 0, 0)
    before = everything()
    generate()
    path = str(tmp_path / "takes.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    bpy.ops.gaitway.take_discard()
    assert everything() == before


def test_discarding_the_second_shows_the_first_and_discarding_the_first_what_was_before(engine, settings) -> None:
    key_by_hand(settings.character)
    states = [everything()]
    for seed in (1, 2, 3):
        settings.seed = seed
        generate()
        states.append(everything())
    bpy.ops.gaitway.take_discard()
    assert everything() == states[2]
    bpy.ops.gaitway.take_discard(index=0)  # not the one that is shown
    assert takes.shown(bpy.context.scene).seed == 2
    bpy.ops.gaitway.take_discard()
    settings.seed = 0
    assert everything() == states[0]


def test_undo_and_redo_of_each_step(engine, settings) -> None:
    key_by_hand(settings.character)
    before = everything()
    generate()
    made = everything()
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.gaitway.take_discard()
    bpy.ops.ed.undo_push(message="discarded")
    bpy.ops.ed.undo()
    assert everything() == made
    bpy.ops.ed.redo()
    assert everything() == before


# ---- show, accept, remove


def test_any_variation_can_be_shown_and_kept(engine, settings) -> None:
    settings.variations = 3
    generate()
    armature, actions = settings.character, set()
    for index in range(3):
        bpy.ops.gaitway.take_show(index=index)
        actions.add(armature.animation_data.action.name)
        assert settings.takes.active == index and hips_errors(armature).max() < 0.01
    assert len(actions) == 3
    bpy.ops.gaitway.take_accept(index=2)
    kept = everything()["actions"][settings.takes.items[2].action.name]
    bpy.ops.gaitway.take_show(index=0)
    bpy.ops.gaitway.take_discard()
    assert [take.accepted for take in settings.takes.items] == [True]
    assert takes.shown(bpy.context.scene) == settings.takes.items[0]
    assert everything()["actions"] == {settings.takes.items[0].action.name: kept} | {
        name: curves for name, curves in everything()["actions"].items() if not name.startswith("Gaitway")
    }


def test_accept_to_the_nla_plays_the_same(engine, settings) -> None:
    generate()
    armature = settings.character
    bpy.ops.gaitway.take_accept(to_nla=True)
    assert armature.animation_data.action is None and len(armature.animation_data.nla_tracks) == 1
    assert hips_errors(armature).max() < 0.01


def test_what_was_made_by_hand_survives_accept_and_a_save(engine, settings, tmp_path: Path) -> None:
    key_by_hand(settings.character)
    hand_made = settings.character.animation_data.action.name
    generate()
    bpy.ops.gaitway.take_accept()
    path = str(tmp_path / "kept.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert hand_made in bpy.data.actions and takes.shown(bpy.context.scene).accepted


# ---- make it again


def test_repeat_makes_the_same_keys_whatever_is_set_now(engine, settings, tmp_path: Path) -> None:
    settings.seed, settings.variations = 7, 2
    generate()
    shown = takes.shown(bpy.context.scene)
    variation, curves = shown.variation, values_of(shown.action)
    joints = takes.source_of(shown).joints.tobytes()
    settings.prompt, settings.seed, settings.variations = "a person hops.", 1, 1
    settings.controls[0].target.location.x = 3
    path = str(tmp_path / "again.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert bpy.ops.gaitway.take_repeat() == {"FINISHED"}
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error is None
    settings = bpy.context.scene.gaitway
    again = settings.takes.items[-1]
    assert len(settings.takes.items) == 3 and again.variation == variation
    assert takes.source_of(again).joints.tobytes() == joints
    assert np.abs(values_of(again.action) - curves).max() < 1e-5  # a load rounds the bones' rest anew


def test_restore_puts_every_setting_back(engine, settings) -> None:
    scenes.control(scenes.empty("Hand", {49: (1.0, -2.0, 1.3)}), "left_wrist")
    settings.seed, settings.prompt = 3, "a person waves."
    asked = settings_snapshot.to_text(settings)
    generate()
    settings.seed, settings.prompt, settings.seconds = 9, "a person hops.", 2.0
    settings.controls.remove(0)
    settings.controls[0].joint = "head"
    bpy.ops.gaitway.take_restore()
    assert settings_snapshot.to_text(settings) == asked
    assert settings.controls[0].target == bpy.data.objects["Path"]


def test_a_take_whose_action_was_deleted_says_so_and_can_be_removed(engine, settings) -> None:
    generate()
    bpy.data.actions.remove(takes.shown(bpy.context.scene).action)
    for button in (bpy.ops.gaitway.take_repeat, bpy.ops.gaitway.take_show):
        with pytest.raises(RuntimeError, match=r"(gone|deleted).*Restore"):
            button()
    bpy.ops.gaitway.take_restore()
    bpy.ops.gaitway.take_remove()
    assert not settings.takes.items


# ---- what is cut short leaves nothing


@pytest.mark.parametrize("phase", ["Setting keyframes", "Measuring"])
@pytest.mark.parametrize("variations", [1, 3])
def test_cancel_while_keys_are_set_takes_them_back(engine, settings, phase: str, variations: int) -> None:
    key_by_hand(settings.character)
    settings.variations = variations
    before = everything()
    bpy.ops.gaitway.generate()
    with piece_by_piece():
        wait_for(lambda: GENERATION.step_label == phase and len(bpy.data.actions) > 1)
    assert GENERATION.busy
    bpy.ops.gaitway.cancel()
    assert not GENERATION.busy and "Cancelled" in GENERATION.error[0]
    assert everything() == before


def test_every_bone_in_motion_is_keyed(engine, settings) -> None:
    key_by_hand(settings.character)
    generate()
    assert set(GENERATION.captured.body.bones.values()) | {FINGER} <= keyed_bones(settings.character)
