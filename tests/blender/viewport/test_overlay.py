# SPDX-License-Identifier: GPL-3.0-or-later
"""The overlay shows the take that is played, as it is now, and nothing at all when it is off."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat
from blender_addon.app import timer
from blender_addon.app.generation import GENERATION
from blender_addon.app.viewport import OVERLAY, TAKE_OBSERVER
from blender_addon.takes import history as takes

from ..helpers import rigs, scenes
from ..helpers.engines import generate, running_engine, wait_for
from ..ui.test_panels import drawn


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
    scenes.control(scenes.empty("Hand", {49: (1.0, -2.0, 1.3)}), "left_wrist")
    return found


def settle() -> None:
    """Let time pass until nothing is to be looked at any more."""
    bpy.context.view_layer.update()
    timer.tick()
    wait_for(lambda: not TAKE_OBSERVER.is_observing)


def test_a_take_is_drawn_until_the_overlay_is_off(settings) -> None:
    assert not OVERLAY.is_drawn
    generate()
    settle()
    assert OVERLAY.is_drawn
    assert all(len(OVERLAY.layers[name]) for name in ("requested", "achieved", "ticks", "ghosts"))
    settings.overlay.show = False
    assert not OVERLAY.is_drawn
    settings.overlay.show = True
    assert OVERLAY.is_drawn
    for name in ("paths", "ticks", "contacts", "ghosts"):
        setattr(settings.overlay, name, False)
    assert not OVERLAY.is_drawn


def test_ghosts_go_when_the_take_is_accepted_and_all_goes_when_it_is_discarded(settings) -> None:
    generate()
    bpy.ops.gaitway.take_accept()
    settle()
    assert not len(OVERLAY.layers["ghosts"]) and len(OVERLAY.layers["achieved"])
    generate()
    assert len(OVERLAY.layers["ghosts"])
    bpy.ops.gaitway.take_remove(index=1)
    settle()
    bpy.ops.gaitway.take_remove(index=0)
    settle()
    assert not OVERLAY.is_drawn and TAKE_OBSERVER.observed is None


def test_the_panel_speaks_of_a_motion_only_while_it_is_there(settings) -> None:
    generate()
    assert "from the controls on average" in " ".join(drawn())
    bpy.ops.ed.undo()
    assert not bpy.context.scene.gaitway.takes.items
    assert "from the controls on average" not in " ".join(drawn())


def test_another_take_and_keys_edited_by_hand_are_seen_anew(settings) -> None:
    settings.variations = 2
    generate()
    first = TAKE_OBSERVER.observed
    shown = takes.shown(bpy.context.scene)
    bpy.ops.gaitway.take_show(index=1 - takes.index_of(bpy.context.scene, shown))
    settle()
    second = TAKE_OBSERVER.observed
    assert second is not first and not np.allclose(second.positions, first.positions)
    take = takes.shown(bpy.context.scene)
    assert take.is_measured
    hips = compat.played_bag(settings.character).fcurves.find('pose.bones["mixamorig:Hips"].location', index=0)
    for key in hips.keyframe_points:
        key.co.y += 0.5
    hips.update()
    take.action.update_tag()
    time.sleep(0.05)
    settle()
    assert TAKE_OBSERVER.observed is second  # not at once: the hand may still be at it
    time.sleep(0.7)
    settle()
    assert TAKE_OBSERVER.observed is not second and take.average > 0.1


def test_what_was_written_is_not_looked_at_twice(settings) -> None:
    generate()
    bpy.context.view_layer.update()
    seen = TAKE_OBSERVER.observed
    time.sleep(0.7)
    settle()
    assert TAKE_OBSERVER.observed is seen


def test_the_figures_are_those_of_the_playhead_and_lead_to_the_worst_frame(settings) -> None:
    settings.feet.hit_controls = False  # this engine does not care for hands, so one is missed by a good deal
    generate()
    take = takes.shown(bpy.context.scene)
    hand = scenes.evaluated(settings.character, 49, GENERATION.captured.body.bones["left_wrist"])
    assert take.worst_joint == "left_wrist" and take.worst_frame == 49
    assert take.worst == pytest.approx(np.linalg.norm(hand - (1.0, -2.0, 1.3)), abs=1e-4)
    words = drawn()
    assert {"gaitway.take_accept", "gaitway.take_discard", "gaitway.take_repeat", "gaitway.go_to_frame"} <= set(words)
    bpy.ops.gaitway.go_to_frame(frame=take.worst_frame)
    assert bpy.context.scene.frame_current == 49


def test_what_observing_needs_gets_neither_into_a_file_nor_into_an_undo_step(settings, tmp_path: Path) -> None:
    settings.variations = 2
    generate()
    scenes_before = len(bpy.data.scenes)
    shown = takes.index_of(bpy.context.scene, takes.shown(bpy.context.scene))

    def look() -> None:
        nonlocal shown
        shown = 1 - shown
        bpy.ops.gaitway.take_show(index=shown)
        wait_for(lambda: TAKE_OBSERVER.is_observing and len(bpy.data.scenes) > scenes_before)

    look()
    bpy.ops.ed.undo_push(message="while it looks")
    settle()
    bpy.ops.ed.undo_push(message="after it has looked")
    bpy.ops.ed.undo()
    assert len(bpy.data.scenes) > scenes_before
    settle()
    assert len(bpy.data.scenes) == scenes_before
    look()
    path = str(tmp_path / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
    with bpy.data.libraries.load(path) as (source, _target):
        assert len(source.scenes) == scenes_before


def test_nothing_is_left_in_the_viewport_when_the_add_on_goes(settings) -> None:
    import blender_addon

    generate()
    assert OVERLAY.is_drawn
    blender_addon.unregister()
    assert not OVERLAY.is_drawn
    blender_addon.register()
