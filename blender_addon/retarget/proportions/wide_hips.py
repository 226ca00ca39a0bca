# SPDX-License-Identifier: GPL-3.0-or-later
"""Hips wider than the model's sway less, or they would throw the legs' roots about with every step.

K scene frames, model axes.
"""

from __future__ import annotations

import numpy as np

from ...shared import quat
from ...shared.series import gaussian_smooth
from ..bone_map.mapping import BoneMap
from ..pose import alignment
from ..rig import Rig
from .blending import from_rotation_vector, to_rotation_vector

USUAL_WIDTH = 0.35  # of the leg's length: hips up to this width turn as the model's do
SWAY_S = 0.4  # Gaussian that tells the way a body turns from its sway


def hips_width(rig: Rig, bone_map: BoneMap) -> float:
    """Distance between the roots of the legs as a share of the leg's length."""
    left, right = (alignment.head(rig.standing, bone_map[joint]) for joint in ("left_hip", "right_hip"))
    return float(np.linalg.norm(left - right)) / alignment.leg_length(rig.standing, bone_map)


def sway_less(hips: np.ndarray, width: float, fps: float) -> np.ndarray:
    """Rotations (K, 4) of the ``hips`` with less sway about a body's length and height, the wider they are."""
    share = USUAL_WIDTH / max(width, 1e-6)
    if share >= 1 or len(hips) < 2:
        return hips
    steady = quat.normalize(gaussian_smooth(quat.make_continuous(hips), SWAY_S * fps))
    sway = to_rotation_vector(quat.multiply(hips, quat.conjugate(steady)))
    across = quat.rotate(hips, np.array([1.0, 0.0, 0.0]))
    nod = quat.dot(sway, across) * across
    return quat.multiply(from_rotation_vector(nod + share * (sway - nod)), steady)
