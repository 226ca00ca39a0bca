# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clip is taken, and what follows when it has ended."""

import numpy as np

from engine.library.bending import join_segments
from engine.library.choosing import chosen_clip, part_of
from engine.library.route import Route, Way
from training.library import Source, make_library

from ..helpers.walking import gliding
from .made import sources

NOWHERE = Way.of(Route.free(120), None)


def rising_hands(frames: int) -> np.ndarray:
    """Joints of a figure whose head and arms rise by 2 m in 60 frames, and then rest."""
    joints = gliding(0.0, frames=frames)
    joints[:, 12:, 1] += np.minimum(np.arange(frames) / 30, 2.0)[:, None]
    return joints


def library_of(*motions: np.ndarray):
    given = [Source(sources()[i].about, joints) for i, joints in enumerate(motions)]
    return make_library(given, lambda texts: np.eye(len(texts), 16))


def test_a_clip_that_would_freeze_in_the_middle_loses_to_one_that_goes_on():
    library = library_of(rising_hands(40), rising_hands(140))
    better = np.array([[1.0, 0.8]] * 2)
    assert chosen_clip(library, better, NOWHERE, 120, 0)[0] == 1
    assert chosen_clip(library, better, NOWHERE, 40, 0)[0] == 0
    assert chosen_clip(library, np.array([[1.0, 0.2]] * 2), NOWHERE, 120, 0)[0] == 0


def test_seeds_choose_among_takes_that_are_hardly_worse():
    library = library_of(*(rising_hands(140) for _ in range(4)))
    scores = np.array([[1.0, 0.95, 0.93, 0.5]] * 2)
    chosen = {chosen_clip(library, scores, NOWHERE, 120, seed)[0] for seed in range(1, 30)}
    assert chosen == {0, 1, 2}


def test_who_rests_at_the_end_goes_on_resting():
    library = library_of(rising_hands(100))
    motion = join_segments(library, part_of(library, 0, False, 200))
    late = motion.pose[120:]
    assert np.ptp(late, axis=0).max() < 0.1 and motion.num_frames == 200
