# SPDX-License-Identifier: GPL-3.0-or-later
"""FootPlan that trail behind the body, or run ahead of it, come under it before their steps are planned.

Over the length of a stride the feet of who stands upright are on average under the pelvis: within 15 cm in nine tenths
of captured motion. A model that glides along a tight bend drags both behind, and steps planned along their way would
keep a body that leans as if it fell.

Shapes: T frames, J = 22 joints. Metres, Y up, 20 fps; numpy.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.series import envelope
from blender_addon.shared.skeleton import CONTACT_JOINTS, SKELETON

STRIDE = 12  # frames on either side over which feet are averaged
AWAY = 0.15  # metres that their average may be away from under the pelvis
UPRIGHT, LOW = 0.8, 0.3  # metres: of a pelvis that is carried by the feet, at least, and of the lower toe, at most


def feet_under_body(joints: np.ndarray, held: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """``joints`` (T, J, 3) with the legs' ends moved over the ground by what is more than ``AWAY``; not near frames in
    which a leg is ``held`` (T, J) bool, that are ``kept`` (T,) bool, or in which nobody stands upright.
    """
    feet = SKELETON.indices(*CONTACT_JOINTS)
    legs = SKELETON.indices("left_knee", "right_knee", *CONTACT_JOINTS)
    carried = (joints[:, 0, 1] > UPRIGHT) & (joints[:, feet, 1].min(1) < LOW)
    free = carried & ~held[:, legs].any(1) & ~kept
    behind = (joints[:, 0] - joints[:, feet].mean(1)) * [1.0, 0.0, 1.0]
    kernel = np.hanning(2 * STRIDE + 3)[1:-1]
    share, *average = (
        np.convolve(values, kernel)[STRIDE : STRIDE + len(joints)] for values in (free, *(behind * free[:, None]).T)
    )
    way = np.stack(average, 1) / np.maximum(share, 1e-9)[:, None]
    far = np.linalg.norm(way, axis=1)
    too_far = np.maximum(far - AWAY, 0.0) / np.maximum(far, 1e-9)
    way *= (too_far * (1.0 - envelope((~free).astype(float), STRIDE)))[:, None]
    result = joints.copy()
    result[:, feet] += way[:, None]
    return result
