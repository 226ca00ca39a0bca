# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metric against closed forms: Gaussians with known distances, perfect and blind matching, motions of known
speed.
"""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared.errors import BadRequest
from blender_addon.shared.skeleton import FEET, FPS, SKELETON
from engine.metrics import control_metrics
from training.evaluation import metrics as m

from ...engine.helpers.motions import standing


@pytest.fixture
def random():
    return np.random.default_rng(7)


def exact_sample(random, mean: np.ndarray, root: np.ndarray, count: int = 200) -> np.ndarray:
    """Rows whose mean is exactly ``mean`` and whose covariance is exactly root root'."""
    rows = random.normal(size=(count, len(mean)))
    rows -= rows.mean(0)
    white = rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows, rowvar=False))).T
    return white @ root.T + mean


def test_frechet_distance_of_gaussians_with_known_means_and_covariances(random):
    a, b = np.array([1.0, 4.0, 9.0]), np.array([4.0, 1.0, 0.25])
    shift = np.array([0.5, -1.0, 2.0])
    expected = (shift**2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert m.frechet_gaussians(np.zeros(3), np.diag(a), shift, np.diag(b)) == pytest.approx(expected, rel=1e-9)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]  # both turned the same way: nothing changes
    first = exact_sample(random, np.zeros(3), turn @ np.diag(np.sqrt(a)))
    second = exact_sample(random, shift @ turn.T, turn @ np.diag(np.sqrt(b)))
    assert m.frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)
    assert m.frechet_distance(first, first) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_of_fewer_samples_than_dimensions(random):
    few = random.normal(size=(6, 20))
    assert m.frechet_distance(few + 0.3, few) == pytest.approx(20 * 0.3**2, rel=1e-3)


def test_a_perfect_evaluator_finds_every_motion(random):
    motion = random.normal(size=(70, 8))
    matching, precision = m.matching_and_precision(motion, motion, random.permutation(70))
    assert matching == pytest.approx(0, abs=1e-9) and precision.tolist() == [1, 1, 1]
    matching, _ = m.matching_and_precision(motion, motion + np.float64([3, 4, 0, 0, 0, 0, 0, 0]), np.arange(70))
    assert matching == pytest.approx(5)


def test_blind_evaluators_find_their_motion_by_chance(random):
    text, motion = random.normal(size=(2, 32 * 200, 4))
    _, precision = m.matching_and_precision(text, motion, np.arange(len(text)))
    np.testing.assert_allclose(precision, np.arange(1, 4) / 32, atol=0.012)
    _, precision = m.matching_and_precision(np.zeros((64, 4)), np.zeros((64, 4)), np.arange(64))
    np.testing.assert_allclose(precision, np.arange(1, 4) / 32)


def test_the_second_nearest_counts_from_top_two():
    text = np.arange(4.0)[:, None]
    motion = text[[1, 0, 2, 3]]  # the first two stand in each other's place, one step away
    matching, precision = m.matching_and_precision(text, motion, np.arange(4), group=4)
    assert matching == pytest.approx(0.5)
    assert precision.tolist() == [0.5, 1.0, 1.0]


def test_only_whole_groups_count():
    text = np.arange(7.0)[:, None]
    far = text.copy()
    far[6] += 100
    assert m.matching_and_precision(text, far, np.arange(7), group=3)[0] == 0
    with pytest.raises(BadRequest, match="do not fill a group"):
        m.matching_and_precision(text[:2], text[:2], np.arange(2), group=3)


def test_diversity_and_multimodality(random):
    points = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    assert m.diversity(points, np.array([0, 0]), np.array([1, 2])) == pytest.approx(3.0)
    repeats = np.repeat(random.normal(size=(5, 1, 8)), 30, axis=1)
    first, second = m.random_pairs(30, 10, random)
    assert m.multimodality(repeats, first, second) == 0
    repeats[:, second] += 1.0
    repeats[:, first] = 0.0
    assert m.multimodality(repeats, first, second) > 0


def test_pairs_are_drawn_without_replacement_and_repeatably():
    first, second = m.random_pairs(20, 300, np.random.default_rng(1))
    assert sorted(first) == sorted(second) == list(range(20))
    again, _ = m.random_pairs(20, 300, np.random.default_rng(1))
    assert (first == again).all()


def test_confidence_interval():
    e = m.estimate([1.0, 2.0, 3.0, 6.0])
    assert e.mean == 3.0 and e.interval == pytest.approx(1.96 * np.sqrt(3.5) / 2)
    assert m.estimate([4.0]) == m.Estimate(4.0, 0.0)


