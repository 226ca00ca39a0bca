# SPDX-License-Identifier: GPL-3.0-or-later
"""Where somebody goes of whom only a sentence says that they go: as far, and turning as much, as the clip that fits it
best, for as long as is asked.

A clip of a run lasts a second and a half. Played longer, its runner would stop dead; along a way of its own the search
goes on in others. T frames; ground places are (T, 2): x, z. Metres, radians, 20 fps.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.skeleton import FPS

from .library import Library
from .route import Way

TURNS_RAD = 0.5  # in all, below which a clip goes straight on
LASTS = 0.9  # of the frames asked for, that a clip which lasts them all may lack


def own_way(library: Library, clip: int, mirror: bool, way: Way, travel_angle: float) -> Way | None:
    """The way of a clip, or its mirror image, on and on, in place of a ``way`` that leads nowhere; None where the clip
    lasts long enough. ``travel_angle``: from where the body faces to where it goes.
    """
    facts, frames = library.facts, len(way.path)
    active = int(np.asarray(facts.active_end)[clip]) - int(np.asarray(facts.active_start)[clip])
    if active >= LASTS * frames:
        return None
    turn = float(np.asarray(facts.turn)[clip]) * (-1 if mirror else 1)
    rate = turn / float(np.asarray(facts.seconds)[clip]) if abs(turn) > TURNS_RAD else 0.0
    angles = way.start_heading + travel_angle + rate / FPS * np.arange(frames)
    speed = float(np.asarray(facts.speed)[clip]) / FPS
    moved = speed * np.stack([np.sin(angles), np.cos(angles)], -1)
    path = way.path[0] + np.concatenate([np.zeros((1, 2)), np.cumsum(moved[:-1], 0)])
    return Way(path, np.ones(frames, bool), way.asked, way.start_heading)
