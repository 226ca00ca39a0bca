# SPDX-License-Identifier: GPL-3.0-or-later
"""Ground that rises or falls along the path of the pelvis: what feet stand on where a path goes up a slope or stairs.

The ground is known under the pelvis, frame by frame. A foot is ahead of it or behind, so its ground is read where on
the path it stands: a foot that stands does not rise with the body.

Shapes: T frames, n places. Metres, Y up.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.series import gaussian_smooth

DIRECTION_FRAMES = 4.0  # over which the direction of the path is read
STANDS_M = 1e-3  # a frame; where the pelvis moves less, no place is ahead of it


def ground_at(pelvis: np.ndarray, ground: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Heights (T, n) of the ground at ``places`` (T, n, 2), x and z, along the path of the ``pelvis`` (T, 2), under
    which it has the heights ``ground`` (T,).
    """
    if len(pelvis) < 2:
        return np.broadcast_to(ground[:, None], places.shape[:2])
    way = gaussian_smooth(pelvis, DIRECTION_FRAMES)
    velocity = np.gradient(way, axis=0)
    speed = np.linalg.norm(velocity, axis=-1)
    along = velocity / np.maximum(speed, STANDS_M)[:, None]
    gone = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2)])
    ahead = ((places - way[:, None]) * along[:, None]).sum(-1)
    return np.interp(gone[:, None] + ahead, gone, ground)
