# SPDX-License-Identifier: GPL-3.0-or-later
"""What an eye sees at once and no mean shows: a body that freezes, and one that stops or sets off from frame to frame.

Shapes: T frames, J = 22 joints. Metres, seconds; 20 fps.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.skeleton import FPS, SKELETON

FROZEN_MPS = 0.02  # nobody keeps all joints slower for long
FROZEN_FRAMES = 5  # that are frozen together
JOLT_FRAMES = 2  # within which the body's speed changes
_PELVIS = SKELETON.index("pelvis")


def frozen_share(joints: np.ndarray) -> float:
    """Share of the frames of motion (T, J, 3) in which no joint moves, a quarter of a second or more at a time."""
    fastest = np.linalg.norm(np.diff(np.asarray(joints, np.float64), axis=0), axis=-1).max(-1) * FPS
    still = fastest < FROZEN_MPS
    if len(still) < FROZEN_FRAMES:
        return 0.0
    together = np.lib.stride_tricks.sliding_window_view(still, FROZEN_FRAMES).all(-1)
    within = np.zeros(len(still), bool)
    for offset in range(FROZEN_FRAMES):
        within[offset : offset + len(together)] |= together
    return float(within.mean())


def jolt(joints: np.ndarray) -> float:
    """The largest change of the pelvis's velocity over the ground within a tenth of a second, m/s."""
    velocity = np.diff(np.asarray(joints, np.float64)[:, _PELVIS][:, [0, 2]], axis=0) * FPS
    if len(velocity) <= JOLT_FRAMES:
        return 0.0
    return float(np.linalg.norm(velocity[JOLT_FRAMES:] - velocity[:-JOLT_FRAMES], axis=-1).max())
