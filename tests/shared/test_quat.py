# SPDX-License-Identifier: GPL-3.0-or-later
"""Quaternions: inverses, closed forms, numpy and torch alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from blender_addon.shared import quat


def random_quaternions(count: int, seed: int = 0) -> np.ndarray:
    return quat.normalize(np.random.default_rng(seed).normal(size=(count, 4)))


def test_product_rotates_as_one_after_the_other():
    a, b = random_quaternions(50, 1), random_quaternions(50, 2)
    v = np.random.default_rng(3).normal(size=(50, 3))
    np.testing.assert_allclose(quat.rotate(quat.multiply(a, b), v), quat.rotate(a, quat.rotate(b, v)), atol=1e-12)
    np.testing.assert_allclose(quat.rotate(quat.conjugate(a), quat.rotate(a, v)), v, atol=1e-12)


def test_matrix_there_and_back_for_every_branch():
    half_turns = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    q = np.concatenate([random_quaternions(200), half_turns])
    back = quat.from_matrix(quat.to_matrix(q))
    np.testing.assert_allclose(np.abs((q * back).sum(-1)), 1, atol=1e-12)
    v = np.random.default_rng(5).normal(size=(204, 3))
    np.testing.assert_allclose(np.einsum("nij,nj->ni", quat.to_matrix(q), v), quat.rotate(q, v), atol=1e-12)


def test_between_turns_one_direction_onto_the_other_by_the_shortest_way():
    rng = np.random.default_rng(6)
    u, v = rng.normal(size=(100, 3)), rng.normal(size=(100, 3))
    q = quat.between(u, v)
    np.testing.assert_allclose(quat.rotate(q, quat.normalize(u)), quat.normalize(v), atol=1e-9)
    angle = np.arccos((quat.normalize(u) * quat.normalize(v)).sum(-1))
    np.testing.assert_allclose(quat.angle(q), angle, atol=1e-7)


@pytest.mark.parametrize("axis", [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [-0.6, 0.8, 0]])
def test_between_opposite_directions_is_a_half_turn(axis):
    u = np.array([axis])
    q = quat.between(u, -u)
    np.testing.assert_allclose(quat.rotate(q, u), -u, atol=1e-9)


def test_yaw_is_the_inverse_of_from_yaw():
    angles = np.linspace(-3.1, 3.1, 31)
    forward = quat.rotate(quat.from_yaw(angles), np.broadcast_to([0.0, 0, 1], (31, 3)))
    np.testing.assert_allclose(quat.yaw(forward), angles, atol=1e-12)


def test_slerp_is_uniform_and_takes_the_short_way():
    a, b = random_quaternions(20, 8), random_quaternions(20, 9)
    whole = quat.angle(quat.multiply(quat.conjugate(a), b))
    for t in (0.0, 0.25, 1.0):
        part = quat.angle(quat.multiply(quat.conjugate(a), quat.slerp(a, b, t)))
        np.testing.assert_allclose(part, t * whole, atol=1e-6)


def test_signs_are_made_continuous():
    q = random_quaternions(1)
    track = np.concatenate([q, -q, q, -q])
    np.testing.assert_array_equal(quat.make_continuous(track), np.concatenate([q] * 4))


def test_torch_gives_what_numpy_gives_and_differentiates():
    q, v = random_quaternions(10).astype(np.float32), np.random.default_rng(1).normal(size=(10, 3)).astype(np.float32)
    tensor = torch.tensor(q, requires_grad=True)
    rotated = quat.rotate(tensor, torch.tensor(v))
    np.testing.assert_allclose(rotated.detach().numpy(), quat.rotate(q, v), atol=1e-6)
    rotated.square().sum().backward()
    assert torch.isfinite(tensor.grad).all() and tensor.grad.abs().max() > 0
