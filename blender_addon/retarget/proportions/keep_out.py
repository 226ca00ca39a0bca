# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints of the armature that its own proportions bring into an obstacle are moved out again, the shortest way.

K scene frames. World points, scene units, Blender axes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...shared.skeleton import SKELETON
from ...shared.solids import Solid, penetration
from .figure import Figure, JointTargets

CARRIED_JOINTS = ("pelvis", "left_hip", "right_hip", "left_collar", "right_collar")
"""Joints that go where others take them."""
MIN_PENETRATION_M = 1e-3  # of the model's body; less is not worth a move


def with_obstacles(targets: JointTargets, solids: Sequence[Solid], figure: Figure) -> JointTargets:
    """``targets`` so changed and added to that no joint of ``figure`` is nearer to ``solids`` than their margins."""
    if not solids:
        return targets
    found = dict(targets)
    for joint in SKELETON.names:
        if joint in CARRIED_JOINTS or joint not in figure:
            continue
        now = figure.joint(joint)
        controlled, positions = targets.get(joint, (np.zeros(len(now), dtype=bool), now))
        before = np.where(controlled[:, None], positions, now)
        after = before
        for solid in solids:
            depth, direction = penetration(solid, after)
            after = after + np.maximum(depth, 0.0)[:, None] * direction
        inside = np.linalg.norm(after - before, axis=-1) > MIN_PENETRATION_M * figure.metre
        if inside.any():
            found[joint] = (controlled | inside, after)
    return found
