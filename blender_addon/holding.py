# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a motion must not be lost on the way to the character: from the scene's settings and what was captured."""

from __future__ import annotations

import bpy
import numpy as np

from .capture import Capture
from .retarget.effectors import Target
from .retarget.hold import Hold


def hold_for(captured: Capture, contacts: np.ndarray | None, scene: bpy.types.Scene) -> Hold:
    """What ``scene.gaitway.feet`` says, for the model's ``contacts`` (T, 4) and the captured controls."""
    feet = scene.gaitway.feet
    floor = {"AUTO": captured.body.ground, "HEIGHT": feet.floor_height, "NONE": None}[feet.floor]
    targets = tuple(Target(track.joint, track.frames, track.points, track.on_ground) for track in captured.tracks)
    return Hold(feet.lock, contacts, floor, targets if feet.hit_controls else ())
