# SPDX-License-Identifier: GPL-3.0-or-later
"""The way is the curve itself, however it is dressed; and other lines that lead somewhere."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.offscreen import has_lines, path_lines
from blender_addon.shared.errors import BadControl

from ..helpers import dressed, scenes
from ..helpers.dressed import LINE


@pytest.fixture(autouse=True)
def empty_scene() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


def corners(line: np.ndarray) -> np.ndarray:
    """The points of a line where it bends, and its ends."""
    steps = np.diff(line, axis=0)
    steps = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    bends = np.flatnonzero((steps[1:] * steps[:-1]).sum(1) < 1 - 1e-6) + 1
    return line[[0, *bends, len(line) - 1]]


@pytest.mark.parametrize("dress", dressed.DRESSED)
def test_thickness_and_copies_do_not_change_the_way(dress: str) -> None:
    path = dressed.poly()
    dressed.DRESSED[dress](path)
    before = {collection: len(getattr(bpy.data, collection)) for collection in ("objects", "curves", "node_groups")}
    (line,) = path_lines(path, 1)
    assert np.allclose(corners(line), LINE, atol=1e-6)
    assert before == {collection: len(getattr(bpy.data, collection)) for collection in before}


@pytest.mark.parametrize("move", dressed.MOVED)
def test_what_moves_its_points_moves_the_way(move: str) -> None:
    path = dressed.poly()
    dressed.MOVED[move](path)
    (line,) = path_lines(path, 1)
    assert np.allclose(corners(line), np.add(LINE, (0, 0, 1)), atol=1e-5)


@pytest.mark.parametrize("make", [dressed.hair, dressed.grease_pencil, dressed.edges])
def test_hair_strokes_and_edges_are_ways(make) -> None:
    path = make()
    path.location, path.rotation_euler, path.scale = (1, 2, 3), (0, 0, math.pi / 2), (2, 1, 1)
    path.parent = scenes.empty("Parent", {})
    path.parent.scale = (1, 1, 3)
    assert has_lines(path)
    (line,) = path_lines(path, 1)
    expected = np.array([(1 - y, 2 + 2 * x, 3 * (3 + z)) for x, y, z in LINE])
    assert np.allclose(corners(line), expected, atol=1e-5)


def test_a_stroke_drawn_at_a_later_frame_is_a_way_from_the_start() -> None:
    (line,) = path_lines(dressed.grease_pencil(), -5)
    assert np.allclose(corners(line), LINE, atol=1e-6)


def test_closed_edges_end_where_they_began() -> None:
    (line,) = path_lines(dressed.edges(closed=True), 1)
    assert np.allclose(line, [*LINE[:1], *LINE[:0:-1], LINE[0]])  # from the vertex 0 towards the vertex 1


def test_branches_are_refused() -> None:
    with pytest.raises(BadControl, match=r"'Edges' branch: 3 .* one line"):
        path_lines(dressed.edges(branch=True), 1)


def test_a_way_in_a_collection_is_where_the_empty_shows_it() -> None:
    path = dressed.poly()
    path.location.y = 7
    shown = dressed.instanced(path, (10, 0, 0))
    shown.instance_collection.instance_offset = (0, 7, 0)
    (line,) = path_lines(shown, 1)
    assert np.allclose(corners(line), np.add(LINE, (10, 0, 0)), atol=1e-5)
    shown.instance_collection.objects.link(dressed.poly())
    with pytest.raises(BadControl, match="shows 2 curves"):
        path_lines(shown, 1)


@pytest.mark.parametrize(("kind", "number"), [("POLY", 100_000), ("BEZIER", 100_000), ("NURBS", 3000)])
def test_a_dense_curve_is_read_at_once(kind: str, number: int) -> None:
    points = np.zeros((number, 3), np.float32)
    points[:, 0] = np.linspace(0, 100, number)
    path = scenes.curve("Dense", LINE, kind)
    path.data.splines.clear()
    spline = path.data.splines.new(kind)
    if kind == "BEZIER":
        spline.bezier_points.add(number - 1)
        for name in ("co", "handle_left", "handle_right"):
            spline.bezier_points.foreach_set(name, points.ravel())
    else:
        spline.points.add(number - 1)
        spline.points.foreach_set("co", np.append(points, np.ones((number, 1), np.float32), 1).ravel())
    started = time.perf_counter()
    (line,) = path_lines(path, 1)
    assert time.perf_counter() - started < 3
    assert len(line) < 250_000 and np.allclose(line[[0, -1]], points[[0, -1]], atol=1e-3)


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("number", [2, 3])
def test_nurbs_of_few_points_lead_from_the_first_to_the_last(order: int, number: int) -> None:
    path = scenes.curve("Few", LINE[:number], "NURBS")
    path.data.splines[0].order_u = order
    (line,) = path_lines(path, 1)
    assert np.allclose(line[[0, -1]], [LINE[0], LINE[number - 1]], atol=1e-5)


def test_what_has_no_lines_is_known_without_evaluating() -> None:
    bpy.ops.mesh.primitive_cube_add()
    assert not has_lines(bpy.context.object)
    bpy.ops.object.text_add()
    assert not has_lines(bpy.context.object) and not has_lines(scenes.empty("Pin", {}))
