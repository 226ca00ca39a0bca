# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints that keep their position beside another one, as a hand stays on a hip, on an armature of other proportions.

"Beside" is meant along the body's own level axes, which turn with its heading and never tilt: the engine's.

T model frames, K scene frames, N frames of either. World points, scene units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...shared import features, quat, space
from ...shared.skeleton import SKELETON
from .figure import DESCENDANTS, Figure, JointTargets

CONTEXT_FRAMES = 80
"""Model frames on either side that a heading depends on."""
HEADING_FRAMES_PER_STEP = 240
"""Model frames whose headings are found at once."""


@dataclass(frozen=True, eq=False)
class RigRelativeTarget:
    """:class:`.protocol.RelativeTarget` on the armature: from the scene frame ``first`` to ``last`` the ``joint`` is
    ``offset`` (3,) away from ``to_joint``: scene units, X to the character's left, Y behind it, Z up.
    """

    joint: str
    to_joint: str
    offset: np.ndarray
    first: float
    last: float


def headings(joints: np.ndarray, model_frames: np.ndarray) -> np.ndarray:
    """Headings (N,) of the body of the motion ``joints`` (T, 22, 3) at ``model_frames`` (N,), which need not be whole:
    radians about +Y.
    """
    parts = []
    for first in range(0, len(joints), HEADING_FRAMES_PER_STEP):
        begin, end = max(first - CONTEXT_FRAMES, 0), first + HEADING_FRAMES_PER_STEP + CONTEXT_FRAMES
        yaw = features.yaw_of(np.asarray(joints[begin:end], np.float64))
        parts.append(yaw[first - begin :][:HEADING_FRAMES_PER_STEP])
    return np.interp(model_frames, np.arange(len(joints)), np.unwrap(np.concatenate(parts)))


def positions_beside(target: RigRelativeTarget, other: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Where ``target.joint`` belongs (N, 3) when the other joint is at ``other`` (N, 3), world, and the body has the
    headings ``yaw`` (N,).
    """
    return other + space.model_to_blender(quat.rotate(quat.from_yaw(yaw), space.blender_to_model(target.offset)))


def with_relative_targets(
    targets: JointTargets, relative: Sequence[RigRelativeTarget], figure: Figure, frames: np.ndarray, yaw: np.ndarray
) -> JointTargets:
    """``targets`` and what ``relative`` ones ask of the ``figure`` as it is at the scene ``frames`` (K,), with the
    headings ``yaw`` (K,).

    A joint that carries the other one is left where it is.
    """
    found = dict(targets)
    for target in relative:
        joint, other = target.joint, target.to_joint
        carries = SKELETON.index(other) in DESCENDANTS[SKELETON.index(joint)]
        if carries or joint not in figure or other not in figure:
            continue
        now = (frames >= target.first) & (frames <= target.last)
        positions = positions_beside(target, figure.joint(other), yaw)
        controlled, before = found.get(joint, (np.zeros(len(frames), dtype=bool), positions))
        found[joint] = (controlled | now, np.where(now[:, None], positions, before))
    return found
