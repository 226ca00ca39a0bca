# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluating at other frames: what needs no whole scene."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("bpy")

from blender_addon.offscreen.evaluate_at import join_edges


def test_edges_are_joined_to_open_and_closed_lines() -> None:
    edges = np.array([[0, 1], [1, 2], [3, 4], [4, 5], [5, 3]])
    assert join_edges(7, edges) == [[0, 1, 2], [3, 4, 5, 3], [6]]
