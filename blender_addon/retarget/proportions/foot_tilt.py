# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet longer than the model's raise their heels as high as it does, not as steeply.

K scene frames. World points, scene units.
"""

from __future__ import annotations

import numpy as np

from ...shared import quat
from ...shared.skeleton import SKELETON
from ..pose.feet import FootShape
from .figure import UP, Figure

USUAL_BALL_M = 1.3 * float(SKELETON.offsets[SKELETON.index("left_foot")][2])
"""How far before the ankle of the model's body a foot may bend and move as its own does: at the tip of a stiff shoe."""


def tilt_less(figure: Figure, shape: FootShape, side: str) -> None:
    """Turn the foot of ``figure`` towards level where its tip points down: about a ball that lies farther ahead, a heel
    rises as high at a smaller angle."""
    heading = shape.heading
    ratio = USUAL_BALL_M * figure.metre / max(float(np.linalg.norm(shape.ball[:2])), 1e-9)
    if heading is None or ratio >= 1:
        return
    forward = quat.rotate(figure.rotations[:, SKELETON.index(f"{side}_ankle")], heading)
    down = np.maximum(np.arcsin(np.clip(-forward[:, 2], -1.0, 1.0)), 0.0)
    # The ankle goes as near to where it would be over a shorter foot as this one lets it.
    less = down - np.arctan2(ratio * np.sin(down), 1.0 - ratio * (1.0 - np.cos(down)))
    across = np.cross(forward, UP)
    size = np.linalg.norm(across, axis=-1, keepdims=True)
    axis = np.where(size > 1e-6, across / np.maximum(size, 1e-6), (1.0, 0.0, 0.0))
    figure.rotate(f"{side}_ankle", quat.from_axis_angle(axis, less))
