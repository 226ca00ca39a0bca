# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints that keep their place beside another one, as a hand stays on a hip, on an armature of other proportions.

"Beside" is meant along the body's own level axes, which turn with its heading and never tilt: the engine's.

T model frames, K scene frames, N frames of either. World points, scene units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...shared import features, quat, space
from ...shared.skeleton import SKELETON
from .figure import DESCENDANTS, Figure
from .foot_lock import Wishes

AROUND = 80
"""Model frames on either side that a heading depends on."""
PIECE = 240
"""Model frames whose headings are found at once."""


@dataclass(frozen=True, eq=False)
class Relation:
    """From the scene frame ``first`` to ``last`` the ``joint`` is ``offset`` (3,) away from ``to_joint``: scene units,
    X to the character's left, Y behind it, Z up.
    """

    joint: str
    to_joint: str
    offset: np.ndarray
    first: float
    last: float


def headings(joints: np.ndarray, model_frames: np.ndarray) -> np.ndarray:
    """The way (N,) in which the body of the motion ``joints`` (T, 22, 3) looks at ``model_frames`` (N,), which need not
    be whole: radians about +Y.
    """
    parts = []
    for first in range(0, len(joints), PIECE):
        begin = max(first - AROUND, 0)
        piece = features.yaw_of(np.asarray(joints[begin : first + PIECE + AROUND], np.float64))
        parts.append(piece[first - begin :][:PIECE])
    return np.interp(model_frames, np.arange(len(joints)), np.unwrap(np.concatenate(parts)))


def places(relation: Relation, beside: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Where ``relation.joint`` belongs (N, 3) when the other joint is at ``beside`` (N, 3), world, and the body looks
    along ``yaw`` (N,).
    """
    return beside + space.model_to_blender(quat.rotate(quat.from_yaw(yaw), space.blender_to_model(relation.offset)))


def with_relations(
    wished: Wishes, relations: Sequence[Relation], figure: Figure, frames: np.ndarray, yaw: np.ndarray
) -> Wishes:
    """``wished``, joint -> the frames (K,) in which it is held and where (K, 3), and what ``relations`` hold of the
    ``figure`` as it is at the scene ``frames`` (K,), looking along ``yaw`` (K,).

    A joint that carries the other one is left where it is.
    """
    held_so = dict(wished)
    for relation in relations:
        joint, other = relation.joint, relation.to_joint
        carries = SKELETON.index(other) in DESCENDANTS[SKELETON.index(joint)]
        if carries or joint not in figure or other not in figure:
            continue
        now = (frames >= relation.first) & (frames <= relation.last)
        place = places(relation, figure.at(other), yaw)
        held, before = held_so.get(joint, (np.zeros(len(frames), dtype=bool), place))
        held_so[joint] = (held | now, np.where(now[:, None], place, before))
    return held_so
