# SPDX-License-Identifier: GPL-3.0-or-later
"""A range of a take made anew by `gaitway serve` itself: outside every key is what it was, inside another motion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
checkpoint = pytest.importorskip("engine.checkpoints.folder")

from blender_addon import compat, preferences
from blender_addon.app.generation import GENERATION
from blender_addon.keying import fcurve_keys
from blender_addon.takes import history as takes

from ..helpers import rigs, scenes
from ..helpers.engines import generate, running_engine, wait_for
from ..helpers.observed import everything

pytestmark = pytest.mark.skipif(
    not (checkpoint.EMBEDDED / "config.json").is_file(), reason="needs the embedded model in engine/weights"
)


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
    found.length_mode, found.seconds = "SECONDS", 5.0
    generate()
    assert GENERATION.error is None
    return found


def regenerate(first: int, last: int) -> None:
    history = bpy.context.scene.gaitway.takes
    history.range_start, history.range_end = first, last
    assert bpy.ops.gaitway.take_regenerate() == {"FINISHED"}
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error is None, GENERATION.error


def keys(action: bpy.types.Action) -> dict[tuple[str, int], np.ndarray]:
    return {
        (curve.data_path, curve.array_index): fcurve_keys.read_keys(curve)["co"]
        for bag in compat.bags(action)
        for curve in bag.fcurves
    }


def test_frames_outside_keep_their_keys_and_hand_made_changes(settings) -> None:
    armature = settings.character
    old = takes.shown(bpy.context.scene).action
    # The animator lowers an arm by hand, everywhere, before making a stretch anew.
    (arm,) = [curve for curve in next(compat.bags(old)).fcurves if "LeftArm" in curve.data_path][:1]
    for key in arm.keyframe_points:
        key.co.y += 0.2
        key.type = "KEYFRAME"
    arm.update()
    before = keys(old)
    regenerate(40, 80)
    new = takes.shown(bpy.context.scene).action
    assert new != old and keys(old).keys() == keys(new).keys()
    inside = 0.0
    for channel, was in before.items():
        now = keys(new)[channel]
        assert np.array_equal(keys(old)[channel], was)
        outside = was[(was[:, 0] < 40) | (was[:, 0] > 80)]
        assert np.array_equal(now[(now[:, 0] < 40) | (now[:, 0] > 80)], outside)
        assert np.array_equal(np.unique(now[:, 0]), now[:, 0])
        middle = [points[(points[:, 0] > 50) & (points[:, 0] < 70), 1] for points in (was, now)]
        inside = max(inside, float(np.abs(middle[0] - middle[1]).max()))
    assert inside > 0.02
    # No jump anywhere: from frame to frame the body moves no farther than it did.
    places = {
        action: [scenes.evaluated(armature, frame, "mixamorig:LeftHand") for frame in range(1, 100)]
        for action in (new,)
    }
    steps = np.linalg.norm(np.diff(places[new], axis=0), axis=-1)
    assert steps.max() < 0.15
    bpy.ops.gaitway.take_discard()
    assert takes.shown(bpy.context.scene).action == old


@pytest.mark.parametrize("first,last", [(-10, 30), (90, 500)])
def test_a_range_may_reach_over_either_end(settings, first: int, last: int) -> None:
    old = takes.shown(bpy.context.scene).action
    before = keys(old)
    regenerate(first, last)
    for channel, now in keys(takes.shown(bpy.context.scene).action).items():
        outside = (before[channel][:, 0] < first) | (before[channel][:, 0] > last)
        assert np.array_equal(now[(now[:, 0] < first) | (now[:, 0] > last)], before[channel][outside])
        assert np.isfinite(now).all()


def test_a_range_beside_the_take_says_so_and_changes_nothing(settings) -> None:
    before = everything()
    settings.takes.range_start, settings.takes.range_end = 500, 600
    with pytest.raises(RuntimeError, match="Fewer than three frames"):
        bpy.ops.gaitway.take_regenerate()
    assert everything() == before and not GENERATION.busy
