# SPDX-License-Identifier: GPL-3.0-or-later
"""Hints that have slack are met in the frame in which that changes the motion least.

Shapes: T frames, J = 22 joints, K hints of a joint. Metres, Y up; numpy.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..motion_order import MotionOrder

NEARER_COST_M2 = 1e-6  # for a frame squared: among equals the nearest frame is taken


def retime_hints(order: MotionOrder, joints: np.ndarray) -> tuple[MotionOrder, np.ndarray]:
    """The order with each hint that has slack moved to the frame, at most so many away, in which it costs the motion
    ``joints`` (T, J, 3) least; the hints of a joint keep their order and each has a frame to itself.

    Also (T, J) int32, the frame in which the hint that is given in a frame is met: this frame, unless it was moved.
    """
    signal, slack, arrivals = order.signal, order.slack, order.own_frames
    hint, mask, coordinates = signal.hint.copy(), signal.hint_mask.copy(), signal.coordinates
    for joint in np.flatnonzero((mask & (slack > 0)).any(0)):
        keys = np.flatnonzero(mask[:, joint])
        missing = signal.hint[keys, None, joint] - joints[None, :, joint]  # (K, T, 3)
        missing *= coordinates[keys, None, joint]
        cost = (missing**2).sum(-1)
        away = np.abs(np.arange(len(joints)) - keys[:, None])
        cost += np.where(away <= slack[keys, joint, None], NEARER_COST_M2 * away**2, np.inf)
        frames = _cheapest_ascending(cost)
        hint[:, joint], mask[:, joint] = 0, False
        hint[frames, joint], mask[frames, joint] = signal.hint[keys, joint], True
        arrivals[keys, joint] = frames
    return replace(order, signal=replace(signal, hint=hint, hint_mask=mask)), arrivals


def _cheapest_ascending(cost: np.ndarray) -> np.ndarray:
    """The cheapest ascending choice (K,) of a column for each row of ``cost`` (K, T)."""
    total = cost[0]
    before: list[np.ndarray] = []
    for row in cost[1:]:
        # best[t]: the cheapest column up to t for the row before
        best = np.minimum.accumulate(total)
        column = np.maximum.accumulate(np.where(total <= best, np.arange(len(total)), 0))
        before.append(np.concatenate([[0], column[:-1]]))
        total = row + np.concatenate([[np.inf], best[:-1]])
    chosen = [int(total.argmin())]
    for column in reversed(before):
        chosen.append(int(column[chosen[-1]]))
    return np.array(chosen[::-1])
