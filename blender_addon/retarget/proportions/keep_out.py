# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints of the armature that its own proportions bring into an obstacle are led out again, the shortest way.

K scene frames. World points, scene units, Blender axes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...shared.skeleton import SKELETON
from ...shared.solids import Solid
from .figure import Figure
from .foot_lock import Wishes

CARRIED = ("pelvis", "left_hip", "right_hip", "left_collar", "right_collar")
"""Joints that go where others take them."""
SMALLEST = 1e-3  # metres; less is not worth a move


def with_obstacles(wished: Wishes, solids: Sequence[Solid], figure: Figure) -> Wishes:
    """``wished``, joint -> the frames (K,) in which it is held and where (K, 3), so changed and added to that no joint
    of ``figure`` is nearer to ``solids`` than their margins.
    """
    if not solids:
        return wished
    from ...shared.solids import penetration

    held_so = dict(wished)
    for joint in SKELETON.names:
        if joint in CARRIED or joint not in figure:
            continue
        held, place = wished.get(joint, (np.zeros(len(figure.places), dtype=bool), figure.at(joint)))
        before = np.where(held[:, None], place, figure.at(joint))
        after = before
        for solid in solids:
            depth, way = penetration(solid, after)
            after = after + np.maximum(depth, 0.0)[:, None] * way
        inside = np.linalg.norm(after - before, axis=-1) > SMALLEST * figure.metre
        if inside.any():
            held_so[joint] = (held | inside, after)
    return held_so
