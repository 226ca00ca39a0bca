# SPDX-License-Identifier: GPL-3.0-or-later
"""The solid that stands for an object holds all of it, and no more than its kind must."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared import quat, solids
from blender_addon.shared.protocol import Obstacle
from blender_addon.shared.solids import check_obstacle, penetration

TURN = quat.to_matrix(quat.normalize(np.array([0.8, 0.3, -0.4, 0.2])))


def depths(solid: solids.Solid, points: np.ndarray) -> np.ndarray:
    """How deep ``points`` are inside, as the engine reckons."""
    numbers = (tuple(map(float, part)) for part in (solid.centre, solid.size, solid.rotation))
    obstacle = Obstacle(solid.kind, *numbers)
    check_obstacle(obstacle)
    return penetration(obstacle, points)[0]


def cylinder(radius: float, height: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ring = np.stack([radius * np.cos(turn), radius * np.sin(turn)], -1)
    return np.concatenate([np.c_[ring, np.full(48, z)] for z in (-height / 2, height / 2)])


@pytest.mark.parametrize("kind", ["sphere", "box", "capsule"])
@pytest.mark.parametrize("sides", [(1, 1, 1), (0.2, 3, 0.5), (2, 0.1, 0.4), (0.3, 0.3, 1.8), (0, 2, 1)])
def test_all_of_an_object_is_inside_and_touches(kind: str, sides: tuple[float, ...]) -> None:
    rng = np.random.default_rng(3)
    points = (rng.uniform(-0.5, 0.5, (400, 3)) * sides) @ TURN.T + [1.0, 2.0, -3.0]
    found = depths(solids.enclosing_solid(kind, points, TURN), points)
    assert found.min() > -1e-6
    assert found.min() < 0.02  # one of them lies at the surface


def test_a_pillar_is_a_rod_with_its_own_radius() -> None:
    points = cylinder(0.25, 2.0) @ TURN.T
    rod = solids.enclosing_solid("capsule", points, TURN)
    assert rod.size[:2] == pytest.approx([0.25, 1.0], abs=1e-6)
    beside = np.array([[0.26, 0.0, 0.9], [0.0, 0.0, 1.2], [0.0, 0.0, 1.3]]) @ TURN.T
    assert (depths(rod, beside) > 0).tolist() == [False, True, False]


def test_only_a_round_thing_is_not_stretched() -> None:
    ball = np.random.default_rng(0).normal(size=(4000, 3))
    ball /= np.linalg.norm(ball, axis=-1, keepdims=True)
    ball = np.concatenate([ball, np.eye(3), -np.eye(3)]) @ TURN.T
    assert not solids.is_stretched(ball, TURN)
    assert solids.is_stretched(ball * [1, 1, 1.4], np.eye(3))
