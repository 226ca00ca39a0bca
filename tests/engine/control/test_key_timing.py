# SPDX-License-Identifier: GPL-3.0-or-later
"""Hints that may wait are met where the motion is nearest, in their order."""

from __future__ import annotations

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Generate, PromptBlock
from blender_addon.shared.skeleton import SKELETON
from engine.control.key_timing import retime_hints
from engine.motion_order import MotionOrder
from engine.validate import order_of

FRAMES = 12


def order_for(signal: ControlSignal, slack: np.ndarray) -> MotionOrder:
    frames = signal.num_frames
    block = PromptBlock("a person walks", 0, frames)
    return order_of(Generate("x", (block,), frames, signal.hint, signal.hint_mask, slack=slack))


def test_a_hint_waits_for_the_joint_within_its_slack_and_keeps_its_place_in_the_order() -> None:
    joint = SKELETON.index("right_wrist")
    joints = np.zeros((FRAMES, 22, 3))
    joints[:, joint, 0] = 0.1 * np.arange(FRAMES)
    signal = ControlSignal.empty(FRAMES)
    for frame, value in ((2, 0.4), (3, 0.4), (8, 2.0)):
        signal.hint[frame, joint, 0], signal.hint_mask[frame, joint] = value, True
    slack = np.full((FRAMES, 22), 3, np.int32)
    moved, arrivals = retime_hints(order_for(signal, slack), joints)
    frames = np.flatnonzero(moved.signal.hint_mask[:, joint])
    assert frames.tolist() in ([3, 4, 11], [4, 5, 11])
    np.testing.assert_allclose(moved.signal.hint[frames, joint, 0], [0.4, 0.4, 2.0])
    assert arrivals[[2, 3, 8], joint].tolist() == frames.tolist()
    others = np.ones(arrivals.shape, bool)
    others[[2, 3, 8], joint] = False
    np.testing.assert_array_equal(arrivals[others], np.argwhere(others)[:, 0])
