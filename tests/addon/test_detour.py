# SPDX-License-Identifier: GPL-3.0-or-later
"""A way through an obstacle is led around it in one bend, no farther than it may, and else stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon import detour
from blender_addon.shared import quat
from blender_addon.solids import Solid

UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])
ANYWHERE = np.full(161, np.inf)


def way(turn: float = 0.0) -> np.ndarray:
    """Eight metres straight on, through the origin."""
    ahead = np.linspace(-4, 4, 161)
    return quat.rotate(quat.from_yaw(np.asarray(turn)), np.stack([0 * ahead, 0 * ahead + 0.93, ahead], -1))


def solid(kind: str, aside: float, turn: float = 0.0) -> Solid:
    size = {"sphere": (0.4, 0, 0), "box": (0.3, 0.5, 0.6), "capsule": (0.2, 0.8, 0)}[kind]
    yaw = quat.from_yaw(np.asarray(turn))
    return Solid(kind, quat.rotate(yaw, np.array([aside, 0.6, 0.0])), np.array(size), yaw, margin=0.1)


@pytest.mark.parametrize("kind", ["sphere", "box", "capsule"])
@pytest.mark.parametrize("turn", [0.0, 0.7, np.pi])
def test_it_is_led_to_the_nearer_side_and_evenly(kind: str, turn: float) -> None:
    from blender_addon.shared.obstacles import depth_and_way

    line, thing = way(turn), solid(kind, 0.1, turn)
    led = detour.around(line, ANYWHERE, [thing])
    at = led * [1, 0, 1] + [0, 0.5, 0]
    assert -depth_and_way(thing, at)[0].max() >= detour.BODY - 1e-9
    moved = quat.rotate(quat.from_yaw(np.asarray(-turn)), led - line)
    assert moved[:, 0].min() < -0.3 and moved[:, 0].max() < 1e-9  # away from where the thing stands
    assert np.abs(moved[:, 1:]).max() < 1e-9
    assert np.abs(np.diff(moved[:, 0], 2)).max() < 0.01  # the way itself has a point every 5 cm
    assert np.array_equal(led[:20], line[:20]) and np.array_equal(led[-20:], line[-20:])


def test_what_must_be_kept_or_is_free_stays() -> None:
    line = way()
    for allowed in (np.zeros(161), np.full(161, 0.3)):
        assert np.array_equal(detour.around(line, allowed, [solid("box", 0.1)]), line)
    assert np.array_equal(detour.around(line, ANYWHERE, [solid("box", 1.0)]), line)
    beam = Solid("box", np.array([0, 1.8, 0.0]), np.array([2, 0.1, 0.1]), UPRIGHT, 0.1)
    assert np.array_equal(detour.around(line, ANYWHERE, [beam]), line)  # one ducks
    start = Solid("sphere", line[0], np.array([0.4, 0, 0]), UPRIGHT)
    assert np.array_equal(detour.around(line, ANYWHERE, [start]), line)


def test_two_things_are_passed_together() -> None:
    line = way()
    first, second = solid("capsule", 0.1), solid("capsule", -0.2)
    first.centre[2], second.centre[2] = -0.6, 0.6
    led = detour.around(line, ANYWHERE, [first, second])
    for thing in (first, second):
        assert np.linalg.norm((led - thing.centre)[:, [0, 2]], axis=-1).min() >= 0.3 + detour.BODY - 1e-9
