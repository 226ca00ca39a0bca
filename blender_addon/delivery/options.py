# SPDX-License-Identifier: GPL-3.0-or-later
"""How a motion comes onto the character: what must not be lost on the way, and how many keys it gets, from the scene's
settings and what was captured.
"""

from __future__ import annotations

import bpy
import numpy as np

from ..capture.capture import CapturedScene
from ..capture.obstacles import in_world
from ..capture.tracks import Track
from ..retarget.keys import Spacing
from ..retarget.proportions import Constraints, SceneGround, Target
from .visible import floor_of


def constraints_for(captured: CapturedScene, contacts: np.ndarray | None, scene: bpy.types.Scene) -> Constraints:
    """What ``scene.gaitway.feet`` says, for the model's ``contacts`` (T, 4) and the captured controls."""
    feet = scene.gaitway.feet
    floor = ground_in(captured, floor_of(captured, scene))
    targets = tuple(_target(track) for track in captured.tracks if np.isfinite(track.tolerance).any())
    if not feet.hit_controls:
        return Constraints(feet.lock, contacts, floor)
    solids = tuple(in_world(solid, captured.body, captured.unit_scale) for solid in captured.obstacles)
    return Constraints(feet.lock, contacts, floor, targets, captured.relations, solids)


def ground_in(captured: CapturedScene, floor: float | None) -> float | SceneGround | None:
    """What feet are put on whose level ``floor`` is at this height in the scene."""
    if captured.ground is None or floor is None:
        return floor
    return SceneGround(captured.ground, floor, captured.body.scale / captured.unit_scale, captured.body.origin)


def _target(track: Track) -> Target:
    """What the track asks for, without the points that only show the way."""
    meant = np.isfinite(track.tolerance)
    return Target(
        track.joint, track.frames[meant], track.points[meant], track.on_ground, np.asarray(track.tolerance)[meant]
    )


def spacing_for(scene: bpy.types.Scene) -> Spacing:
    """What ``scene.gaitway.keys`` says."""
    keys = scene.gaitway.keys
    return Spacing(keys.spacing, keys.step, keys.bound / 100)
