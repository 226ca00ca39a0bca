# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies low: feet stand beside it and swing over it, and a walk steps over it on its way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.protocol import Obstacle, Result
from blender_addon.shared.skeleton import FPS
from blender_addon.shared.solids import penetration
from engine.checkpoints.folder import EMBEDDED
from engine.finishing import footprints
from engine.finishing.footprints import FootPlan
from engine.finishing.parameters import FOOT_PARAMS
from engine.finishing.step_over import StandableGround, heights_over, is_step_over
from engine.metrics import foot_skating_ratio
from engine.pipeline import Pipeline

from ..control.test_detour import line
from ..helpers.walking import FRAMES, gliding
from ..library.made import run_to_end

BOX = Obstacle("box", (0.0, 0.1, 2.5), (0.5, 0.1, 0.1), margin=0.03)
LYING = Obstacle("capsule", (0.0, 0.1, 2.2), (0.1, 0.6, 0.0), (0.7071, 0.0, 0.0, 0.7071))


def place_feet(*asked, **more) -> FootPlan:
    return run_to_end(footprints.place_feet(*asked, **more))


def test_what_is_low_enough_is_stepped_over() -> None:
    upright = replace(LYING, rotation=(1.0, 0.0, 0.0, 0.0))
    low = [BOX, LYING, Obstacle("sphere", (0, 0.15, 0), (0.15, 0, 0))]
    tipped = replace(BOX, rotation=(0.9239, 0.0, 0.0, 0.3827))
    high = [upright, tipped, replace(BOX, margin=0.3), Obstacle("sphere", (0, 0.15, 0), (0.3, 0, 0))]
    assert all(map(is_step_over, low)) and not any(map(is_step_over, high))


def test_the_nearest_footing_is_beside_and_elsewhere_nothing_moves() -> None:
    toes = np.array([[0.0, 2.45], [0.0, 2.55], [0.45, 2.5], [0.0, 1.5], [50.0, -3.0]])
    ground_map = StandableGround([BOX], np.stack([toes[:, 0], 0 * toes[:, 0], toes[:, 1]], 1))
    shifts = ground_map.shift(toes)
    np.testing.assert_array_equal(shifts[3:], 0)
    assert shifts[0, 1] < -0.1 and shifts[1, 1] > 0.1 and shifts[2, 0] > 0.1
    around = (
        toes[:3, None]
        + shifts[:3, None]
        + 0.8 * FOOT_PARAMS.foot_radius_m * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    )
    assert not heights_over(around, [BOX], FOOT_PARAMS.stance_clearance_m).any()
    assert heights_over(np.array([0.0, 2.5]), [BOX], FOOT_PARAMS.swing_clearance_m) == pytest.approx(0.28, abs=0.015)


def test_a_floor_is_no_trouble_however_large() -> None:
    floor = Obstacle("box", (0.0, -0.5, 0.0), (500.0, 0.5, 500.0))
    joints, nobody = gliding(), np.zeros((FRAMES, 22), bool)
    plain, floored = (place_feet(joints, np.zeros((FRAMES, 4)), nobody, None, solids) for solids in ([], [floor]))
    np.testing.assert_array_equal(floored.in_contact, plain.in_contact)
    np.testing.assert_allclose(floored.positions, plain.positions, atol=0.05)
    np.testing.assert_allclose(floored.positions[plain.in_contact], plain.positions[plain.in_contact], atol=0.01)


def test_what_is_too_large_to_step_over_is_stood_on() -> None:
    platform = Obstacle("box", (0.0, 0.1, 2.5), (1.0, 0.1, 1.0))
    joints, nobody = gliding(), np.zeros((FRAMES, 22), bool)
    feet = place_feet(joints, np.zeros((FRAMES, 4)), nobody, None, [platform])
    assert penetration(platform, feet.positions)[0].max() < 0
    on_top = feet.in_contact[:, 1::2] & (np.abs(feet.positions[:, 1::2, 2] - 2.5) < 0.7)
    assert on_top.sum() > 20
    np.testing.assert_allclose(feet.positions[:, 1::2, 1][on_top], 0.21, atol=0.02)


@pytest.mark.parametrize("obstacle", [BOX, LYING])
@pytest.mark.parametrize("start", [0.0, 0.3, 0.6])
def test_dragged_feet_get_steps_that_lead_over_it(obstacle: Obstacle, start: float) -> None:
    joints = gliding() + np.array([0.0, 0.0, start])
    nobody = np.zeros((FRAMES, 22), bool)
    feet = place_feet(joints, np.zeros((FRAMES, 4)), nobody, None, [obstacle])
    assert penetration(obstacle, joints[:, [7, 8, 10, 11]])[0].max() > 0.05
    assert penetration(obstacle, feet.positions)[0].max() < 0
    reach = np.linalg.norm(feet.positions[:, 1::2] - joints[:, [1, 2]], axis=-1)[feet.in_contact[:, 1::2]]
    assert reach.max() < 1.05


@pytest.mark.skipif(not (EMBEDDED / "model.safetensors").is_file(), reason="needs the embedded weights")
@pytest.mark.parametrize("every", [1, 109])
@pytest.mark.parametrize("obstacle", [BOX, replace(LYING, centre=(0.1, 0.1, 3.4))])
def test_a_walk_steps_over_it_on_its_way_without_a_jolt(every: int, obstacle: Obstacle) -> None:
    request, pipeline = line(obstacle, every=every), Pipeline.load(device="cpu")
    result, free = (list(pipeline.generate(r))[-1] for r in (request, replace(request, obstacles=())))
    assert isinstance(result, Result) and isinstance(free, Result)
    joints = result.joints[0].astype(np.float64)
    assert penetration(obstacle, joints)[0].max() < 0.005
    signal = ControlSignal(request.hint, request.hint_mask, request.free_height)
    assert control_errors(joints, signal).max() < 0.001
    assert foot_skating_ratio(joints) < 0.08
    jerk, usual = (
        np.percentile(np.linalg.norm(np.diff(j.astype(np.float64), 3, axis=0), axis=-1), 99) * FPS**3
        for j in (joints, free.joints[0])
    )
    assert jerk < 1.5 * max(703, usual)  # of captured motion, and of this walk
