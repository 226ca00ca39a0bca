# SPDX-License-Identifier: GPL-3.0-or-later
"""Every frame is made once, by a window that fits the model and sees what is there."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared.protocol import PromptBlock
from engine.longform.windows import LOOKAHEAD_FRAMES, OVERLAP_FRAMES, plan_windows

LEAST, LONGEST = 16, 196


def blocks_of(*lengths: int) -> tuple[PromptBlock, ...]:
    starts = np.cumsum([0, *lengths[:-1]]).tolist()
    return tuple(PromptBlock(f"block {i}", s, n) for i, (s, n) in enumerate(zip(starts, lengths, strict=True)))


def known_in(total: int, *spans: tuple[int, int]) -> np.ndarray:
    known = np.zeros(total, bool)
    for start, end in spans:
        known[start:end] = True
    return known


@pytest.mark.parametrize(
    ("known", "lengths"),
    [
        (known_in(196), (196,)),
        (known_in(197), (197,)),
        (known_in(12_001), (12_001,)),
        (known_in(600), (100, 1, 7, 92, 400)),
        (known_in(20), (1, 1, 18)),
        (known_in(500, (0, 100), (220, 300), (499, 500)), (250, 250)),
        (known_in(300, (0, 3), (10, 290)), (300,)),
        (known_in(120, (60, 61)), (120,)),
    ],
)
def test_the_new_frames_follow_each_other_and_fit(known: np.ndarray, lengths: tuple[int, ...]) -> None:
    blocks = blocks_of(*lengths)
    made = known.copy()
    for window in plan_windows(known, blocks, LEAST, LONGEST):
        assert 0 <= window.start <= window.first < window.last <= window.end <= len(known)
        assert LEAST <= window.num_frames <= LONGEST
        assert not made[window.first : window.last].any(), "a frame is made twice"
        assert made[: window.first].all(), "what comes before is not there yet"
        assert window.start == 0 or window.first - window.start >= OVERLAP_FRAMES
        block = blocks[window.prompt]
        assert block.start_frame <= window.first and window.last <= block.start_frame + block.num_frames
        made[window.first : window.last] = True
    assert made.all()


def test_one_window_where_one_is_enough() -> None:
    (window,) = plan_windows(known_in(196), blocks_of(196), LEAST, LONGEST)
    assert (window.start, window.end, window.first, window.last) == (0, 196, 0, 196)


def test_a_few_frames_beside_known_ones_are_not_made_by_themselves() -> None:
    blocks = blocks_of(100, 100)
    for gap, said in (((95, 180), 1), ((91, 180), 1), ((30, 105), 0), ((97, 103), 1)):
        known = ~known_in(200, gap)
        (window,) = plan_windows(known, blocks, LEAST, LONGEST)
        assert (window.first, window.last, window.prompt) == (*gap, said)
    windows = plan_windows(~known_in(200, (80, 120)), blocks, LEAST, LONGEST)
    assert [(window.first, window.last, window.prompt) for window in windows] == [(80, 100, 0), (100, 120, 1)]


def test_a_window_sees_beyond_its_own_frames_while_the_motion_goes_on() -> None:
    windows = plan_windows(known_in(600), blocks_of(600), LEAST, LONGEST)
    assert all(window.end - window.last == LOOKAHEAD_FRAMES for window in windows[:-1])
    (middle,) = plan_windows(known_in(400, (0, 150), (200, 400)), blocks_of(400), LEAST, LONGEST)
    assert (middle.start, middle.end) == (150 - OVERLAP_FRAMES, 200 + OVERLAP_FRAMES)
