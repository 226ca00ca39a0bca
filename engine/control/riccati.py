# SPDX-License-Identifier: GPL-3.0-or-later
"""Least squares along a chain of tokens: the latent moves that bring joints where they go, in linear time.

A frame's joints depend on its own token and on where the body has come to by then: heading and position on the ground,
three numbers that each token hands on to the next. So the Gauss-Newton step of all tokens together is a
linear-quadratic control problem, solved by one sweep backward (Riccati) and one forward. Nothing grows with the number
of hints but the making of the blocks, and a motion twice as long costs twice as much.

Shapes: T frames, F features, P frames a token, K tokens, D latent width, C joints, U features that these depend on,
S = 3 numbers of state (half the heading angle, x, z). Numpy, float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from blender_addon.shared import features as feature_set

from .quadratic_cost import QuadraticCost

STATE = 3


@dataclass(frozen=True, eq=False)
class Chain:
    """``joints`` (K, P, 3C, S+D): derivative of the joints by the state a token begins with and the token itself;
    ``carry`` (K, S, S+D): that of the state it hands on.
    """

    joints: np.ndarray
    carry: np.ndarray


def feature_columns(joints: list[int]) -> np.ndarray:
    """The U features that positions of ``joints`` depend on: the root's four, then three for each but the pelvis."""
    return np.r_[0:4, [4 + 3 * (j - 1) + axis for j in joints if j > 0 for axis in range(3)]].astype(int)


def split_patches(features: np.ndarray, patch: int) -> np.ndarray:
    """(T, U) as (K, P, U), the last patch filled up with zeros."""
    pad = -len(features) % patch
    return np.pad(features, ((0, pad), (0, 0))).reshape(-1, patch, features.shape[1])


def half_yaw(features: np.ndarray) -> np.ndarray:
    """Half the angle (T,) about +Y by which each frame of ``features`` (T, F) is rotated into heading axes."""
    return np.concatenate([[0.0], np.cumsum(features[:-1, feature_set.YAW_VELOCITY][:, 0])])


def linearize_chain(features: np.ndarray, code: np.ndarray, joints: list[int]) -> Chain:
    """The chain of ``joints`` around ``features`` (T, F) in metres and radians, when token k moves those of its
    frames that :func:`feature_columns` names by ``code[k]`` (P, U, D) times its own change.
    """
    tokens, patch, _, width = code.shape
    pad = tokens * patch - len(features)
    padded = split_patches(features[:, feature_columns(joints)], patch)
    yaw = np.pad(half_yaw(features), (0, pad), mode="edge").reshape(tokens, patch)
    state = np.broadcast_to(np.eye(STATE, STATE + width), (tokens, STATE, STATE + width)).copy()
    out = np.zeros((tokens, patch, len(joints), 3, STATE + width))
    for i in range(patch):
        heading = _Heading(yaw[:, i])
        column = 4
        for c, joint in enumerate(joints):
            rows = out[:, i, c]
            rows[:, [0, 2]] = state[:, 1:]
            if joint == 0:
                rows[:, 1, STATE:] = code[:, i, 3]
                continue
            x, z = padded[:, i, column], padded[:, i, column + 2]
            dx, dy, dz = code[:, i, column : column + 3].swapaxes(0, 1)
            rows[:, 0] += heading.dx(x, z)[:, None] * state[:, 0]
            rows[:, 2] += heading.dz(x, z)[:, None] * state[:, 0]
            rows[:, 0, STATE:] += heading.cos * dx - heading.sin * dz
            rows[:, 1, STATE:] = dy
            rows[:, 2, STATE:] += heading.sin * dx + heading.cos * dz
            column += 3
        # The step into the next frame is taken along the heading over there.
        heading = _Heading(yaw[:, i] + padded[:, i, 0])
        x, z = padded[:, i, 1], padded[:, i, 2]
        state[:, 0, STATE:] += code[:, i, 0]
        state[:, 1] += heading.dx(x, z)[:, None] * state[:, 0]
        state[:, 2] += heading.dz(x, z)[:, None] * state[:, 0]
        state[:, 1, STATE:] += heading.cos * code[:, i, 1] - heading.sin * code[:, i, 2]
        state[:, 2, STATE:] += heading.sin * code[:, i, 1] + heading.cos * code[:, i, 2]
    return Chain(out.reshape(tokens, patch, -1, STATE + width), state)


def solve_chain(
    chain: Chain, cost: QuadraticCost, accumulated: np.ndarray, stiffness: float, prior: float
) -> np.ndarray:
    """The move d (K, D) of the tokens that minimises

        sum over frames of  g' p + p' M p / 2,  p the joints' move    +    prior d' a + stiffness |d|^2 / 2

    g and M are those of ``cost``; a = ``accumulated`` (K, D), by how much the tokens have left what was sampled.
    """
    tokens, patch = chain.joints.shape[:2]
    pad = tokens * patch - len(cost.gradient)
    gradient = np.pad(cost.gradient, ((0, pad), (0, 0))).reshape(tokens, patch, -1)
    matrix = np.pad(cost.matrix, ((0, pad), (0, 0), (0, 0))).reshape(tokens, patch, *cost.matrix.shape[1:])
    transposed = chain.joints.reshape(tokens, -1, chain.joints.shape[-1]).swapaxes(-1, -2)  # (K, S+D, P 3C)
    hessian = transposed @ (matrix @ chain.joints).reshape(tokens, transposed.shape[-1], -1)  # (K, S+D, S+D)
    slope = (transposed @ gradient.reshape(tokens, -1, 1))[..., 0]
    hessian[:, range(STATE, hessian.shape[1]), range(STATE, hessian.shape[1])] += stiffness
    slope[:, STATE:] += prior * accumulated
    value, lean = np.zeros((STATE, STATE)), np.zeros(STATE)
    gains, moves_at_rest = [], []
    for k in reversed(range(tokens)):
        carry = chain.carry[k]
        total = hessian[k] + carry.T @ value @ carry
        tilt = slope[k] + carry.T @ lean
        factor = cho_factor(total[STATE:, STATE:], check_finite=False)
        solved = cho_solve(factor, np.column_stack([total[STATE:, :STATE], tilt[STATE:]]), check_finite=False)
        gains.append(solved[:, :STATE])
        moves_at_rest.append(solved[:, STATE])
        value = total[:STATE, :STATE] - total[:STATE, STATE:] @ solved[:, :STATE]
        value = (value + value.T) / 2  # else rounding grows from token to token
        lean = tilt[:STATE] - total[:STATE, STATE:] @ solved[:, STATE]
    state, moves = np.zeros(STATE), []
    for k in range(tokens):
        move = -gains[tokens - 1 - k] @ state - moves_at_rest[tokens - 1 - k]
        moves.append(move)
        state = chain.carry[k] @ np.concatenate([state, move])
    return np.stack(moves)


class _Heading:
    """The rotation from heading axes into the world at half angles (K,), and its derivatives by them."""

    def __init__(self, half: np.ndarray) -> None:
        self.cos, self.sin = np.cos(2 * half)[:, None], np.sin(2 * half)[:, None]

    def dx(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        return -2 * (self.sin[:, 0] * x + self.cos[:, 0] * z)

    def dz(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        return 2 * (self.cos[:, 0] * x - self.sin[:, 0] * z)
