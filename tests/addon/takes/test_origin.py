# SPDX-License-Identifier: GPL-3.0-or-later
"""What a take says of the captured clips that it was made of. No Blender."""

from __future__ import annotations

import numpy as np

from blender_addon.shared.protocol import MotionSource
from blender_addon.takes.origin import Origin
from blender_addon.takes.packing import pack, unpack


def source(clip: str, caption: str, start: int, count: int) -> MotionSource:
    return MotionSource(clip, caption, start, count, False)


WALKS = source("cmu_07_01", "a person walks", 0, 40)
TURNS = source("cmu_07_02", "a person turns", 40, 10)
AGAIN = source("cmu_08_01", "a person walks", 50, 50)


def test_captions_are_told_once_and_the_longest_first() -> None:
    origin = Origin((TURNS, WALKS, AGAIN), 0.9, "a person walks")
    assert origin.captions() == [("a person walks", 90), ("a person turns", 10)]
    assert origin.summary(100) == "Made of 3 captured clips: a person walks and 1 more"
    assert origin.summary(200) == "Made of 3 captured clips: a person walks and 1 more; 50% by the neural network"
    assert Origin((WALKS,), 0.9).summary(40) == "Made of 1 captured clip: a person walks"


def test_the_network_and_an_engine_without_a_library_are_told_apart() -> None:
    assert Origin(nearness=0.4).summary(100) == "Made by the neural network"
    assert Origin().summary(100) == ""


def test_who_captured_a_clip_is_named_once() -> None:
    origin = Origin((WALKS, TURNS, source("m2m_dance", "dance", 0, 1), source("fair1_zombie_00024", "zombie", 0, 1)))
    assert origin.credits() == [
        "AnimatedDrawings, © Meta Platforms (MIT)",
        "CMU Graphics Lab Motion Capture Database, mocap.cs.cmu.edu",
        "Mesh2Motion (CC0)",
    ]


def test_of_a_range_that_was_made_again_the_rest_comes_from_before() -> None:
    kept = np.ones(100, bool)
    kept[30:60] = False
    new = source("m2m_dance", "dance", 30, 30)
    whole = Origin((new,), 0.8).beside(Origin((WALKS, TURNS, AGAIN), 0.9), kept)
    assert [(part.clip, part.start_frame, part.num_frames) for part in whole.sources] == [
        ("cmu_07_01", 0, 30),
        ("m2m_dance", 30, 30),
        ("cmu_08_01", 60, 40),
    ]
    assert whole.nearness == 0.8


def test_it_is_kept_in_a_file() -> None:
    origin = Origin((WALKS, AGAIN), 0.7, "a person walks", "No captured motion is near this sentence.")
    assert unpack(Origin, pack(origin)) == origin
