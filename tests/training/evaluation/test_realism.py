# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinematic numbers of made-up motions are what they were made with, and the distance tells what differs."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared.skeleton import FPS, SKELETON
from training.evaluation.realism.kinematics import (
    AGREEING,
    KINEMATICS,
    WINDOW,
    agreement,
    distance,
    floor,
    kinematics,
    windows,
)

from ...shared.test_features import walking
from ..data.test_data import stepping_on_the_spot


def going(speed: float, frames: int = 100, turn: float = 0.0, sideways: bool = False) -> np.ndarray:
    """A stiff figure that goes at ``speed`` along its heading, which turns by ``turn`` radians a second."""
    pose = walking(1)[0]
    yaw = turn * np.arange(frames) / FPS
    cos, sin = np.cos(yaw), np.sin(yaw)
    motion = np.empty((frames, 22, 3))
    motion[..., 0] = pose[:, 0] * cos[:, None] + pose[:, 2] * sin[:, None]
    motion[..., 1] = pose[:, 1]
    motion[..., 2] = pose[:, 2] * cos[:, None] - pose[:, 0] * sin[:, None]
    step = np.stack([cos, -sin], -1) if sideways else np.stack([sin, cos], -1)
    motion[..., [0, 2]] += (np.cumsum(step, axis=0) * speed / FPS)[:, None]
    return motion


def numbers(joints: np.ndarray) -> dict[str, float]:
    return dict(zip(KINEMATICS, kinematics(joints).mean(0), strict=True))


def test_windows_of_two_seconds_a_second_apart() -> None:
    assert windows(walking(100)).shape == (4, WINDOW, 22, 3)
    assert len(windows(walking(39))) == 0 and kinematics(walking(39)).shape == (0, len(KINEMATICS))


def test_travel_is_measured_from_the_body() -> None:
    ahead, aside, round_ = (numbers(joints) for joints in (going(1.2), going(0.8, sideways=True), going(1.0, turn=0.9)))
    assert ahead["speed"] == pytest.approx(1.2, rel=1e-4) and ahead["forward"] == pytest.approx(1.2, rel=1e-4)
    assert ahead["facing"] == pytest.approx(0.0, abs=0.02) and ahead["slide"] > 1.1, "a stiff figure only slides"
    assert aside["sideways"] == pytest.approx(0.8, rel=1e-4) and aside["facing"] == pytest.approx(np.pi / 2, rel=0.01)
    assert round_["turning"] == pytest.approx(0.9, rel=0.01) and round_["forward"] == pytest.approx(1.0, rel=0.01)


def test_steps_and_knees_of_stepping_on_the_spot() -> None:
    found = numbers(stepping_on_the_spot())
    assert found["cadence"] == pytest.approx(2.0, abs=0.4)  # each foot once a second
    assert found["speed"] == pytest.approx(0.0, abs=1e-9) and found["slide"] < 0.05
    assert found["foot_height"] > 0.12 and found["knee_range"] > 0.1


def test_arms_lean_and_jerk() -> None:
    still = going(0.0)
    swung = still.copy()
    phase = 2 * np.pi * np.arange(len(still)) / FPS
    swung[:, SKELETON.index("left_wrist"), 2] += 0.2 * np.sin(phase)
    assert numbers(swung)["arm_swing"] - numbers(still)["arm_swing"] == pytest.approx(0.2, abs=0.01)
    bent = still.copy()
    bent[:, SKELETON.index("neck"), 2] += 0.3
    assert numbers(bent)["lean"] > numbers(still)["lean"] + 0.3
    noise = still + np.random.default_rng(0).normal(0, 0.01, still.shape)
    assert numbers(noise)["jerk"] > numbers(swung)["jerk"] and numbers(noise)["head_acceleration"] > 5


def a_crowd(seed: int, pace: float = 1.0) -> list[np.ndarray]:
    """Figures that step while they are moved along, each at a speed and with a turn of its own."""
    random = np.random.default_rng(seed)
    crowd = []
    for _ in range(40):
        way = going(pace * random.uniform(0.1, 0.6), turn=random.normal(0, 0.4))[:, :1] * (1, 0, 1)
        joints = stepping_on_the_spot(100) * random.uniform(0.9, 1.1) + way
        crowd.append(joints + random.normal(0, random.uniform(0.001, 0.004), joints.shape))
    return crowd


def test_the_distance_is_nothing_for_the_same_and_grows_with_what_differs() -> None:
    crowd = a_crowd(0)
    assert distance(crowd, crowd) == pytest.approx(0.0, abs=1e-6)
    base = floor(crowd)
    faster, fastest = distance(a_crowd(1, 1.5), crowd), distance(a_crowd(1, 2.5), crowd)
    assert distance(a_crowd(1), crowd) < 1.5 * base and 1.5 * base < faster < fastest
    assert np.isnan(distance([crowd[0][:20]], crowd))


def test_agreement_ranks_what_stands_for_what() -> None:
    crowd = a_crowd(2)
    assert agreement(crowd, crowd) == pytest.approx(1.0)
    assert agreement(crowd, crowd[::-1]) < 0.5 and set(AGREEING) <= set(KINEMATICS)
