# SPDX-License-Identifier: GPL-3.0-or-later
"""As few keys as keep the whole armature within a bound: how few, how near, and which ones stay."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from blender_addon.retarget.keys import reduce as sparse
from blender_addon.retarget.keys.pose_tree import Tree
from blender_addon.retarget.keys.prune import prune
from blender_addon.retarget.keys.reduce import Bound, reduce
from blender_addon.retarget.keys.spline_fit import Channel, Curve
from blender_addon.retarget.pose.rotation_modes import rotation_channels
from blender_addon.retarget.rig import Rig
from blender_addon.shared import quat
from blender_addon.time_slices import run_to_end

from ..figures import bone, rig_of

FRAMES = np.arange(1, 151)
BOUND = 0.005


def arm(size: float = 1.0) -> Rig:
    """A crooked chain of four bones, 30 cm each, and one aside; the object is scaled so that a metre stays one."""
    places = np.array([(0, 0, 0), (0, 0.1, 0.28), (0.2, 0.1, 0.5), (0.3, 0.3, 0.7), (0.3, 0.3, 1.0)]) / size
    bones = [
        bone(f"{number}", f"{number - 1}" if number else None, head, tail, roll=0.4 * number)
        for number, (head, tail) in enumerate(pairwise(places))
    ]
    bones.append(bone("aside", "1", places[2], places[2] + np.array([-0.3, 0, 0]) / size))
    world = np.diag([size, size, size, 1.0])
    world[:3, :3] = quat.to_matrix(quat.from_axis_angle(np.array([0.6, 0.0, 0.8]), np.asarray(0.7))) * size
    return rig_of(bones, world)


def motion(rig: Rig, mode: str, seed: int = 0, turns: float = 0.5) -> list[Curve]:
    """Every bone turns by some smooth noise, the first moves as well; a key a frame."""
    rng = np.random.default_rng(seed)

    def noise(width: int, size: float) -> np.ndarray:
        waves = rng.normal(size=(8, width)) / np.arange(1, 9)[:, None]
        phases = 2 * np.pi * rng.random((8, width))
        times = FRAMES[:, None, None] * np.arange(1, 9)[:, None] * 2 * np.pi / len(FRAMES)
        return size * (waves * np.sin(times + phases)).sum(1)

    curves = [Curve.dense("0", "location", FRAMES, noise(3, 0.5) / rig.matrix_world[2, 2])]
    for name in (member.name for member in rig.bones):
        vector = noise(3, turns)
        angle = np.linalg.norm(vector, axis=-1)
        prop, values = rotation_channels(quat.from_axis_angle(quat.normalize(vector), angle), mode)
        curves.append(Curve.dense(name, prop, FRAMES, values))
    return curves


def distances(rig: Rig, before: list[Curve], after: list[Curve], modes: dict[str, str]) -> np.ndarray:
    """How far (K, P) all heads and tails come from where they were, metres."""
    tree = Tree(rig, [member.name for member in rig.bones])
    places = [
        run_to_end(tree.points(run_to_end(tree.pose(curves, modes, FRAMES)), rig.matrix_world))
        for curves in (before, after)
    ]
    return np.linalg.norm(places[1] - places[0], axis=-1)


def num_keys(curves: list[Curve]) -> int:
    return sum(curve.num_keys for curve in curves)


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "ZXY", "AXIS_ANGLE"])
@pytest.mark.parametrize("size", [1.0, 0.01])
def test_the_armature_spares_keys_and_stays_within_the_bound(monkeypatch, mode: str, size: float) -> None:
    rig = arm(size)
    modes = dict.fromkeys([member.name for member in rig.bones], mode)
    curves = motion(rig, mode)
    bound = Bound(BOUND, {"aside": np.where(FRAMES > 70, 3.0, 1.0)}, [20, 21])
    few = run_to_end(reduce(rig, curves, modes, rig.matrix_world, bound))
    off = distances(rig, curves, few, modes)
    assert off.max() <= BOUND and off[FRAMES > 70, 4].max() <= BOUND / 3
    for curve, dense in zip(few, curves, strict=True):
        for channel, wanted in zip(curve.channels, dense.channels, strict=True):
            assert {1, 21, 22, 150} <= set(channel.frames)
            assert np.allclose(channel.at(FRAMES)[[0, 149]], wanted.values[[0, 149]], atol=1e-4 / size)

    def none_spared(tree, curves, few, *rest):
        return few
        yield

    monkeypatch.setattr(sparse, "prune", none_spared)
    many = run_to_end(reduce(rig, curves, modes, rig.matrix_world, bound))
    assert num_keys(few) < 0.8 * num_keys(many) < 0.3 * num_keys(curves)


@pytest.mark.parametrize("turns", [0.5, 0.1, 0.02])
def test_nothing_swings_out_between_frames(turns: float) -> None:
    """A real part of a quaternion does little by itself, and keys side by side leave their slopes free."""
    rig = arm()
    modes = dict.fromkeys([member.name for member in rig.bones], "QUATERNION")
    curves = motion(rig, "QUATERNION", 2, turns)
    few = run_to_end(reduce(rig, curves, modes, rig.matrix_world, Bound(BOUND, {}, [20, 21])))
    halves = np.arange(2, 2 * len(FRAMES) + 1)
    for curve, dense in zip(few[1:], curves[1:], strict=True):
        shown = np.stack(
            [Channel(2 * channel.frames, channel.values, channel.slopes / 2).at(halves) for channel in curve.channels],
            axis=-1,
        )
        wanted = np.stack([np.interp(halves / 2, FRAMES, column) for column in dense.at(FRAMES).T], -1)
        assert np.abs(shown - wanted).max() < 0.1


def test_an_object_that_is_carried_along() -> None:
    rig = arm()
    modes = dict.fromkeys([member.name for member in rig.bones], "QUATERNION")
    curves = motion(rig, "QUATERNION", 3)
    world = np.tile(rig.matrix_world, (len(FRAMES), 1, 1))
    turns = quat.from_axis_angle(np.array([0.0, 0.0, 1.0]), np.linspace(0, 3, len(FRAMES)))
    world[:, :3, :3] = quat.to_matrix(turns) @ world[:, :3, :3]
    world[:, 0, 3] = np.linspace(0, 4, len(FRAMES))
    few = run_to_end(reduce(rig, curves, modes, world, Bound(BOUND, {})))
    assert distances(rig, curves, few, modes).max() <= BOUND
    assert num_keys(few) < 0.25 * num_keys(curves)


def test_a_round_that_goes_too_far_is_not_kept() -> None:
    """Where no point may move at all nothing is spared."""
    rig = arm()
    modes = dict.fromkeys([member.name for member in rig.bones], "QUATERNION")
    curves = motion(rig, "QUATERNION", seed=1)
    few = run_to_end(reduce(rig, curves, modes, rig.matrix_world, Bound(BOUND, {})))
    tree = Tree(rig, [member.name for member in rig.bones])
    goal = run_to_end(tree.points(run_to_end(tree.pose(few, modes, FRAMES)), rig.matrix_world))
    tight = np.full(goal.shape[:2], 1e-7)
    same = run_to_end(prune(tree, curves, few, modes, rig.matrix_world, goal, tight, []))
    assert num_keys(same) == num_keys(few)
    assert distances(rig, few, same, modes).max() < 1e-7
