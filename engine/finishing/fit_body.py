# SPDX-License-Identifier: GPL-3.0-or-later
"""The last hand on a motion: hints are hit, feet stand, bones keep their lengths, by the least smooth change.

The motion that the model made is laid on a body of constant bone lengths (``body.py``), and this body is moved over all
frames at once: hints and other goals pull hard, feet pull onto their places (``contacts.py``) less so, and angles
change little and smoothly. A few Gauss-Newton steps reach hints to a fraction of a millimetre where a body can.

Shapes: T frames, J = 22 joints. Metres, Y up; numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from blender_addon.shared.skeleton import CONTACT_JOINTS, SKELETON

from ..control.goals import Goals, QuadraticCost
from .body import Body, degrees_of_freedom, regularizer, step
from .footprints import FootPlan

STEPS = 40
STEP_LENGTHS = (1.0, 0.5, 0.2)
FIRST_DAMPING = 1e-2
ENOUGH, PATIENCE = 0.02, 1  # share of the cost that a step has to gain for others to follow; steps that may gain less
LITTLE, MORE_PATIENCE = 1e-3, 4  # the same while hints are not hit
HINT_WEIGHT = 10000.0
FOOT_WEIGHTS = np.array([0.05, 4.0, 0.05, 4.0])  # of ankle and toe
NEAR = 1e-4  # metres; hints that are all this near are hit


def fit_body(
    joints: np.ndarray,
    yaw: np.ndarray,
    goals: Goals,
    feet: FootPlan | None = None,
    kept: np.ndarray | None = None,
    steps: int = STEPS,
) -> Iterator[np.ndarray]:
    """Yield joints (T, J, 3) after each step, the last ones being the result; there is at least one.

    joints (T, J, 3) of the motion so far, yaw (T,) its headings; ``goals`` are to be met, ``feet`` to stand.
    kept (T,) bool: frames that stay as they are.
    """
    body = Body.of(joints)
    pulled = sorted(set(goals.joints) | (set(SKELETON.indices(*CONTACT_JOINTS)) if feet is not None else set()))
    if not pulled:
        yield body.joints
        return
    freedom = degrees_of_freedom(pulled)
    weights, gone = freedom.weights, np.zeros((len(joints), freedom.size))
    cost, damping, stalled = _cost(body.joints, yaw, goals, feet), 0.0, 0
    for _ in range(steps):
        points = body.joints
        pull = _together(pulled, goals.linearize(points, yaw), feet, points)
        derivative = freedom.derivative(points, pulled)
        change = step(derivative, pull.gradient, pull.matrix, weights, gone, damping, kept)
        # Far from where a body can be the pulls mislead: a shorter step on the same way, else a more careful one.
        for length in STEP_LENGTHS:
            tried = body.moved(*freedom.split(length * change))
            tried_cost = _cost(tried.joints, yaw, goals, feet) + regularizer(gone + length * change, weights)
            if tried_cost < cost:
                break
        gained = cost - tried_cost
        if gained > 0:
            body, gone, cost = tried, gone + length * change, tried_cost
        damping = damping / 10 if gained > 0 and length == 1.0 else max(10 * damping, FIRST_DAMPING)
        yield body.joints
        misses = goals.residuals(body.joints, yaw)
        hit = not len(misses) or misses.max() < NEAR
        stalled = stalled + 1 if gained < (ENOUGH if hit else LITTLE) * cost else 0
        if stalled >= (PATIENCE if hit else MORE_PATIENCE):
            return


def staying(goals: Goals, joints: np.ndarray) -> Goals:
    """The same goals with the hints' joints staying where they are in ``joints`` (T, J, 3), not moved further."""
    return replace(goals, hint=np.asarray(joints, np.float64), tolerance=np.where(goals.insisted, 0.0, np.inf))


def _cost(joints: np.ndarray, yaw: np.ndarray, goals: Goals, feet: FootPlan | None) -> float:
    """Half the weighted squares of all that ``joints`` (T, J, 3) miss."""
    cost = HINT_WEIGHT * goals.cost(joints, yaw)
    if feet is not None:
        missed = ((joints[:, SKELETON.indices(*CONTACT_JOINTS)] - feet.positions) ** 2).sum((0, 2))
        cost += float((FOOT_WEIGHTS * missed).sum() / 2)
    return cost


def _together(pulled: list[int], hints: QuadraticCost, feet: FootPlan | None, joints: np.ndarray) -> QuadraticCost:
    """The pulls of goals and feet on the ``pulled`` joints."""
    frames, count = len(joints), len(pulled)
    gradient, matrix = np.zeros((frames, 3 * count)), np.zeros((frames, 3 * count, 3 * count))
    place = {joint: 3 * i for i, joint in enumerate(pulled)}
    own = np.array([place[joint] + axis for joint in hints.joints for axis in range(3)], int)
    if len(own):
        gradient[:, own] = HINT_WEIGHT * hints.gradient
        matrix[:, own[:, None], own] = HINT_WEIGHT * hints.matrix
    if feet is not None:
        for i, name in enumerate(CONTACT_JOINTS):
            joint = SKELETON.index(name)
            at = np.arange(place[joint], place[joint] + 3)
            gradient[:, at] += FOOT_WEIGHTS[i] * (joints[:, joint] - feet.positions[:, i])
            matrix[:, at, at] += FOOT_WEIGHTS[i]
    return QuadraticCost(pulled, gradient, matrix)
