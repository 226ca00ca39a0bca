# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts as blocks of frames, and the speed that they tell. No Blender."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from blender_addon.capture import pace, prompts
from blender_addon.shared.errors import BadRequest


def in_turn(*blocks: tuple[str, int, int], start_frame: int = 1) -> SimpleNamespace:
    listed = [SimpleNamespace(text=text, frame_start=start, frame_end=end) for text, start, end in blocks]
    return SimpleNamespace(prompt_mode="BLOCKS", prompt="unused", prompt_blocks=listed, start_frame=start_frame)


def spans(settings: SimpleNamespace, num_frames: int, fps: float) -> list[tuple[str, int, int]]:
    return [
        (block.text, block.start_frame, block.num_frames) for block in prompts.prompt_blocks(settings, num_frames, fps)
    ]


def test_one_prompt_holds_for_all() -> None:
    settings = SimpleNamespace(prompt_mode="ONE", prompt="  a person \n walks. ", prompt_blocks=[], start_frame=1)
    assert spans(settings, 80, 24) == [("a person walks.", 0, 80)]
    assert prompts.last_frame(settings) is None


@pytest.mark.parametrize("fps", [24.0, 30.0, 60000 / 1001])
def test_prompts_in_turn_cover_the_motion_without_gaps(fps: float) -> None:
    """Written in any order, with a gap and an overlap: each begins at its own time and holds until the next does."""
    frames = [round(seconds * fps) + 1 for seconds in (0, 2, 3, 4.5, 4, 8)]
    settings = in_turn(("sit", frames[4], frames[5]), ("walk", frames[0], frames[1]), ("run", frames[2], frames[3]))
    found = spans(settings, 161, fps)
    assert [(text, start) for text, start, _ in found] == [("walk", 0), ("run", 60), ("sit", 80)]
    assert [start + length for _, start, length in found] == [60, 80, 161]
    assert prompts.last_frame(settings) == frames[5]


def test_the_first_prompt_holds_from_the_beginning() -> None:
    assert spans(in_turn(("walk", 20, 60), start_frame=11), 100, 24) == [("walk", 0, 100)]


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([], "list of prompts is empty"),
        ([("walk", 1, 30), (" ", 30, 60)], "Prompt 2 is empty"),
        ([("", 1, 30)], "The prompt is empty"),
        ([("walk", 30, 30)], "Prompt 1 ends at frame 30"),
        ([("walk", 1, 30), ("run", 1, 60)], "begin together"),
        ([("walk", -40, -20), ("run", -20, 60)], "begin together"),
        ([("walk", 1, 30), ("run", 500, 560)], "after the motion has ended"),
    ],
)
def test_what_makes_no_order_is_said(blocks, words: str) -> None:
    with pytest.raises(BadRequest, match=words) as caught:
        prompts.prompt_blocks(in_turn(*blocks), 100, 24)
    assert caught.value.hint


@pytest.mark.parametrize(("rise", "fall"), [(0, 0), (1, 0), (0, 2), (1.5, 0.5), (9, 3)])
def test_progress_is_smooth_and_complete(rise: float, fall: float) -> None:
    times = np.linspace(0, 4, 4001)
    way = pace.progress(times, 4.0, rise, fall)
    speed = np.diff(way) * 1000
    assert way[0] == 0 and way[-1] == pytest.approx(1)
    assert np.abs(np.diff(speed)).max() < (0.5e-2 if rise + fall else 1e-9)  # no jump of the speed
    assert (speed[0] < 1e-2) == (rise > 0) and (speed[-1] < 1e-2) == (fall > 0)


@pytest.mark.parametrize("stands", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize(("length", "speed"), [(0.3, 1.2), (5.0, 1.2), (12.0, 3.0), (2.0, 0.4)])
def test_between_its_stands_a_path_is_walked_at_the_speed_that_was_asked_for(length, speed, stands) -> None:
    duration = pace.standing_duration(length, speed, stands)
    rise, fall, rest = pace.standing_times(length, duration, stands)
    assert (rise > 0, fall > 0, rest > 0) == (stands[0], stands[1], stands[1])
    times = np.linspace(0, duration, 2001)
    covered = length * pace.progress(times, duration - rest, rise, fall)
    speeds = np.diff(covered) / np.diff(times)
    assert covered[-1] == pytest.approx(length) and speeds.min() > -1e-9
    if length > 1.5 * speed:
        assert speeds.max() == pytest.approx(speed, rel=0.03)
    assert speeds[0] < 0.1 * speed or not stands[0]
    assert speeds[-1] < 0.1 * speed or not stands[1]
