# SPDX-License-Identifier: GPL-3.0-or-later
"""Least squares along a chain of tokens: the latent moves that bring joints where they are wanted, in linear time.

A frame's joints depend on its own token and on where the body has come to by then: heading and place on the ground,
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

STATE = 3


@dataclass(frozen=True, eq=False)
class Chain:
    """``joints`` (K, P, 3C, S+D): derivative of the joints by the state a token begins with and the token itself;
    ``carry`` (K, S, S+D): that of the state it hands on.
    """

    joints: np.ndarray
    carry: np.ndarray


def feature_columns(joints: list[int]) -> np.ndarray:
    """The U features that the places of ``joints`` depend on: the root's four, then three for each but the pelvis."""
    return np.r_[0:4, [4 + 3 * (j - 1) + axis for j in joints if j > 0 for axis in range(3)]].astype(int)


def split_patches(vectors: np.ndarray, patch: int) -> np.ndarray:
    """(T, U) as (K, P, U), the last patch filled up with zeros."""
    pad = -len(vectors) % patch
    return np.pad(vectors, ((0, pad), (0, 0))).reshape(-1, patch, vectors.shape[1])


def linearize_chain(vectors: np.ndarray, code: np.ndarray, joints: list[int]) -> Chain:
    """The chain of ``joints`` around the features ``vectors`` (T, F) in metres and radians, when token k moves
    those of its frames that :func:`feature_columns` names by ``code[k]`` (P, U, D) times its own change.
    """
    tokens, patch, _, width = code.shape
    pad = tokens * patch - len(vectors)
    padded = split_patches(vectors[:, feature_columns(joints)], patch)
    yaw = np.pad(_yaw(vectors), (0, pad), mode="edge").reshape(tokens, patch)
    state = np.broadcast_to(np.eye(STATE, STATE + width), (tokens, STATE, STATE + width)).copy()
    out = np.zeros((tokens, patch, len(joints), 3, STATE + width))
    for i in range(patch):
        turn = _Turn(yaw[:, i])
        place = 4
        for c, joint in enumerate(joints):
            rows = out[:, i, c]
            rows[:, [0, 2]] = state[:, 1:]
            if joint == 0:
                rows[:, 1, STATE:] = code[:, i, 3]
                continue
            x, z = padded[:, i, place], padded[:, i, place + 2]
            dx, dy, dz = code[:, i, place : place + 3].swapaxes(0, 1)
            rows[:, 0] += turn.dx(x, z)[:, None] * state[:, 0]
            rows[:, 2] += turn.dz(x, z)[:, None] * state[:, 0]
            rows[:, 0, STATE:] += turn.cos * dx - turn.sin * dz
            rows[:, 1, STATE:] = dy
            rows[:, 2, STATE:] += turn.sin * dx + turn.cos * dz
            place += 3
        # The step into the next frame is taken along the heading over there.
        turn = _Turn(yaw[:, i] + padded[:, i, 0])
        x, z = padded[:, i, 1], padded[:, i, 2]
        state[:, 0, STATE:] += code[:, i, 0]
        state[:, 1] += turn.dx(x, z)[:, None] * state[:, 0]
        state[:, 2] += turn.dz(x, z)[:, None] * state[:, 0]
        state[:, 1, STATE:] += turn.cos * code[:, i, 1] - turn.sin * code[:, i, 2]
        state[:, 2, STATE:] += turn.sin * code[:, i, 1] + turn.cos * code[:, i, 2]
    return Chain(out.reshape(tokens, patch, -1, STATE + width), state)


def solve(
    chain: Chain, gradient: np.ndarray, matrix: np.ndarray, prior: np.ndarray, stiffness: float, pull: float
) -> np.ndarray:
    """The move d (K, D) of the tokens that minimises

        sum over frames of  g' p + p' M p / 2,  p the joints' move    +    pull d' prior + stiffness |d|^2 / 2

    gradient (T, 3C), matrix (T, 3C, 3C); prior (K, D) the way the tokens have already gone from where they were drawn.
    """
    tokens, patch = chain.joints.shape[:2]
    pad = tokens * patch - len(gradient)
    gradient = np.pad(gradient, ((0, pad), (0, 0))).reshape(tokens, patch, -1)
    matrix = np.pad(matrix, ((0, pad), (0, 0), (0, 0))).reshape(tokens, patch, *matrix.shape[1:])
    turned = chain.joints.reshape(tokens, -1, chain.joints.shape[-1]).swapaxes(-1, -2)  # (K, S+D, P 3C)
    hessian = turned @ (matrix @ chain.joints).reshape(tokens, turned.shape[-1], -1)  # (K, S+D, S+D)
    slope = (turned @ gradient.reshape(tokens, -1, 1))[..., 0]
    hessian[:, range(STATE, hessian.shape[1]), range(STATE, hessian.shape[1])] += stiffness
    slope[:, STATE:] += pull * prior
    value, lean = np.zeros((STATE, STATE)), np.zeros(STATE)
    gains, ways = [], []
    for k in reversed(range(tokens)):
        carry = chain.carry[k]
        total = hessian[k] + carry.T @ value @ carry
        tilt = slope[k] + carry.T @ lean
        factor = cho_factor(total[STATE:, STATE:], check_finite=False)
        solved = cho_solve(factor, np.column_stack([total[STATE:, :STATE], tilt[STATE:]]), check_finite=False)
        gains.append(solved[:, :STATE])
        ways.append(solved[:, STATE])
        value = total[:STATE, :STATE] - total[:STATE, STATE:] @ solved[:, :STATE]
        value = (value + value.T) / 2  # else rounding grows from token to token
        lean = tilt[:STATE] - total[:STATE, STATE:] @ solved[:, STATE]
    state, moves = np.zeros(STATE), []
    for k in range(tokens):
        move = -gains[tokens - 1 - k] @ state - ways[tokens - 1 - k]
        moves.append(move)
        state = chain.carry[k] @ np.concatenate([state, move])
    return np.stack(moves)


class _Turn:
    """The turn from heading axes into the world at half angles (K,), and its derivatives by them."""

    def __init__(self, half: np.ndarray) -> None:
        self.cos, self.sin = np.cos(2 * half)[:, None], np.sin(2 * half)[:, None]

    def dx(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        return -2 * (self.sin[:, 0] * x + self.cos[:, 0] * z)

    def dz(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        return 2 * (self.cos[:, 0] * x - self.sin[:, 0] * z)


def _yaw(vectors: np.ndarray) -> np.ndarray:
    """Half the heading angle (T,) of each frame."""
    return np.concatenate([[0.0], np.cumsum(vectors[:-1, feature_set.YAW_VELOCITY][:, 0])])
