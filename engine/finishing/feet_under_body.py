# SPDX-License-Identifier: GPL-3.0-or-later
"""FootPlan that trail behind the body, or run ahead of it, come under it before their steps are planned.

Over the length of a stride the feet of who stands upright are on average under the pelvis: within 15 cm in nine tenths
of captured motion. A model that glides along a tight bend drags both behind, and steps planned along their path would
keep a body that leans as if it fell.

Shapes: T frames, J = 22 joints. Metres, Y up, 20 fps; numpy.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.series import envelope
from blender_addon.shared.skeleton import CONTACT_JOINTS, SKELETON

from .parameters import FOOT_PARAMS, FootPlannerParams


def feet_under_body(
    joints: np.ndarray, user_controlled: np.ndarray, frozen: np.ndarray, params: FootPlannerParams = FOOT_PARAMS
) -> np.ndarray:
    """``joints`` (T, J, 3) with the legs' ends moved over the ground by what is more than ``params.trail_m``; not near
    frames in which a leg is ``user_controlled`` (T, J) bool, that are ``frozen`` (T,) bool, or in which the feet do not
    carry an upright body.
    """
    stride = params.stride_frames
    feet = SKELETON.indices(*CONTACT_JOINTS)
    legs = SKELETON.indices("left_knee", "right_knee", *CONTACT_JOINTS)
    carried = (joints[:, 0, 1] > params.upright_pelvis_m) & (joints[:, feet, 1].min(1) < params.carried_toe_m)
    free = carried & ~user_controlled[:, legs].any(1) & ~frozen
    behind = (joints[:, 0] - joints[:, feet].mean(1)) * [1.0, 0.0, 1.0]
    kernel = np.hanning(2 * stride + 3)[1:-1]
    share, *average = (
        np.convolve(values, kernel)[stride : stride + len(joints)] for values in (free, *(behind * free[:, None]).T)
    )
    offset = np.stack(average, 1) / np.maximum(share, 1e-9)[:, None]
    far = np.linalg.norm(offset, axis=1)
    too_far = np.maximum(far - params.trail_m, 0.0) / np.maximum(far, 1e-9)
    offset *= (too_far * (1.0 - envelope((~free).astype(float), stride)))[:, None]
    result = joints.copy()
    result[:, feet] += offset[:, None]
    return result
