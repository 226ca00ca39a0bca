# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet in contact do not move on this armature, whatever its proportions.

Where ankle and toe are in contact, the whole foot lies still; where the toe alone is, the foot turns about it; where
the ankle alone is, it stays. Between, the correction is blended in and out. Hips that no control holds ride on the
feet, most on the straighter leg, whose bones a centimetre turns by many degrees; where a control holds them a foot is
put where its leg reaches it throughout. A leg that is too short lifts its heel while the toe is in contact, else the
hips sink a little; what is still out of reach is dragged. On a known floor feet are at their height at rest, toes lie
flat, and swinging feet do not dip into it.

K scene frames. World points, scene units.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from ...shared.limbs import LIMBS
from ...shared.series import hann_smooth
from ..bone_map.mapping import BoneMap
from ..pose import alignment, scale
from ..pose.feet import FootShape
from ..rig import Rig
from .blending import fade, num_frames
from .figure import UP, Figure, JointTargets
from .foot_tilt import tilt_less
from .leg import LEG_PARAMS, FootContact, Leg, held_envelope


def feet_in_scene(rig: Rig, bone_map: BoneMap) -> dict[str, FootShape]:
    """Side -> foot of the armature in its neutral orientation, scene units."""
    size = scale.object_scale(rig)
    return {side: shape.scaled(size) for side, shape in alignment.neutral_feet(rig.standing, bone_map).items()}


def plant(
    figure: Figure, contact: FootContact, targets: JointTargets, controlled_hips: np.ndarray, fps: float
) -> Generator[None, None, None]:
    """Lock the feet of ``figure`` where they are in contact, and hit the ``targets`` of ankles and toes; a generator
    that hands the thread back.

    ``controlled_hips`` (K, 3) bool: the coordinates of the hips that are not to be changed.
    """
    legs = []
    for limb, side in zip((limb for limb in LIMBS if "hip" in limb.upper), ("left", "right"), strict=True):
        tilt_less(figure, contact.feet[side], side)
        legs.append(Leg(figure, contact, targets, limb, side, fps))
        yield
    free = np.stack([1.0 - fade(axis, num_frames(LEG_PARAMS.blend_s, fps)) for axis in controlled_hips.T], -1)
    figure.shift(free * hann_smooth(_ride(figure, legs, free), num_frames(LEG_PARAMS.ride_blend_s, fps)))
    yield
    needed = np.minimum(np.max([leg.shortfall(figure) for leg in legs], axis=0), LEG_PARAMS.max_drop_m * figure.metre)
    figure.shift(-(free[:, 2] * held_envelope(needed, num_frames(LEG_PARAMS.drop_blend_s, fps)))[:, None] * UP)
    for leg in legs:
        yield
        leg.follow(figure)
        leg.apply(figure)


def _ride(figure: Figure, legs: list[Leg], free: np.ndarray) -> np.ndarray:
    """Offsets (K, 3) of the hips that bend the legs least, for the corrections of their feet; ``free`` (K, 3), 0..1:
    how far each coordinate may change."""
    costs = [leg.cost(figure) for leg in legs]
    gradient = sum(cost @ leg.correction[..., None] for cost, leg in zip(costs, legs, strict=True))
    fixed = (1.0 - free)[:, :, None] * np.eye(3)
    return np.linalg.solve(free[:, :, None] * sum(costs) * free[:, None] + fixed, free[..., None] * gradient)[..., 0]
