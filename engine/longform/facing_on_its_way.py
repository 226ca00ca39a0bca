# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the body is to face between the steps of sampling: nothing in a network without a ControlNet keeps it from
walking its path backward.

Shapes: T frames of a window, n of those between its first and last position of the pelvis.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.gaits import facing_offset
from blender_addon.shared.series import dilate
from blender_addon.shared.skeleton import SKELETON

from ..control.facing_goal import HIPS, FacingGoal
from ..control.goals import Goals
from ..control.path_facing import looks_along, rounded, tangents, turned_to
from ..motion_order import MotionOrder

TOLD_FRAMES = 8  # around hints of the hips, and from the first frame on, in which the body turns to or from them
GOING_FRAMES = 8  # before and after a way that moves, in which the body faces along it as well
_PELVIS = SKELETON.index("pelvis")


def facing_on_its_way(goals: Goals, order: MotionOrder) -> FacingGoal | None:
    """As hints of both hips tell; else by what the sentences of ``order`` say: ahead on the way of the pelvis, unless
    they tell otherwise. Free where the way stands and where a sentence tells no facing; None where it is free
    everywhere. It begins along the canonical frame.
    """
    led = np.flatnonzero(goals.requested[:, _PELVIS, 0])
    if len(led) < 2:
        return None
    here = slice(led[0], led[-1] + 1)
    directions, moves = tangents(goals.hint[here, _PELVIS][:, [0, 2]])
    if not moves.any():
        return None
    offsets = _offsets(order)[here]
    told = _told(goals)[here]
    hinted = ~np.isnan(told)
    if led[0] == 0 and not hinted[0]:
        told[0] = 0.0
    facing = turned_to(looks_along(rounded(directions)) + np.nan_to_num(offsets), _around(told))
    free = ~hinted & (np.isnan(offsets) | ~dilate(moves, GOING_FRAMES))
    angle = np.full(len(goals.hint), np.nan)
    angle[here] = np.where(free, np.nan, facing)
    return None if free.all() else FacingGoal(angle)


def _offsets(order: MotionOrder) -> np.ndarray:
    """Radians (T,) from where the way goes to where the body faces by the sentence that holds; NaN where it is free."""
    offsets = np.full(order.num_frames, np.nan)
    for block in order.prompts:
        told = facing_offset(block.text)
        here = slice(block.start_frame, block.start_frame + block.num_frames)
        offsets[here] = np.nan if told is None else told
    return offsets


def _told(goals: Goals) -> np.ndarray:
    """Radians (T,) that hints of both hips tell; NaN in other frames."""
    told = goals.requested[:, HIPS][..., [0, 2]].all((1, 2))
    across = goals.hint[:, HIPS[0]] - goals.hint[:, HIPS[1]]
    return np.where(told, np.arctan2(-across[:, 2], across[:, 0]), np.nan)


def _around(told: np.ndarray) -> np.ndarray:
    """The angles (n,) that are ``told``, and in some frames before and after each."""
    known = np.flatnonzero(~np.isnan(told))
    near = np.flatnonzero(dilate(~np.isnan(told), TOLD_FRAMES))
    around = told.copy()
    if len(known):
        around[near] = np.interp(near, known, np.unwrap(told[known]))
    return around
