# SPDX-License-Identifier: GPL-3.0-or-later
"""The last change of a motion: hints are hit, feet stand, bones keep their lengths, by the least smooth change.

The motion that the model made is laid on a body of constant bone lengths (``body.py``), and this body is moved over all
frames at once: hints and other goals weigh most, positions of feet (``footprints.py``) less, and angles change little
and smoothly. A few Gauss-Newton steps reach hints to a fraction of a millimetre where a body can.

Shapes: T frames, J = 22 joints. Metres, Y up; numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from blender_addon.shared.skeleton import CONTACT_JOINTS, SKELETON

from ..control.goals import Goals
from ..control.quadratic_cost import QuadraticCost
from .body import Body, DegreesOfFreedom, newton_step, regularizer
from .footprints import FootPlan

FITTING_STEPS = 40
_STEP_LENGTHS = (1.0, 0.5, 0.2)
_FIRST_DAMPING = 1e-2
HIT_M = (1e-4, 2e-4)  # hints that are all this near are hit; beyond the second they are missed
# The share of the cost that a step promises to gain, below which it is not taken and from which it is taken in full:
# were it a yes or no, motions that differ by a hair would end a step apart. While hints are missed less is enough, and
# some steps may gain less.
STEP_GAIN, MISSED_GAIN, MISSED_PATIENCE_STEPS = (0.01, 0.03), 1e-3, 4
GOAL_WEIGHT = 10000.0
CONTACT_WEIGHTS = np.array([0.05, 4.0, 0.05, 4.0])  # of ankle and toe

_CONTACTS = SKELETON.indices(*CONTACT_JOINTS)


def fit_body(
    joints: np.ndarray,
    yaw: np.ndarray,
    goals: Goals,
    feet: FootPlan | None = None,
    frozen: np.ndarray | None = None,
    steps: int = FITTING_STEPS,
) -> Iterator[np.ndarray]:
    """Yield joints (T, J, 3) after each step, the last ones being the result; there is at least one.

    joints (T, J, 3) of the motion so far, yaw (T,) its headings; ``goals`` to meet, ``feet`` to place. frozen (T,)
    bool: frames that stay as they are.
    """
    body = Body.of(joints)
    concerned = sorted(set(goals.joints) | (set(_CONTACTS) if feet is not None else set()))
    if not concerned:
        yield body.joints
        return
    freedom = DegreesOfFreedom.of(concerned)
    weights, accumulated = freedom.weights, np.zeros((len(joints), freedom.size))
    cost, damping, stalled = _cost(body.joints, yaw, goals, feet), 0.0, 0
    for step in range(steps):
        points = body.joints
        quadratic = _linearize(points, goals.linearize(points, yaw), feet, concerned)
        derivative = freedom.derivative(points, concerned)
        change, promised = newton_step(quadratic, derivative, weights, accumulated, damping, frozen)
        share = _share_of_step(promised / max(cost, 1e-12), _missed(goals, points, yaw))
        if share <= 0 and step > 0:
            return
        # Far from where a body can be the slopes mislead: a shorter step the same way, else a more careful one.
        for length in _STEP_LENGTHS:
            taken = share * length * change
            tried = body.moved(*freedom.split(taken))
            tried_cost = _cost(tried.joints, yaw, goals, feet) + regularizer(accumulated + taken, weights)
            if tried_cost < cost:
                break
        gained = cost - tried_cost
        if gained > 0:
            body, accumulated, cost = tried, accumulated + taken, tried_cost
        damping = damping / 10 if gained > 0 and length == 1.0 else max(10 * damping, _FIRST_DAMPING)
        yield body.joints
        stalled = stalled + 1 if gained < MISSED_GAIN * cost else 0
        if stalled >= MISSED_PATIENCE_STEPS:
            return


def _missed(goals: Goals, joints: np.ndarray, yaw: np.ndarray) -> float:
    """0 when all goals are hit by ``joints`` (T, J, 3) with headings ``yaw`` (T,), 1 when one is missed."""
    return float(np.interp(goals.residuals(joints, yaw).max(initial=0.0), HIT_M, (0.0, 1.0)))


def _share_of_step(gain: float, missed: float) -> float:
    """How much of a step is taken that promises to ``gain`` a share of the cost."""
    least, full = (end + missed * (MISSED_GAIN * (1 + i) - end) for i, end in enumerate(STEP_GAIN))
    return float(np.clip((gain - least) / (full - least), 0.0, 1.0))


def hold_in_place(goals: Goals, joints: np.ndarray) -> Goals:
    """The same goals with the hints' joints staying where they are in ``joints`` (T, J, 3), not moved further."""
    return replace(goals, hint=np.asarray(joints, np.float64), tolerance=np.where(goals.required, 0.0, np.inf))


def _cost(joints: np.ndarray, yaw: np.ndarray, goals: Goals, feet: FootPlan | None) -> float:
    """Half the weighted squares of all residuals of ``joints`` (T, J, 3)."""
    cost = GOAL_WEIGHT * goals.cost(joints, yaw)
    if feet is not None:
        squares = ((joints[:, _CONTACTS] - feet.positions) ** 2).sum((0, 2))
        cost += float((CONTACT_WEIGHTS * squares).sum() / 2)
    return cost


def _linearize(joints: np.ndarray, goals: QuadraticCost, feet: FootPlan | None, concerned: list[int]) -> QuadraticCost:
    """The cost of goals and feet for the ``concerned`` joints."""
    result = goals.embed(concerned, GOAL_WEIGHT)
    if feet is not None:
        for i, joint in enumerate(_CONTACTS):
            result.add(joint, [0, 1, 2], joints[:, joint] - feet.positions[:, i], CONTACT_WEIGHTS[i])
    return result
