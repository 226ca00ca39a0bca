# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet that trail behind the body, or run ahead of it, come under it before their steps are planned.

Over the length of a stride the feet of who stands upright are on average under the pelvis: within 15 cm in nine tenths
of captured motion. A model that glides along a tight bend drags both behind, and steps planned along their path would
keep a body that leans as if it fell. Feet that stand somewhere meanwhile are where they belong: who lunges or kicks
means it.

Shapes: T frames, J = 22 joints. Metres, Y up, 20 fps; numpy.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.series import dilate_maximum, envelope
from blender_addon.shared.skeleton import CONTACT_JOINTS, FEET, SKELETON

from .parameters import FOOT_PARAMS, FootPlannerParams
from .step_costs import foot_speed


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
    gliding = gliding_of(joints, params)
    share, gliding, *average = (
        np.convolve(values, kernel)[stride : stride + len(joints)]
        for values in (free, gliding * free, *(behind * free[:, None]).T)
    )
    offset = np.stack([*average, gliding], 1) / np.maximum(share, 1e-9)[:, None]
    offset, gliding = offset[:, :3], np.interp(offset[:, 3], params.glide_share, (0.0, 1.0))
    far = np.linalg.norm(offset, axis=1)
    too_far = np.maximum(far - params.trail_m, 0.0) / np.maximum(far, 1e-9)
    offset *= (gliding * too_far * (1.0 - envelope((~free).astype(float), stride)))[:, None]
    result = joints.copy()
    result[:, feet] += offset[:, None]
    return result


def gliding_of(joints: np.ndarray, params: FootPlannerParams = FOOT_PARAMS) -> np.ndarray:
    """How much (T,), 0..1, the feet of ``joints`` (T, J, 3) glide: no toe rests for a while, and one of them is low."""
    toes = joints[:, SKELETON.indices(*FEET)]
    slower = np.min([foot_speed(toes[:, foot][:, [0, 2]]) for foot in (0, 1)], axis=0)
    slowest = -dilate_maximum(-slower, params.stride_frames)
    low = np.interp(toes[..., 1].min(1), (params.high_toe_m, params.floor_toe_m), (1.0, 0.0))
    return low * np.interp(slowest, params.glide_mps, (0.0, 1.0))
