# SPDX-License-Identifier: GPL-3.0-or-later
"""The overlay's lines stand where the motion stands, in colours that say how good it is."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared import quat
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.solids import Solid
from blender_addon.takes.observed import slide
from blender_addon.viewport import shapes


@pytest.mark.parametrize("kind", ["sphere", "capsule", "box"])
def test_an_outline_lies_at_the_margin(kind: str) -> None:
    from blender_addon.shared.solids import penetration

    turn = quat.normalize(np.array([0.8, 0.3, -0.4, 0.2]))
    solid = Solid(kind, np.array([1.0, 2.0, -3.0]), np.array([0.3, 0.7, 0.2]), turn, margin=0.1)
    lines = shapes.outline(solid)
    depth, _ = penetration(solid, lines.points)
    assert len(lines) == (12 if kind == "box" else 128 if kind == "capsule" else 96)
    corners = 0.1 * (np.sqrt(3) - 1)  # a box's corners are farther away than its faces
    assert np.abs(depth + (corners if kind == "box" else 0)).max() < 1e-5


def test_a_path_goes_through_every_point() -> None:
    points = np.random.default_rng(0).normal(size=(7, 3))
    lines = shapes.path(points, shapes.REQUESTED)
    assert len(lines) == 6
    assert np.allclose(lines.points[::2], points[:-1]) and np.allclose(lines.points[1::2], points[1:])
    assert len(shapes.path(points[:1], shapes.REQUESTED)) == 0


def test_colours_run_from_green_over_yellow_to_red() -> None:
    colours = shapes.error_colours(np.array([0.0, shapes.FAIR_ERROR_M, shapes.BAD_ERROR_M, 1.0]))
    assert np.allclose(colours[:, :3], [shapes.GOOD, shapes.FAIR, shapes.BAD, shapes.BAD])


def test_a_tick_stands_upright_at_its_key_and_reaches_to_where_the_joint_came() -> None:
    targets, came = np.array([[1.0, 2, 3]]), np.array([[1.1, 2, 3]])
    lines = shapes.error_ticks(targets, came, np.array([0.1]), 0.06)
    assert np.allclose(lines.points, [[1, 2, 2.97], [1, 2, 3.03], [1, 2, 3], [1.1, 2, 3]])
    assert np.allclose(lines.colours[:, :3], shapes.BAD)


def test_a_figure_has_every_limb_and_steps_over_what_a_rig_has_not() -> None:
    names = SKELETON.names
    positions = np.random.default_rng(1).normal(size=(len(names), 3))
    assert len(shapes.figure(positions, names)) == len(names) - 1
    without = tuple(name for name in names if name != "spine3")
    lines = shapes.figure(positions[[names.index(name) for name in without]], without)
    assert len(lines) == len(without) - 1
    neck, spine2 = (positions[names.index(name)].astype(np.float32) for name in ("neck", "spine2"))
    pairs = lines.points.reshape(-1, 2, 3)
    assert any(np.array_equal(pair, [spine2, neck]) for pair in pairs)


def test_ghosts_begin_and_end_with_the_motion() -> None:
    names, frames = SKELETON.names, np.arange(1, 98, 1.2)
    positions = np.zeros((len(frames), len(names), 3)) + frames[:, None, None]
    lines = shapes.ghosts(frames, positions, names, 24.0)
    assert len(lines) % (len(names) - 1) == 0 and 8 <= len(lines) // (len(names) - 1) <= 10
    assert lines.points.min() == 1 and lines.points.max() == np.float32(frames[-1])


def test_a_standing_foot_slides_and_a_swinging_one_does_not() -> None:
    positions = np.zeros((10, 3))
    positions[:, 0] = np.arange(10) * 0.01
    in_contact = np.array([0, 1, 1, 1, 1, 0, 0, 1, 1, 1], bool)
    distances = slide(positions, in_contact)
    assert np.allclose(distances, [0, 0, 0, 0.01, 0.02, 0, 0, 0, 0, 0.01])
    lines = shapes.footprints(positions, distances, 0.0, 0.04)
    assert len(lines) == 2 * 4 + 2 + 1
    assert not shapes.footprints(positions, np.zeros(10), 0.0, 0.04).points.size


@pytest.mark.parametrize("height", [0.0, 5.0])
def test_footprints_lie_on_the_ground(height: float) -> None:
    positions = np.random.default_rng(2).normal(size=(6, 3))
    lines = shapes.footprints(positions, np.array([0, 0, 0.01, 0.02, 0, 0]), height, 0.04)
    assert len(lines) and np.allclose(lines.points[:, 2], height)
