# SPDX-License-Identifier: GPL-3.0-or-later
"""A take that goes into the Action which was there: keys of others and at other frames are never touched."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from ..helpers import rigs, scenes
from ..helpers.engines import generate, running_engine
from .test_history import FINGER, THIGH, key_by_hand, keys_of


@pytest.fixture
def engine(addon, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running_engine(tmp_path / "connection.json", "tests.blender.helpers.walking_engine") as process:
        yield process


def settings() -> bpy.types.PropertyGroup:
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    scenes.control(scenes.curve("Path", [(0, 0, 0), (1.2, -1.6, 0)]), frame_start=1, frame_end=97)
    return found


@pytest.mark.parametrize("spacing", ["EVERY", "SPARSE"])
def test_only_keys_of_moving_bones_at_the_takes_frames_are_replaced(engine, spacing) -> None:
    found = settings()
    found.keys.spacing = spacing
    armature = found.character
    key_by_hand(armature)
    by_hand = armature.animation_data.action
    finger = keys_of(armature, FINGER, "rotation_euler")
    generate()
    take = found.takes.items[0]
    made = take.action
    bpy.context.scene.frame_set(40)
    shown = np.array(armature.pose.bones[THIGH].matrix)
    assert bpy.ops.gaitway.take_accept(into_action=True) == {"FINISHED"}
    assert armature.animation_data.action == by_hand and take.accepted and take.action == made
    assert keys_of(armature, FINGER, "rotation_euler") == finger
    thigh = keys_of(armature, THIGH, "rotation_quaternion")
    first, last = take.frame_start, take.frame_end
    assert [time for time, _, kind in thigh if kind != "GENERATED"] == [-20, 150]
    inside = [time for time, _, kind in thigh if kind == "GENERATED"]
    assert inside[0] == first and inside[-1] == last
    assert (len(inside) == last - first + 1) == (spacing == "EVERY")
    bpy.context.scene.frame_set(1)
    bpy.context.scene.frame_set(40)
    assert np.allclose(np.array(armature.pose.bones[THIGH].matrix), shown, atol=1e-4)


def test_without_an_action_before_the_take_keeps_its_own(engine) -> None:
    found = settings()
    generate()
    take = found.takes.items[0]
    assert bpy.ops.gaitway.take_accept(into_action=True) == {"FINISHED"}
    assert take.accepted and found.character.animation_data.action == take.action
