# SPDX-License-Identifier: GPL-3.0-or-later
"""From the press of the button to keys on the rig and back by one undo: the real add-on, real sockets, an engine
process.

The engine of these tests walks exactly where it is asked to (``walking_engine.py``), so what is left of the error is
what capture, wire, retargeting and resampling lose. The last tests do the same with ``gaitway serve`` and its own
model.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat, preferences
from blender_addon.app import generation, runner, timer
from blender_addon.app.engine import ENGINE
from blender_addon.app.generation import GENERATION
from blender_addon.capture import capture
from blender_addon.capture.request import build_request

from ..helpers import rigs, scenes
from ..helpers.engines import REPOSITORY, generate, running_engine, wait_for
from ..helpers.observed import hips_errors, keyed_bones, state_of_scene


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is found at the press itself, on a busy machine too."""
    monkeypatch.setattr(runner, "PRESS_BUDGET_S", 10.0)


@pytest.fixture
def engine(addon, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running_engine(tmp_path / "connection.json", "tests.blender.helpers.walking_engine") as process:
        yield process


@pytest.fixture
def settings(addon) -> bpy.types.PropertyGroup:
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    return found


def lay_path() -> None:
    path = scenes.curve("Path", [(0, 0, 0), (1.2, -1.6, 0), (0.4, -3.6, 0)])
    scenes.control(path, frame_start=1, frame_end=97)


# ---- the whole way


@pytest.mark.parametrize("fps", [24.0, 60000 / 1001])
def test_a_path_becomes_keys_and_one_undo_takes_them_back(engine, settings, fps: float, capsys) -> None:
    scenes.set_rate(fps)
    lay_path()
    armature = settings.character
    before = state_of_scene(armature)
    timer.tick()
    generate()
    assert GENERATION.error is None
    errors = hips_errors(armature)
    assert errors.max() < 0.01
    measured = GENERATION.measured_tracks["pelvis"]
    assert np.allclose(measured, errors, atol=1e-5)  # what the panel says is what the playhead shows
    assert set(GENERATION.captured.body.bones.values()) <= keyed_bones(armature)
    with capsys.disabled():
        print(
            f"\n  hips to path at {fps:.2f} fps: {errors.mean() * 100:.3f} cm on average, "
            f"{errors.max() * 100:.3f} cm at worst; longest tick {GENERATION.longest_tick_s * 1e3:.0f} ms, "
            f"of which this process worked {GENERATION.longest_work_s * 1e3:.0f} ms"
        )
    bpy.context.scene.frame_set(1)
    bpy.ops.ed.undo()
    assert state_of_scene(bpy.context.scene.gaitway.character) == before


def test_a_hand_key_travels_with_the_path(engine, settings) -> None:
    lay_path()
    scenes.control(scenes.empty("Hand", {49: (1.0, -2.0, 1.3)}), "left_wrist")
    generate()
    assert GENERATION.error is None
    measured = GENERATION.measured_tracks
    assert set(measured) == {"pelvis", "left_wrist"} and len(measured["left_wrist"]) == 1


@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_scale_turn_and_place_of_the_armature_do_no_harm(engine, settings, unit: float) -> None:
    scene = bpy.context.scene
    scene.unit_settings.scale_length = unit
    armature = settings.character
    parent = scenes.empty("Stage", {})
    parent.location, parent.rotation_euler = (0.5 / unit, 0, 0), (0, 0, 0.4)
    armature.parent = parent
    armature.location, armature.rotation_euler = (1 / unit, 2 / unit, 0), (0, 0, 2.0)
    armature.scale = (1.3 / unit,) * 3
    path = scenes.curve("Path", [(0, 0, 0), (1.2 / unit, -1.6 / unit, 0), (0.4 / unit, -3.6 / unit, 0)])
    scenes.control(path, frame_start=1, frame_end=97)
    generate()
    assert GENERATION.error is None
    assert hips_errors(armature).max() < 0.01
    assert np.allclose(armature.scale, 1.3 / unit)


def test_without_controls_the_character_sets_off_from_where_it_stands(engine, settings) -> None:
    armature = settings.character
    armature.location, armature.rotation_euler = (2, 1, 0), (0, 0, np.pi / 2)  # looks along +X
    settings.seconds = 3.0
    generate()
    assert GENERATION.error is None and GENERATION.measured == {}
    first, last = (scenes.evaluated(armature, frame, "mixamorig:Hips") for frame in (1, 72))
    assert np.allclose(first[:2], (2, 1), atol=0.05)
    assert last[0] - first[0] > 2 and abs(last[1] - first[1]) < 0.1


def test_variations_become_actions_and_survive_a_save(engine, settings, tmp_path: Path) -> None:
    lay_path()
    settings.variations = 3
    generate()
    assert len(bpy.data.actions) == 3 and settings.character.animation_data.action is not None
    path = str(tmp_path / "takes.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert len(bpy.data.actions) == 3


def test_a_second_motion_replaces_the_first_and_stays_bound(engine, settings) -> None:
    lay_path()
    generate()
    first = settings.character.animation_data.action
    settings.seed = 5
    generate()
    animation = settings.character.animation_data
    assert animation.action != first and len(compat.played_bag(settings.character).fcurves)
    assert hips_errors(settings.character).max() < 0.01


# ---- what goes wrong on the way


def test_cancel_reaches_the_engine_and_changes_nothing(engine, settings) -> None:
    lay_path()
    before = state_of_scene(settings.character)
    settings.prompt = "slow walk"
    bpy.ops.gaitway.generate()
    wait_for(lambda: GENERATION.fraction > 0)
    bpy.ops.gaitway.cancel()
    fractions = []
    wait_for(lambda: fractions.append(GENERATION.fraction) or not GENERATION.busy)
    assert max(fractions) < 0.5  # stopped on the way, not at its end
    assert "Cancelled" in GENERATION.error[0] and state_of_scene(settings.character) == before
    settings.prompt = "a person walks."
    generate()
    assert GENERATION.error is None and hips_errors(settings.character).max() < 0.01


def test_the_engine_dies_in_the_middle(engine, settings, unhurried) -> None:
    lay_path()
    before = state_of_scene(settings.character)
    settings.prompt = "die now"
    bpy.ops.gaitway.generate()
    wait_for(lambda: not GENERATION.busy)
    assert "engine" in GENERATION.error[0].lower() and GENERATION.error[1]
    assert state_of_scene(settings.character) == before
    with pytest.raises(RuntimeError, match="engine"):
        bpy.ops.gaitway.generate()


def test_a_fault_of_the_connection_does_not_end_the_timer(engine, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_path()
    settings.prompt = "slow walk"
    bpy.ops.gaitway.generate()

    def broken(now: float) -> list:
        raise OSError("the cable was cut")

    monkeypatch.setattr(ENGINE.open_session(), "pump", broken)
    assert timer.tick() > 0
    assert not GENERATION.busy and "cable was cut" in GENERATION.error[0]
    settings.prompt = "a person walks."
    generate()
    assert GENERATION.error is None and hips_errors(settings.character).max() < 0.01


def test_no_engine_says_what_to_do(settings, unhurried, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="engine"):
        bpy.ops.gaitway.generate()
    assert GENERATION.error[1] and not GENERATION.busy


def test_the_engine_is_started_when_needed_and_ends_with_the_add_on(settings, tmp_path: Path) -> None:
    launcher = tmp_path / "gaitway"
    walking = f'"{sys.executable}" -m tests.blender.helpers.walking_engine'
    launcher.write_text(f'#!/bin/sh\nshift  # the word serve\ncd "{REPOSITORY}" && exec {walking} "$@"\n')
    launcher.chmod(0o755)
    chosen = preferences.get()
    chosen.engine_command, chosen.autostart = str(launcher), True
    lay_path()
    generate()
    assert GENERATION.error is None and hips_errors(settings.character).max() < 0.01
    bpy.ops.gaitway.engine_stop()
    wait_for(lambda: not (tmp_path / "connection.json").exists())


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a way to hold a process still")
def test_an_engine_that_is_slow_to_answer_does_not_hold_the_window(engine, settings) -> None:
    lay_path()
    bpy.ops.gaitway.generate()
    engine.send_signal(signal.SIGSTOP)
    try:
        for _ in range(20):
            time.sleep(min(timer.tick(), 0.05))
        assert GENERATION.busy
    finally:
        engine.send_signal(signal.SIGCONT)
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error is None


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a way to hold a process still")
def test_a_cancel_does_not_wait_for_an_engine_that_hangs(engine, settings) -> None:
    begin_slowly(settings)
    engine.send_signal(signal.SIGSTOP)
    try:
        bpy.ops.gaitway.cancel()
        wait_for(lambda: not GENERATION.busy, generation.CANCEL_TIMEOUT_S + 2)
        assert GENERATION.error[0] == "Cancelled." and not settings.takes.items
        settings.prompt = "a person walks."
        bpy.ops.gaitway.generate()
    finally:
        engine.send_signal(signal.SIGCONT)
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error is None and hips_errors(settings.character).max() < 0.01


def test_an_empty_prompt(engine, settings, unhurried) -> None:
    settings.prompt = "  "
    with pytest.raises(RuntimeError, match="prompt is empty"):
        bpy.ops.gaitway.generate()


def begin_slowly(settings: bpy.types.PropertyGroup) -> None:
    lay_path()
    settings.prompt = "slow walk"
    bpy.ops.gaitway.generate()
    wait_for(lambda: GENERATION.fraction > 0)


def test_the_armature_is_deleted_meanwhile(engine, settings) -> None:
    begin_slowly(settings)
    name = settings.character.name
    bpy.data.objects.remove(settings.character)
    wait_for(lambda: not GENERATION.busy)
    assert name in GENERATION.error[0] and "deleted" in GENERATION.error[0] and GENERATION.error[1]
    assert len(bpy.data.actions) == 0


def test_the_armature_is_renamed_meanwhile(engine, settings) -> None:
    begin_slowly(settings)
    settings.character.name = "Somebody else"
    decoy = rigs.mixamo()
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error is None
    assert hips_errors(bpy.data.objects["Somebody else"]).max() < 0.01
    assert decoy.animation_data is None


def test_undo_meanwhile(engine, settings) -> None:
    bpy.ops.ed.undo_push(message="one")
    lay_path()
    bpy.ops.ed.undo_push(message="two")
    settings.prompt = "slow walk"
    bpy.ops.gaitway.generate()
    wait_for(lambda: GENERATION.fraction > 0)
    bpy.ops.ed.undo()
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error is None
    assert hips_errors(bpy.context.scene.gaitway.character).max() < 0.01


def test_another_file_is_opened_meanwhile(engine, settings, tmp_path: Path) -> None:
    path = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    begin_slowly(settings)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert not GENERATION.busy and "file was opened" in GENERATION.error[0]
    armature = bpy.context.scene.gaitway.character
    for _ in range(10):
        time.sleep(min(timer.tick(), 0.05))
    assert armature.animation_data is None and len(bpy.data.actions) == 0
    lay_path()
    generate()
    assert GENERATION.error is None and hips_errors(armature).max() < 0.01


def test_two_blenders_on_one_engine(engine, settings) -> None:
    """Another client keeps the engine busy with a request of its own; both get their own motion."""
    from dataclasses import replace

    from blender_addon.engine_link.session import Session
    from blender_addon.shared.protocol import Result

    lay_path()
    other = Session("another Blender")
    other.connect(preferences.connection_path(preferences.get()))
    mine = build_request(bpy.context.scene, capture.capture(bpy.context.scene))
    other.submit(replace(mine, request_id="theirs", seed=3, num_variations=2))
    answers: list[object] = []
    bpy.ops.gaitway.generate()

    def both() -> bool:
        answers.extend(other.pump(time.monotonic()))
        return bool(answers) and not GENERATION.busy

    wait_for(both)
    other.shutdown()
    assert isinstance(answers[0], Result) and len(answers[0].joints) == 2 and answers[0].seed == 3
    assert GENERATION.error is None and hips_errors(settings.character).max() < 0.01
