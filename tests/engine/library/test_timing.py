# SPDX-License-Identifier: GPL-3.0-or-later
"""When acts begin."""

import numpy as np

from blender_addon.shared.skeleton import SKELETON
from engine.library.bending import join_segments
from engine.library.choosing import part_of
from engine.library.timing import Touch, delay_for
from training.library import Source, make_library

from .made import sources

WRIST = SKELETON.index("right_wrist")


def raised_at(frame: int, length: int = 100) -> np.ndarray:
    """Heights (length, 22): a hand that goes up to 1.6 m in the clip's ``frame``, and all else at 1 m."""
    heights = np.ones((length, 22))
    heights[:, WRIST] += 0.6 * np.exp(-0.5 * ((np.arange(length) - frame) / 4) ** 2)
    return heights


def test_the_hand_is_up_when_it_is_told_to_be():
    assert delay_for(raised_at(30), 0, [Touch(50, WRIST, 1.6)]) == 20
    assert delay_for(raised_at(60), 0, [Touch(50, WRIST, 1.6)]) == -10
    assert delay_for(raised_at(60), 20, [Touch(50, WRIST, 1.6)]) == 10
    assert delay_for(raised_at(30), 0, [Touch(50, WRIST, 1.0)]) == 0


def test_an_act_that_begins_later_waits_in_its_first_pose():
    joints = sources()[3].joints.copy()  # stands
    joints[:, WRIST, 1] = raised_at(30, len(joints))[:, WRIST]
    waving = make_library([Source(sources()[3].about, joints)], lambda texts: np.eye(len(texts), 16))
    segments = part_of(waving, 0, False, 100, touches=[Touch(60, WRIST, 1.6)])
    assert sum(segment.frames for segment in segments) == 100
    motion = join_segments(waving, segments)
    heights = motion.pose[:, WRIST, 1]
    assert abs(int(heights.argmax()) - 60) <= 1 and np.ptp(heights[:20]) < 0.05
