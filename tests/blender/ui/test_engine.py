# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine in the background: rejoined when it comes back, restarted, left alone when the animator has left it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import preferences
from blender_addon.app import timer
from blender_addon.app.engine import ENGINE
from blender_addon.app.generation import GENERATION

from ..helpers import rigs
from ..helpers.engines import REPOSITORY, generate, running_engine, wait_for

WALKING = "tests.blender.helpers.walking_engine"


@pytest.fixture
def launcher(addon, tmp_path: Path) -> Path:
    """A ``gaitway`` command that serves the walking figure."""
    path = tmp_path / "gaitway"
    path.write_text(f'#!/bin/sh\nshift\ncd "{REPOSITORY}" && exec "{sys.executable}" -m {WALKING} "$@"\n')
    path.chmod(0o755)
    chosen = preferences.get()
    chosen.engine_command, chosen.autostart = str(path), True
    return path


def test_an_engine_that_comes_back_is_joined_without_a_press(
    addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timer, "REJOIN_INTERVAL_S", 0.1)
    connection = tmp_path / "connection.json"
    bpy.context.scene.gaitway.character = rigs.mixamo()
    with running_engine(connection, WALKING) as process:
        generate()
        assert GENERATION.error is None
        process.kill()
        wait_for(lambda: ENGINE.state == "offline")
        assert "stopped" in ENGINE.status or "killed" in ENGINE.status
    connection.unlink(missing_ok=True)
    with running_engine(connection, WALKING):
        wait_for(lambda: ENGINE.state == "ready")
        bpy.ops.gaitway.engine_stop()
        for _ in range(20):
            time.sleep(min(timer.tick(), 0.05))
        assert ENGINE.state == "offline"  # who has left an engine is not brought back to it


def test_restart_ends_one_engine_and_starts_another(launcher: Path) -> None:
    bpy.ops.gaitway.engine_start()
    wait_for(lambda: ENGINE.state == "ready")
    first = ENGINE.open_session().own_engine.process.pid
    bpy.ops.gaitway.engine_restart()
    assert "old one" in ENGINE.status
    wait_for(lambda: ENGINE.state == "ready")
    assert ENGINE.open_session().own_engine.process.pid != first
    bpy.context.scene.gaitway.character = rigs.mixamo()
    generate()
    assert GENERATION.error is None


def test_the_remaining_time_counts_down(addon, tmp_path: Path) -> None:
    bpy.context.scene.gaitway.character = rigs.mixamo()
    bpy.context.scene.gaitway.prompt = "slow walk"
    with running_engine(tmp_path / "connection.json", WALKING):
        bpy.ops.gaitway.generate()
        seen: list[tuple[float, float]] = []

        def ended() -> bool:
            if GENERATION.remaining is not None:
                seen.append((time.monotonic(), GENERATION.remaining))
            return not GENERATION.busy

        wait_for(ended)
    end = seen[-1][0]  # the keys are set after that
    assert len(seen) > 5 and seen[0][1] > seen[-1][1]
    when, said = seen[len(seen) // 2]
    assert said == pytest.approx(end - when, abs=0.6)
