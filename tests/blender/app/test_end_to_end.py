# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way for real: `gaitway serve` with the embedded model as a process of its own, the add-on in Blender, the
rig.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import preferences
from blender_addon.app import timer
from blender_addon.app.generation import GENERATION
from blender_addon.capture import capture
from blender_addon.capture.request import build_request
from blender_addon.takes import history

from ..helpers import rigs, scenes
from ..helpers.engines import ENGINE_PYTHON, REPOSITORY, generate, running_engine, wait_for
from ..helpers.observed import hips_errors, keyed_bones, state_of_scene

pytestmark = [
    pytest.mark.skipif(
        not (REPOSITORY / "engine" / "weights" / "config.json").is_file(), reason="needs the embedded model"
    ),
    pytest.mark.skipif(
        subprocess.run([ENGINE_PYTHON, "-c", "import torch"], capture_output=True).returncode != 0,
        reason="needs torch in the Python of the engine (GAITWAY_ENGINE_PYTHON)",
    ),
]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("engine") / "connection.json"
    with running_engine(path, "engine.cli", "serve"):
        yield path


@pytest.fixture
def settings(addon, connection: Path) -> bpy.types.PropertyGroup:
    preferences.get().connection_file = str(connection)
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    found.prompt = "a person walks forward."
    path = scenes.curve("Path", [(0, 0, 0), (0.8, -1.8, 0), (0.2, -3.8, 0)])
    scenes.control(path, frame_start=1, frame_end=97)
    return found


def test_a_sentence_a_path_and_a_hand_become_keys(settings, capsys) -> None:
    armature = settings.character
    hand = scenes.empty("Hand", {73: (0.95, -2.7, 1.25)})
    scenes.control(hand, "left_wrist")
    timer.tick()
    before = state_of_scene(armature)
    began = time.perf_counter()
    generate()
    first = time.perf_counter() - began
    assert GENERATION.error is None, GENERATION.error
    hips, wrist = hips_errors(armature), hips_errors(armature, "left_wrist")
    assert np.allclose(GENERATION.measured_tracks["pelvis"], hips, atol=1e-5)
    assert set(GENERATION.captured.body.bones.values()) <= keyed_bones(armature)
    assert hips.mean() < 0.10  # the network's own bound; the figures below are what to look at
    tick, work = GENERATION.longest_tick_s, GENERATION.longest_work_s
    bpy.context.scene.frame_set(1)
    bpy.ops.ed.undo()
    assert state_of_scene(bpy.context.scene.gaitway.character) == before
    began = time.perf_counter()
    generate()
    again = time.perf_counter() - began
    with capsys.disabled():
        print(
            f"\n  hips to path: {hips.mean() * 100:.2f} cm on average, "
            f"{np.percentile(hips, 95) * 100:.2f} cm 95th percentile, {hips.max() * 100:.2f} cm at worst; "
            f"hand to its key: {wrist.max() * 100:.2f} cm\n"
            f"  {len(keyed_bones(bpy.context.scene.gaitway.character))} bones keyed; one undo restores the scene\n"
            f"  press to keys: {first:.2f} s at first (the model loads), then {again:.2f} s; "
            f"longest tick {tick * 1e3:.0f} ms, of which this process worked {work * 1e3:.0f} ms"
        )


def test_the_same_order_gives_the_same_bytes_twice_by_another_client_and_by_the_command_line(
    settings, connection: Path, tmp_path: Path
) -> None:
    from blender_addon.engine_link.session import Session

    settings.controls[0].target.location.z = 0.95  # drawn at the height of the hips
    generate()
    first = GENERATION.result.joints.tobytes()
    generate()
    assert GENERATION.result.joints.tobytes() == first
    session = Session("a script")
    session.connect(connection)
    order = build_request(bpy.context.scene, GENERATION.captured)
    session.submit(replace(order, request_id="mine"))
    answers: list = []
    wait_for(lambda: answers.extend(session.pump(time.monotonic())) or answers)
    session.shutdown()
    assert answers[0].joints.tobytes() == first

    pelvis = capture.SKELETON.index("pelvis")
    frames = np.flatnonzero(order.hint_mask[:, pelvis])
    lines = [",".join(map(repr, [frame / 20, *map(float, order.hint[frame, pelvis])])) for frame in frames.tolist()]
    (tmp_path / "path.csv").write_text("\n".join(["time,x,y,z", *lines]))
    command = [ENGINE_PYTHON, "-m", "engine.cli", "generate", settings.prompt, "--path", "path.csv", "-o", "same.npz"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "same.npz") as archive:
        assert archive["joints"].tobytes() == first


def test_text_alone_moves_the_character(settings) -> None:
    settings.controls.clear()
    settings.length_mode, settings.seconds = "SECONDS", 3.0
    generate()
    assert GENERATION.error is None, GENERATION.error
    armature = settings.character
    start, end = (scenes.evaluated(armature, frame, GENERATION.captured.body.bones["pelvis"]) for frame in (1, 70))
    assert np.linalg.norm((end - start)[:2]) > 0.5 and 0.5 < end[2] < 1.5


def test_a_take_says_where_its_motion_comes_from(settings) -> None:
    """Of captured clips where the engine has a library and may use it, else it says nothing."""
    generate()
    take = history.active(bpy.context.scene)
    if GENERATION.result.nearness is None:
        assert not (take.origin or take.clips or take.credits or take.notice)
        return
    assert sum(clip.seconds for clip in take.clips) == pytest.approx(len(GENERATION.result.joints[0]) / 20)
    assert take.origin in GENERATION.report and take.credits and not take.notice
    bpy.context.scene.gaitway.closeness = 0.0
    generate()
    assert not history.active(bpy.context.scene).clips
    bpy.context.scene.gaitway.closeness = 1.0
    settings.prompt = "ein Mann läuft über die Wiese"
    generate()
    assert "English" in GENERATION.notice and history.active(bpy.context.scene).notice == GENERATION.notice
