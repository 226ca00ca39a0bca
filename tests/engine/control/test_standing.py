# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that are walked from a stand and to one: the same places at other times."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Generate, PromptBlock
from blender_addon.shared.skeleton import SKELETON
from engine.control.standing import with_standing_ends, without_added
from engine.motion_order import MotionOrder
from engine.validate import order_of

FRAMES, SPEED = 141, 1.2
PELVIS, WRIST = SKELETON.index("pelvis"), SKELETON.index("right_wrist")


def order_for(frames: np.ndarray, speed: float = SPEED, **changes) -> MotionOrder:
    """The pelvis straight ahead at ``speed`` m/s, hinted in ``frames``; a hand in frame 50."""
    signal = ControlSignal.empty(FRAMES)
    signal.hint[frames, PELVIS] = np.stack([0 * frames, 0.9 + 0 * frames, speed * frames / 20], -1)
    signal.hint_mask[frames, PELVIS] = True
    signal.hint[50, WRIST], signal.hint_mask[50, WRIST] = (1.0, 1.1, 1.2), True
    block = PromptBlock("a person walks", 0, FRAMES)
    return order_of(Generate("x", (block,), FRAMES, signal.hint, signal.hint_mask, **changes))


def speeds(order: MotionOrder) -> np.ndarray:
    return np.linalg.norm(np.diff(order.signal.hint[:, PELVIS], axis=0), axis=-1) * 20


@pytest.mark.parametrize("frames", [np.arange(FRAMES), np.array([0, 37, 70, FRAMES - 1])], ids=["dense", "keys"])
def test_speed_rises_from_nothing_and_falls_to_nothing_as_asked(frames):
    both, _ = with_standing_ends(order_for(frames, from_standing=True, to_standing=True))
    assert speeds(both)[[0, -1]].max() < 0.15 and 1.1 * SPEED < speeds(both)[30:-30].mean() < 1.3 * SPEED
    np.testing.assert_allclose(both.signal.hint[[0, -1], PELVIS, 2], [0, SPEED * (FRAMES - 1) / 20], atol=1e-5)
    first, _ = with_standing_ends(order_for(frames, from_standing=True))
    assert speeds(first)[0] < 0.15 and speeds(first)[-1] > SPEED


def test_keys_keep_their_places_and_order_in_the_frames_that_are_told():
    keys = np.array([0, 37, 70, FRAMES - 1])
    asked = order_for(keys, from_standing=True, to_standing=True)
    order, met = with_standing_ends(asked)
    there = met[keys, PELVIS]
    assert there[0] == 0 and there[-1] == FRAMES - 1 and (np.diff(there) > 0).all() and there[1] > 37
    np.testing.assert_allclose(order.signal.hint[there, PELVIS], asked.signal.hint[keys, PELVIS], atol=1e-6)
    assert (order.tolerance[there, PELVIS] == 0).all()
    left = without_added(order, asked, met).signal.hint_mask
    assert np.flatnonzero(left[:, PELVIS]).tolist() == there.tolist() and left[:, WRIST].sum() == 1
    hand = met[50, WRIST]
    assert order.signal.hint_mask[:, WRIST].sum() == 1
    np.testing.assert_array_equal(order.signal.hint[hand, WRIST], asked.signal.hint[50, WRIST])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"from_standing": True, "loop": True},
        {"from_standing": True, "base": np.zeros((FRAMES, 22, 3), np.float32), "base_mask": np.arange(FRAMES) < 9},
        {"from_standing": True, "speed": 0.2},
    ],
    ids=["not asked", "loop", "kept in part", "slow already"],
)
def test_what_stays_as_it_is(changes):
    asked = order_for(np.arange(FRAMES), **changes)
    order, met = with_standing_ends(asked)
    assert order is asked and (met == np.arange(FRAMES)[:, None]).all()


def test_without_a_path_nothing_changes():
    asked = order_for(np.array([20]), from_standing=True)
    nothing = dataclasses.replace(asked, signal=ControlSignal.empty(FRAMES))
    assert with_standing_ends(asked)[0] is asked and with_standing_ends(nothing)[0] is nothing
