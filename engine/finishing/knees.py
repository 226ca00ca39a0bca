# SPDX-License-Identifier: GPL-3.0-or-later
"""Knees bend forward: those that bend backward are mirrored.

To whoever reaches for a footprint a leg that bends backward is as good as one that bends forward, and near a straight
leg the two lie side by side. Captured knees are never more than 2 cm behind the line from hip to ankle. Mirrored at the
plane through that line and across the body, a knee lies as far before it; bones keep their lengths, and hip and foot
their places.

Shapes: T frames, J = 22 joints, two legs (left, right). Metres, Y up; numpy.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.series import runs
from blender_addon.shared.skeleton import SKELETON

SPREAD_SINE = 0.5  # of the angle between a leg and the hips' line, below which nobody can say where its knee belongs
_HIPS, KNEES, _ANKLES = (SKELETON.indices(f"left_{part}", f"right_{part}") for part in ("hip", "knee", "ankle"))


def knees_ahead(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Metres (T, 2) by which each knee of ``joints`` (T, J, 3) is ahead of the line from hip to ankle, negative behind
    it, and the unit direction (T, 2, 3) that is ahead for it; none where a leg is spread so far that it is hard to say.
    """
    hip, knee, ankle = joints[:, _HIPS], joints[:, KNEES], joints[:, _ANKLES]
    leg, across = ankle - hip, joints[:, _HIPS[:1]] - joints[:, _HIPS[1:]]
    ahead = np.cross(leg, across)
    length = np.linalg.norm(ahead, axis=-1, keepdims=True)
    most = np.linalg.norm(leg, axis=-1, keepdims=True) * np.linalg.norm(across, axis=-1, keepdims=True)
    ahead = np.where(length > SPREAD_SINE * most, ahead / np.maximum(length, 1e-9), 0.0)
    return ((knee - hip) * ahead).sum(-1), ahead


def mirror_backward_knees(joints: np.ndarray, is_free: np.ndarray) -> np.ndarray:
    """``joints`` (T, J, 3) with the knees that bend backward mirrored, where they are free (T, 2) all the while."""
    by, ahead = knees_ahead(joints)
    result = joints.copy()
    for leg, knee in enumerate(KNEES):
        for start, end in runs(by[:, leg] < 0):
            if is_free[start:end, leg].all():
                result[start:end, knee] -= 2 * by[start:end, leg, None] * ahead[start:end, leg]
    return result
