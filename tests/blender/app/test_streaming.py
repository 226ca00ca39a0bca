# SPDX-License-Identifier: GPL-3.0-or-later
"""A long motion is seen part by part while the engine makes the rest; until it is whole the scene is what it was."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.app.generation import GENERATION
from blender_addon.app.viewport import OVERLAY
from blender_addon.capture import capture
from blender_addon.capture.request import build_request, preview_request

from ..capture.test_obstacles import connection, settings  # noqa: F401
from ..helpers import scenes
from ..helpers.engines import wait_for
from ..helpers.observed import state_of_scene
from .test_end_to_end import pytestmark  # noqa: F401  (where the real engine can run)


def press() -> None:
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.gaitway.generate() == {"FINISHED"}


def long_walk(settings: bpy.types.PropertyGroup, seconds: float = 40.0) -> None:  # noqa: F811
    path = scenes.curve("Path", [(np.sin(step / 3), -1.1 * step, 0) for step in range(int(seconds))])
    scenes.control(path, frame_start=1, frame_end=1 + round(24 * seconds))


def test_only_long_motions_come_in_parts_and_previews_never(settings) -> None:  # noqa: F811
    long_walk(settings)
    order = build_request(bpy.context.scene, capture.capture(bpy.context.scene))
    assert order.stream and not preview_request(order).stream
    settings.controls[0].frame_end = 97
    assert not build_request(bpy.context.scene, capture.capture(bpy.context.scene)).stream


def test_what_is_there_is_seen_and_becomes_the_motion(settings) -> None:  # noqa: F811
    long_walk(settings)
    before = state_of_scene(settings.character)
    seen: list[tuple[float, np.ndarray]] = []

    def step() -> bool:
        made = GENERATION.seconds_done
        if made is not None and (not seen or made[0] > seen[-1][0]):
            assert made[1] == pytest.approx(40.05) and state_of_scene(settings.character) == before
            assert OVERLAY.visible(bpy.context.scene, "preview") and OVERLAY.is_drawn
            assert GENERATION.fraction >= made[0] / made[1]
            seen.append((made[0], OVERLAY.layers["preview"].points.copy()))
        return not GENERATION.busy

    press()
    wait_for(step)
    assert GENERATION.error is None and len(seen) > 3
    # The way of the hips ends each time where the motion is then.
    for seconds, points in seen:
        frame = round(seconds * 20) - 1
        place = GENERATION.result.joints[0, frame, 0] * GENERATION.captured.body.scale
        assert np.allclose(points[-1][:2], [place[0], -place[2]], atol=1e-3)
    assert not OVERLAY.visible(bpy.context.scene, "preview") and GENERATION.seconds_done is None
    bpy.ops.ed.undo()
    assert state_of_scene(bpy.context.scene.gaitway.character) == before


def test_a_cancel_in_between_leaves_nothing(settings) -> None:  # noqa: F811
    long_walk(settings)
    before = state_of_scene(settings.character)
    press()
    wait_for(lambda: GENERATION.seconds_done is not None)
    bpy.ops.gaitway.cancel()
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error[0].startswith("Cancelled") and state_of_scene(settings.character) == before
    assert not len(OVERLAY.layers["preview"]) and not settings.takes.items
