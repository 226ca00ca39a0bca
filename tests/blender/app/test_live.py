# SPDX-License-Identifier: GPL-3.0-or-later
"""Ghosts follow what is dragged; keys come when it rests; nothing happens when live is off."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import offscreen, time_slices
from blender_addon.app import timer
from blender_addon.app.engine import ENGINE
from blender_addon.app.generation import GENERATION
from blender_addon.app.live import LIVE
from blender_addon.app.viewport import OVERLAY
from blender_addon.capture import capture
from blender_addon.takes import history as takes

from ..helpers import rigs, scenes
from ..helpers.engines import generate, running_engine, wait_for
from ..helpers.observed import hips_errors


@pytest.fixture
def engine(addon, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running_engine(tmp_path / "connection.json", "tests.blender.helpers.walking_engine") as process:
        yield process


@pytest.fixture
def settings(engine) -> bpy.types.PropertyGroup:
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    path = scenes.curve("Path", [(0, 0, 0), (1.2, -1.6, 0), (0.4, -3.6, 0)])
    scenes.control(path, frame_start=1, frame_end=97)
    generate()
    bpy.ops.gaitway.take_accept()
    found.live.enabled = True
    timer.tick()
    LIVE.latencies_s.clear()
    return found


def move(x: float) -> None:
    point = bpy.data.objects["Path"].data.splines[0].bezier_points[1]
    point.co.x = x
    bpy.context.view_layer.update()


def preview() -> np.ndarray:
    """Wait for the next preview; its points (N, 3)."""
    shown = len(LIVE.latencies_s)
    wait_for(lambda: len(LIVE.latencies_s) > shown)
    return OVERLAY.layers["preview"].points


def test_ghosts_follow_and_no_key_is_set_while_it_is_dragged(settings) -> None:
    played = settings.character.animation_data.action
    for x in (1.0, 0.5, -0.8):
        move(x)
        points = preview()
        (track,) = capture.capture(bpy.context.scene).tracks
        way = points[-2 * (len(track.points) - 1) :]
        assert np.abs(way[::2, :2] - track.points[:-1, :2]).max() < 0.02  # this engine walks where it is asked to
    assert OVERLAY.visible(bpy.context.scene, "preview") and not OVERLAY.visible(bpy.context.scene, "achieved")
    assert settings.character.animation_data.action == played and len(settings.takes.items) == 1


def test_when_it_rests_the_motion_comes_and_the_last_one_goes(settings) -> None:
    for x in (0.6, -0.6):
        move(x)
        preview()
        wait_for(lambda: GENERATION.busy)
        wait_for(lambda: not GENERATION.busy)
        assert GENERATION.error is None and not len(OVERLAY.layers["preview"])
        assert hips_errors(settings.character).max() < 0.01
        assert [take.accepted for take in settings.takes.items] == [True, False]
    bpy.ops.gaitway.take_discard()
    assert settings.character.animation_data.action == settings.takes.items[0].action


def test_many_changes_make_no_queue(settings) -> None:
    session = ENGINE.open_session()
    sent: set[str] = set()
    for change in range(60):
        move(1.0 - change / 60)
        timer.tick()
        sent |= {session.request_id} - {None}
        time.sleep(0.005)
    then = len(LIVE.latencies_s)
    wait_for(lambda: not LIVE.is_behind)
    assert sent and len(LIVE.latencies_s) - then <= 2  # the one under way, and the newest
    shown = len(LIVE.latencies_s)
    for frame in range(10):
        bpy.context.scene.frame_set(frame)  # neither reading the controls nor moving the playhead changes them
        time.sleep(0.01)
        timer.tick()
    assert len(LIVE.latencies_s) == shown  # what is shown is the last position, and nothing is left to come


def test_a_pin_takes_its_key_along(settings) -> None:
    hand = scenes.empty("Hand", {1: (0.5, 0, 1.2), 49: (1.0, -2.0, 1.3)})
    scenes.control(hand, "left_wrist")
    bpy.context.scene.frame_set(49)
    timer.tick()
    hand.location = (0.7, -2.2, 1.1)
    bpy.context.view_layer.update()
    preview()
    assert np.allclose(scenes.evaluated(hand, 49), (0.7, -2.2, 1.1)) and np.allclose(
        scenes.evaluated(hand, 1), (0.5, 0, 1.2)
    )


def test_an_obstacle_that_is_dragged_counts_as_well(settings) -> None:
    post = scenes.empty("Post", {})
    post.location, post.empty_display_size = (2, 0, 0), 0.2
    bpy.context.view_layer.update()
    settings.obstacles.add().target = post
    timer.tick()
    for x in (1.5, 1.9):
        post.location.x = x
        bpy.context.view_layer.update()
        preview()
    wait_for(lambda: GENERATION.busy)
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error is None
    (solid,) = takes.source_of(settings.takes.items[1]).request.obstacles
    assert solid.centre[0] * GENERATION.captured.body.scale == pytest.approx(1.9, abs=1e-5)


def test_generate_takes_over_from_a_preview(settings) -> None:
    settings.prompt = "slow walk"
    move(0.3)
    wait_for(lambda: LIVE._expected is not None and ENGINE.open_session().fraction > 0)
    settings.prompt = "a person walks."
    generate()
    assert GENERATION.error is None and hips_errors(settings.character).max() < 0.01
    timer.tick()
    assert LIVE._expected is None


def test_a_report_of_changes_that_are_none_costs_no_reading(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    move(0.4)
    preview()
    read: list[object] = []
    monkeypatch.setattr(capture, "read_scene", lambda scene: read.append(scene) or iter(()))
    for _ in range(5):
        bpy.data.objects["Path"].update_tag()
        bpy.data.objects["Path"].data.update_tag()
        bpy.context.view_layer.update()
        LIVE._next_at = 0.0
        LIVE.advance(bpy.context.scene)
    assert not read


def test_off_means_off(settings) -> None:
    settings.live.enabled = False
    timer.tick()
    move(0.1)
    for _ in range(10):
        time.sleep(0.01)
        timer.tick()
    assert not LIVE.latencies_s and not len(OVERLAY.layers["preview"]) and not GENERATION.busy


def test_an_undo_while_controls_are_read_does_no_harm(settings, monkeypatch) -> None:
    def one_piece(work, *_args, **_options) -> None:
        next(work)

    monkeypatch.setattr(time_slices, "run_for", one_piece)
    bpy.ops.ed.undo_push(message="first")
    bpy.ops.ed.undo_push(message="second")
    move(0.9)
    wait_for(lambda: LIVE._reading is not None and len(bpy.data.scenes) > 1)
    bpy.ops.ed.undo()
    assert LIVE._reading is None and LIVE.is_behind and len(bpy.data.scenes) == 1
    preview()
    assert not any(item.name.startswith(offscreen.EMPTY_NAME) for item in bpy.data.objects)
