# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the body is to face on its way: ahead, or as the sentence and the hips' hints say."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared.control import CanonicalFrame, ControlSignal
from blender_addon.shared.protocol import Generate, PromptBlock
from blender_addon.shared.skeleton import SKELETON
from engine.control.goals import goals_of
from engine.longform.facing_on_its_way import facing_on_its_way
from engine.validate import order_of

FRAMES = 60
HERE = CanonicalFrame(np.zeros(3), 0.0)


def facing_of(sentence: str, places: np.ndarray, hinted: dict[int, float] | None = None) -> np.ndarray | None:
    """The angles (T,) for the pelvis at ``places`` (T, 2); ``hinted``: frame -> facing of the hips."""
    signal = ControlSignal.empty(FRAMES)
    signal.hint[:, 0], signal.hint_mask[:, 0] = np.insert(places, 1, 0.9, axis=-1), True
    for frame, angle in (hinted or {}).items():
        for hip, side in zip(SKELETON.indices("left_hip", "right_hip"), (0.1, -0.1), strict=True):
            signal.hint[frame, hip] = signal.hint[frame, 0] + side * np.array([np.cos(angle), 0.0, -np.sin(angle)])
            signal.hint_mask[frame, hip] = True
    block = PromptBlock(sentence, 0, FRAMES)
    order = order_of(Generate("r", (block,), FRAMES, signal.hint, signal.hint_mask))
    goal = facing_on_its_way(goals_of(order, HERE), order)
    return None if goal is None else goal.angle


def line(metres: float = 3.0) -> np.ndarray:
    return np.stack([np.zeros(FRAMES), np.linspace(0.0, metres, FRAMES)], -1)


def quarter_circle() -> np.ndarray:
    angle = np.linspace(0.0, np.pi / 2, FRAMES)
    return 2.0 * np.stack([1 - np.cos(angle), np.sin(angle)], -1)


def test_a_body_looks_along_its_way() -> None:
    facing = facing_of("a person walks", quarter_circle())
    assert facing is not None and facing[0] == pytest.approx(0.0, abs=0.1)
    np.testing.assert_allclose(facing[12:-8], np.linspace(0.0, np.pi / 2, FRAMES)[12:-8], atol=0.12)


@pytest.mark.parametrize(
    ("sentence", "offset"), [("a person walks backward", np.pi), ("a person walks sideways to the left", -np.pi / 2)]
)
def test_the_sentence_says_otherwise(sentence: str, offset: float) -> None:
    facing = facing_of(sentence, line())
    assert facing is not None
    np.testing.assert_allclose(facing[20:], offset, atol=0.05)


def test_nobody_is_turned_who_dances_or_stands() -> None:
    assert facing_of("a person dances", line()) is None
    assert facing_of("a person walks", line(0.1)) is None


def test_the_hips_hints_win() -> None:
    facing = facing_of("a person walks", line(), {30: 1.2})
    assert facing is not None
    assert facing[30] == pytest.approx(1.2, abs=0.1) and abs(facing[50]) < 0.05


def test_a_way_that_stands_for_a_while_leaves_the_body_free_there() -> None:
    speed = np.where((np.arange(FRAMES) > 15) & (np.arange(FRAMES) < 45), 0.0, 0.05)
    facing = facing_of("a person walks", np.stack([0 * speed, np.cumsum(speed)], -1))
    assert facing is not None and np.isnan(facing[30]) and np.isfinite(facing[[5, 55]]).all()
