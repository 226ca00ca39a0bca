# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls that take long to read are read over many ticks, and what happens meanwhile does no harm."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import offscreen, time_slices
from blender_addon.app import runner, timer
from blender_addon.app.generation import GENERATION
from blender_addon.app.runner import READING
from blender_addon.capture import capture
from blender_addon.character import read_rig as rig
from blender_addon.retarget.bone_map import detect as bone_map

from ..helpers import rigs, scenes
from ..helpers.engines import running_engine, wait_for


@pytest.fixture
def engine(addon, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running_engine(tmp_path / "connection.json", "tests.blender.helpers.walking_engine") as process:
        yield process


@pytest.fixture
def settings(addon, monkeypatch) -> bpy.types.PropertyGroup:
    """A character whose own hand, keyed at twenty frames, is a control; the press reads one piece of it."""
    monkeypatch.setattr(runner, "PRESS_BUDGET_S", 0.0)
    found = bpy.context.scene.gaitway
    found.character = armature = rigs.mixamo()
    hand = bone_map.detect_bones(rig.read_rig(armature).bones)["left_wrist"]
    for frame in range(1, 97, 5):
        armature.pose.bones[hand].rotation_quaternion = (1.0, 0.01 * frame, 0.0, 0.0)
        armature.pose.bones[hand].keyframe_insert("rotation_quaternion", frame=frame)
    scenes.control(armature, "left_wrist", bone=hand)
    path = scenes.curve("Path", [(0, 0, 0), (1.2, -1.6, 0), (0.4, -3.6, 0)])
    scenes.control(path, frame_start=1, frame_end=97)
    return found


def nothing_is_left() -> bool:
    names = [block.name for kind in (bpy.data.objects, bpy.data.scenes, bpy.data.curves) for block in kind]
    return (
        not any(name.startswith((offscreen.SCENE_NAME, offscreen.EMPTY_NAME)) for name in names)
        and len(bpy.data.scenes) == 1
    )


def press() -> None:
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.gaitway.generate() == {"FINISHED"}
    assert GENERATION.busy and GENERATION.step_label == READING and GENERATION.fraction == 0.0


def read_a_while() -> None:
    """One piece after the other until the stage is there."""
    while not any(scene.name.startswith(offscreen.SCENE_NAME) for scene in bpy.data.scenes):
        next(GENERATION._request)
    next(GENERATION._request)
    assert GENERATION.step_label == READING


def test_in_pieces_it_reads_the_same(settings) -> None:
    at_once, work = capture.capture(bpy.context.scene), capture.read_scene(bpy.context.scene)
    count = 0
    while True:
        try:
            next(work)
        except StopIteration as done:
            in_pieces = done.value
            break
        count += 1
        bpy.context.scene.frame_set(count)  # the playhead is the animator's
    assert count > 20
    for one, other in zip(at_once.tracks, in_pieces.tracks, strict=True):
        np.testing.assert_array_equal(one.points, other.points)
    np.testing.assert_array_equal(at_once.signal.hint, in_pieces.signal.hint)
    assert nothing_is_left()


def test_a_press_hands_back_and_the_motion_comes(engine, settings) -> None:
    press()
    wait_for(lambda: not GENERATION.busy)
    # The hand is left behind, out of reach.
    assert GENERATION.error is None and GENERATION.measured_tracks["pelvis"].max() < 0.01 and nothing_is_left()


def test_an_undo_gives_the_reading_up(engine, settings) -> None:
    bpy.ops.ed.undo_push(message="first")
    press()
    read_a_while()
    bpy.ops.ed.undo()
    timer.tick()
    assert not GENERATION.busy and "Undo" in GENERATION.error[0] and GENERATION.error[1] and nothing_is_left()


def test_cancel_while_reading(engine, settings) -> None:
    press()
    read_a_while()
    bpy.ops.gaitway.cancel()
    assert not GENERATION.busy and GENERATION.error[0] == "Cancelled." and nothing_is_left()


def test_controls_may_be_removed_meanwhile(engine, settings) -> None:
    press()
    read_a_while()
    settings.controls.clear()
    wait_for(lambda: not GENERATION.busy)
    assert (
        GENERATION.error is None and set(GENERATION.measured_tracks) == {"left_wrist", "pelvis"} and nothing_is_left()
    )


def test_what_leads_may_be_deleted_meanwhile(engine, settings) -> None:
    press()
    read_a_while()
    bpy.data.objects.remove(bpy.data.objects["Path"])
    wait_for(lambda: not GENERATION.busy)
    assert "deleted" in GENERATION.error[0] and GENERATION.error[1] and nothing_is_left()


def test_what_is_saved_meanwhile_holds_no_stage(engine, settings, tmp_path: Path) -> None:
    press()
    read_a_while()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"), copy=True)
    assert GENERATION.step_label != READING and nothing_is_left()
    with bpy.data.libraries.load(str(tmp_path / "saved.blend")) as (saved, _):
        assert len(saved.scenes) == 1 and not any(name.startswith(offscreen.EMPTY_NAME) for name in saved.objects)
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error is None


def test_what_is_wrong_with_a_control_is_told_later_then(engine, settings) -> None:
    scenes.control(scenes.empty("Lazy", {}), "right_wrist")
    press()
    wait_for(lambda: not GENERATION.busy)
    assert "'Lazy'" in GENERATION.error[0] and GENERATION.error[1] and nothing_is_left()


def test_pieces_end_as_they_should() -> None:
    def work():
        for _ in range(5):
            yield
        return "done"

    running = work()
    time_slices.run_for(running, 0.0)
    time_slices.run_for(running, 10.0, goes_on=lambda: False)
    assert running.gi_frame is not None
    with pytest.raises(StopIteration) as ended:
        time_slices.run_for(running, 10.0)
    assert ended.value.value == time_slices.run_to_end(work()) == "done"


def test_an_item_is_read_as_it_was(settings) -> None:
    kept = time_slices.copy_properties(settings.controls[1])
    settings.controls[1].frame_end = 50
    settings.controls.clear()
    assert kept.frame_end == 97 and kept.target == bpy.data.objects["Path"]
