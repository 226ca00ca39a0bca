# SPDX-License-Identifier: GPL-3.0-or-later
"""Found motion is brought near its goals, as the network's is by tuning its latent, where nothing exact comes after.

Shapes: n frames of a window, J = 22 joints. Metres, Y up, world axes.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from blender_addon.shared.control import CanonicalFrame
from blender_addon.shared.features import yaw_of

from ..control.goals import goals_of
from ..finishing.fit_body import fit_body
from ..motion_order import MotionOrder

REFINING_STEPS = 6
_HERE = CanonicalFrame(np.zeros(3), 0.0)


def brought_near(order: MotionOrder, joints: np.ndarray, known: np.ndarray) -> Generator[None, None, np.ndarray]:
    """``joints`` (n + 1, J, 3), a frame more than ``order`` has, moved onto its goals but for its ``known`` frames
    (n,), which stay.
    """
    goals = goals_of(order, _HERE)
    if not goals:
        return joints
    made = joints[:-1]
    yaw = np.unwrap(yaw_of(made))
    for fitted in fit_body(made, yaw, goals, None, known if known.any() else None, REFINING_STEPS):  # noqa: B007
        yield
    moved = np.where(known[:, None, None], 0.0, fitted - made)
    return joints + np.concatenate([moved, moved[-1:]])
