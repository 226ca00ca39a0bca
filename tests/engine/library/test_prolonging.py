# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows a clip that is too short."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.library.bending import join_segments
from engine.library.library import Library
from engine.library.matching import Segment
from engine.library.prolonging import prolonged
from training.library import Source, make_library

from ..helpers.walking import gliding
from .made import library as made
from .made import sources


@pytest.fixture(scope="module")
def library() -> Library:
    """The trunk of somebody goes ahead of the feet, faster and faster; somebody else stands still."""
    leaps = gliding(0.5, frames=60)
    leaps[:, [*range(1, 4), 6, 9, *range(12, 22)], 2] += np.linspace(0, 1.2, 60)[:, None] ** 2
    stands = sources()[3]
    about = dict(stands.about, captions=[{"text": "a person stands still", "kind": "index"}], id="still")
    leap = dict(stands.about, captions=[{"text": "a person leaps", "kind": "index"}], id="leap")
    return make_library([Source(leap, leaps), Source(about, stands.joints)], lambda texts: np.eye(len(texts), 16))


def test_who_ends_upright_comes_to_stand_still(library):
    motion = library.decode(0)
    segments = prolonged(library, motion, Segment(0, 10, motion.num_frames - 10), 150)
    assert sum(segment.frames for segment in segments) == 150
    assert segments[0].clip == 0 and segments[0].frames >= motion.num_frames - 10 - 24
    assert {segment.clip for segment in segments[1:]} == {1} and all(segment.tempo for segment in segments)
    joined = join_segments(library, segments)
    assert joined.num_frames == 150 and np.abs(joined.step[-60:]).max() < 0.02


def test_who_lies_at_the_end_stays(library):
    motion = library.decode(0)
    lying = dataclasses.replace(motion, pose=motion.pose * [1.0, 0.3, 1.0])
    segments = prolonged(library, lying, Segment(0, 0, motion.num_frames), 100)
    assert [segment.clip for segment in segments] == [0, 0] and segments[-1].tempo == 0.0


def test_without_anybody_who_stands_the_last_pose_is_held():
    motion = made().decode(0)
    leaning = dataclasses.replace(motion, pose=motion.pose + np.linspace(0, 1, motion.num_frames)[:, None, None] ** 2)
    segments = prolonged(made(), leaning, Segment(0, 0, motion.num_frames), motion.num_frames + 30)
    assert sum(segment.frames for segment in segments) == motion.num_frames + 30