def test_position_metrics_weigh_frames_not_motions():
    reference = np.stack([standing(10)] * 2)
    joints = reference.copy()
    joints[0] += np.float32([0.3, 0, 0.4])  # moved as a whole: 0.5 m off, none of it in the pose
    joints[1, :4, SKELETON.index("head"), 1] += 0.22
    features = np.zeros((2, 10, 263))
    features[0, :, 0] = 2.0  # norm 2 sqrt(10)
    features[1, 5:] = 99.0  # padding
    got = m.position_metrics(joints, reference, features, np.zeros_like(features), [10, 4])
    assert got.mpjpe_aligned == pytest.approx(4 * 0.01 / 14, abs=1e-6)
    assert got.mpjpe == pytest.approx((10 * 0.5 + 4 * 0.01) / 14, abs=1e-6)
    assert got.feature_error == pytest.approx(2 * np.sqrt(10) / 14)


def test_control_metrics_of_a_padded_batch_are_the_mean_of_single_motions(random):
    hint = random.normal(size=(3, 12, 22, 3))
    joints = hint + random.normal(size=hint.shape) * 0.25
    mask = random.random((3, 12, 22)) < 0.2
    mask[0, 6:] = False
    joints[0, 6:] += 100  # padding
    mask[2] = False  # asks for nothing
    singles = [control_metrics(np.linalg.norm(joints - hint, axis=-1)[b][mask[b]]) for b in range(2)]
    got = m.control_batch_metrics(joints, hint, mask)
    for key, value in got.to_dict().items():
        assert value == pytest.approx(np.mean([s.to_dict()[key] for s in singles])), key
    assert 0 < got.location_error_50cm < got.location_error_20cm < 1
    nothing = m.control_batch_metrics(joints, hint, np.zeros_like(mask))
    assert nothing == m.mean_control_metrics([])


def test_jerk_of_a_cubic():
    joints = np.zeros((20, 22, 3))
    joints[..., 0] = (np.arange(20) / FPS)[:, None] ** 3
    assert m.jerk_percentile(joints) == pytest.approx(6.0)
    assert m.jerk_percentile(joints[:3]) == 0


def test_floor_penetration_is_the_mean_depth_of_the_lowest_joint():
    joints = standing(10) + np.float32([0, 0.5, 0])
    assert m.floor_penetration(joints) == 0
    lowest = joints[0, :, 1].min()
    joints[:5, :, 1] -= lowest + 0.04
    assert m.floor_penetration(joints) == pytest.approx(0.02, abs=1e-6)


def test_seams():
    joints = np.zeros((24, 22, 3))
    joints[..., 2] = 1.0 * (np.arange(24) / FPS)[:, None]
    assert m.seam_speed(joints, [8, 16]) == pytest.approx(m.seam_speed(joints)) == pytest.approx(1.0)
    joints[8:] += [0.5, 0, 0]  # a leap of half a metre within a step
    assert m.seam_speed(joints, [8]) == pytest.approx(np.hypot(0.5 * FPS, 1.0))
    assert m.seam_speed(joints, [16]) == pytest.approx(1.0)
    assert m.seam_speed(joints, []) == 0 and m.seam_speed(joints, [0, 24]) == 0
    joints[..., 1] = 0.01 * np.arange(24)[:, None] ** 2  # even acceleration everywhere
    assert m.seam_sharpness(joints, [16]) < 1 < m.seam_sharpness(joints, [8])
    even = np.zeros((24, 22, 3))
    even[..., 1] = 0.01 * np.arange(24)[:, None] ** 2
    assert m.seam_sharpness(even, [8, 16]) == pytest.approx(1)


@pytest.mark.parametrize(("swing", "falls"), [(3.0, 2.0), (2.0, 2.0), (0.6, 2.0), (0.15, 0.0)])
def test_footfalls(swing, falls):
    """Each foot swings at ``swing`` m/s for half a second in every second, in turn; slower than 0.2 m/s is standing."""
    joints = standing(121)
    assert m.footfalls_per_second(joints) == 0
    phase = np.arange(121) % 20
    for foot, swinging in zip(SKELETON.indices(*FEET), (phase < 10, phase >= 10), strict=True):
        joints[:, foot, 2] += np.cumsum(np.where(swinging, swing / FPS, 0.0))
    assert m.footfalls_per_second(joints) == pytest.approx(falls, abs=0.2)
    joints[..., 1] += 0.5  # in the air
    assert m.footfalls_per_second(joints) == 0
