# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared.skeleton import FPS, SKELETON
from engine.metrics import control_metrics, foot_skating_ratio, mpjpe

from .helpers.motions import standing


def _slide(joints: np.ndarray, speed: float, start: int, stop: int) -> np.ndarray:
    """The whole figure slides along +Z with ``speed`` m/s from frame ``start`` to ``stop``."""
    joints = joints.copy()
    seconds = np.clip(np.arange(len(joints)) - start, 0, stop - start) / FPS
    joints[..., 2] += (speed * seconds)[:, None]
    return joints


def test_standing_still_does_not_skate() -> None:
    assert foot_skating_ratio(standing(40)) == 0.0


def test_sliding_on_the_floor_counts_the_steps_in_which_speed_and_mean_speed_are_high() -> None:
    # 1 m/s over steps 10..29: the 5-step mean exceeds 0.5 m/s where at least 3 of the 5 steps slide, so all 20 count.
    assert foot_skating_ratio(_slide(standing(41), 1.0, 10, 30)) == pytest.approx(20 / 40)
    # 0.6 m/s: the mean at the two outer steps is 0.36 and 0.48, below the threshold: 4 steps fewer.
    assert foot_skating_ratio(_slide(standing(41), 0.6, 10, 30)) == pytest.approx(16 / 40)


def test_the_window_sees_zeros_beyond_the_ends() -> None:
    # Sliding throughout at 0.6 m/s: at the first and last two steps the mean is 0.36 and 0.48.
    assert foot_skating_ratio(_slide(standing(41), 0.6, 0, 40)) == pytest.approx(36 / 40)


def test_slow_or_lifted_feet_do_not_skate() -> None:
    assert foot_skating_ratio(_slide(standing(41), 0.45, 0, 40)) == 0.0
    assert foot_skating_ratio(_slide(standing(41), 2.0, 0, 40) + np.float32([0, 0.06, 0])) == 0.0


def test_one_foot_is_enough() -> None:
    joints = _slide(standing(41), 2.0, 0, 40)
    joints[:, SKELETON.index("left_foot"), 1] = 0.3
    assert foot_skating_ratio(joints) == 1.0
    joints[:, SKELETON.index("right_foot"), 1] = 0.3
    assert foot_skating_ratio(joints) == 0.0


def test_a_single_frame_slides_nowhere() -> None:
    assert foot_skating_ratio(standing(1)) == 0.0


def test_control_metrics() -> None:
    metrics = control_metrics(np.array([0.0, 0.1, 0.3, 0.6]))
    assert metrics.average_error == pytest.approx(0.25)
    assert metrics.maximum_error == pytest.approx(0.6)
    assert (metrics.trajectory_error_20cm, metrics.trajectory_error_50cm) == (1.0, 1.0)
    assert (metrics.location_error_20cm, metrics.location_error_50cm) == (0.5, 0.25)
    assert control_metrics(np.zeros(0)).to_dict() == dict.fromkeys(metrics.to_dict(), 0.0)


def test_mpjpe_with_and_without_the_root() -> None:
    joints = standing(5)
    moved = joints + np.float32([0.3, 0, 0.4])
    assert mpjpe(moved, joints) == pytest.approx(0, abs=1e-6)
    assert mpjpe(moved, joints, align_root=False) == pytest.approx(0.5, abs=1e-6)
