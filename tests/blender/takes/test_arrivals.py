# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine tells of its decisions moves the keys of the tracks, in time and aside, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.capture import capture
from blender_addon.shared.protocol import hints_that_move
from blender_addon.takes.arrivals import Arrivals

from ..helpers import rigs, scenes

FPS = 30.0


@pytest.fixture
def captured(addon) -> capture.CapturedScene:
    """Hips that are led from frame 1 to 121 at 30 a second, and a hand that may come six frames early or late."""
    scenes.set_rate(30)
    bpy.context.scene.gaitway.character = rigs.mixamo()
    scenes.control(scenes.empty("Hips", {frame: (0, (1 - frame) / 30, 1) for frame in range(1, 122, 15)}), "pelvis")
    scenes.control(scenes.empty("Hand", {31: (0.3, -1, 1.2), 61: (0.3, -2, 1.2)}), "left_wrist", slack=6)
    return capture.capture(bpy.context.scene)


def track(captured: capture.CapturedScene, joint: str):
    return next(track for track in captured.tracks if track.joint == joint)


def test_a_key_with_slack_is_at_the_frame_in_which_it_is_met(captured) -> None:
    asked = hints_that_move(captured.signal.hint_mask, captured.slack)
    assert asked[:, 0].tolist() == [20, 40]
    told = Arrivals(met_frames=np.array([18, 43], np.int32)).with_actual_timing(captured, FPS)
    assert track(told, "left_wrist").frames.tolist() == [28, 65.5]
    assert np.array_equal(track(told, "pelvis").frames, track(captured, "pelvis").frames)
    assert Arrivals().with_actual_timing(captured, FPS) is captured


def test_all_keys_are_where_they_are_met_when_a_stand_moves_them(captured) -> None:
    frames = hints_that_move(captured.signal.hint_mask, captured.slack, standing=True)[:, 0]
    told = Arrivals(met_frames=(frames + 4).astype(np.int32)).with_actual_timing(captured, FPS)
    for joint in ("pelvis", "left_wrist"):
        assert np.allclose(track(told, joint).frames, track(captured, joint).frames + 6)


def test_keys_stay_in_their_order(captured) -> None:
    told = Arrivals(met_frames=np.array([40, 30], np.int32)).with_actual_timing(captured, FPS)
    assert (np.diff(track(told, "left_wrist").frames) >= 0).all()


def test_the_path_of_the_hips_goes_where_it_was_led(captured) -> None:
    offset = np.zeros((captured.signal.num_frames, 3), np.float32)
    offset[30:51, 0] = 0.5  # the model's left is Blender's +X
    arrivals = Arrivals(path_offset=offset)
    led, hips = arrivals.with_detour(captured, FPS), track(captured, "pelvis")
    moved = track(led, "pelvis").points - hips.points
    aside = (hips.frames >= 46) & (hips.frames <= 76)
    assert aside.sum() == 3 and np.allclose(moved[aside], [0.5 * captured.body.scale, 0, 0], atol=1e-6)
    assert not moved[~aside].any()
    assert np.array_equal(track(led, "left_wrist").points, track(captured, "left_wrist").points)
    assert arrivals.detour_frames(captured, FPS) == (hips.frames[aside].min(), hips.frames[aside].max())


def test_what_is_not_worth_a_word_is_not_told(captured) -> None:
    offset = np.full((captured.signal.num_frames, 3), [0.05, 0, 0], np.float32)
    assert Arrivals(path_offset=offset).detour_frames(captured, FPS) is None
    assert Arrivals().detour_frames(captured, FPS) is None
    still = Arrivals().with_detour(replace(captured, obstacles=()), FPS)
    assert np.array_equal(track(still, "pelvis").points, track(captured, "pelvis").points)
