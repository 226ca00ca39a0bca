# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluating at other frames: what needs no whole scene."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import offscreen
from blender_addon.lookup import scene_by_uid
from blender_addon.offscreen.lines import join_edges


def test_edges_are_joined_to_open_and_closed_lines() -> None:
    edges = np.array([[0, 1], [1, 2], [3, 4], [4, 5], [5, 3]])
    assert [line.tolist() for line in join_edges(7, edges)] == [[0, 1, 2], [3, 4, 5, 3], [6]]


@pytest.mark.parametrize("name", ["Gaitway offscreen", "Gaitway offscreen.001", "Gaitway stage"])
def test_hidden_scenes_of_this_and_older_versions_are_removed(name) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    stale = bpy.data.scenes.new(name).session_uid
    kept = bpy.data.scenes.new("Gaits")
    with offscreen.temporary_scene() as uid:
        offscreen.remove_orphans()
        assert scene_by_uid(stale) is None and offscreen.scene_of(uid)
    assert kept in list(bpy.data.scenes) and len(bpy.data.scenes) == 2
