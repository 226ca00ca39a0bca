# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain's derivative against differences of the real features, and its solution against one dense solve."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared import features as feature_set
from engine.control.quadratic_cost import QuadraticCost
from engine.control.riccati import STATE, feature_columns, linearize_chain, solve_chain

PATCH, WIDTH = 4, 5
JOINTS = [0, 7, 20]


def draw(frames: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(frames)
    features = 0.1 * random.normal(size=(frames, 263))
    return features, random.normal(size=(PATCH, 263, WIDTH))


def dense(features: np.ndarray, code: np.ndarray) -> np.ndarray:
    """(T, 3C, K, D) by central differences of the joints."""
    tokens = -(-len(features) // PATCH)
    result = np.zeros((len(features), 3 * len(JOINTS), tokens, WIDTH))
    for k in range(tokens):
        for d in range(WIDTH):
            change = np.zeros((tokens, PATCH, 263))
            change[k] = 1e-5 * code[:, :, d]
            change = change.reshape(-1, 263)[: len(features)]
            up, down = (feature_set.features_to_joints(features + sign * change)[:, JOINTS] for sign in (1, -1))
            result[:, :, k, d] = ((up - down) / 2e-5).reshape(len(features), -1)
    return result


@pytest.mark.parametrize("frames", [3, 16, 22])
def test_derivative_and_solution_are_those_of_the_dense_problem(frames: int) -> None:
    features, code = draw(frames)
    full = dense(features, code)
    tokens = full.shape[2]
    chain = linearize_chain(features, np.repeat(code[None, :, feature_columns(JOINTS)], tokens, 0), JOINTS)
    assert chain.joints.shape == (tokens, PATCH, 9, STATE + WIDTH)
    # Each token's own effect on its own frames is in the blocks as it is.
    for t in range(frames):
        own = chain.joints[t // PATCH, t % PATCH][:, STATE:]
        np.testing.assert_allclose(own, full[t, :, t // PATCH], atol=1e-6)
    random = np.random.default_rng(1)
    gradient, root = random.normal(size=(frames, 9)), random.normal(size=(frames, 9, 9))
    matrix, accumulated = root @ root.swapaxes(-1, -2), random.normal(size=(tokens, WIDTH))
    moves = solve_chain(chain, QuadraticCost(JOINTS, gradient, matrix), accumulated, 0.3, 0.2)
    flat = full.reshape(frames, 9, -1)
    hessian = np.einsum("tai,tab,tbj->ij", flat, matrix, flat) + 0.3 * np.eye(tokens * WIDTH)
    slope = np.einsum("tai,ta->i", flat, gradient) + 0.2 * accumulated.reshape(-1)
    np.testing.assert_allclose(moves.reshape(-1), -np.linalg.solve(hessian, slope), atol=1e-6)
