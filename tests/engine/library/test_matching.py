# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stretches are found along a path."""

from dataclasses import replace

import numpy as np
import pytest

from engine.library.matching import EndCosts, goals_along, row_costs, search
from engine.library.motion import BodyMotion
from engine.library.params import PARAMS
from engine.library.route import Route, Way
from engine.library.rows import candidates, make_rows, pose_after, pose_distances

from .made import circle, library, line, run_to_end, scores, sources


def found(path, clip_scores, facing=None, start=None):
    """The segments along ``path`` (T, 2)."""
    places = np.insert(path, 1, 0.0, axis=-1)
    way = Way.of(Route(places, np.ones(len(path), bool), facing), None)
    both = clip_scores.matching
    rows = run_to_end(make_rows(library(), candidates(both, library().frames)))
    goals = goals_along(way.path, way.direction if facing is None else way.facing(), way.known)
    ends = [] if start is None else [EndCosts(0, pose_distances(start[None], rows.pose, PARAMS)[0])]
    return run_to_end(search(rows, row_costs(rows, both), goals, ends))


@pytest.mark.parametrize(
    ("path", "clip", "mirror"),
    [(line(), 0, None), (circle(1.0), 1, False), (circle(-1.0), 1, True), (circle(-2.0), 2, True)],
)
def test_the_clip_that_goes_like_the_path(path, clip, mirror):
    segments = found(path, scores(1, 1, 1, 1))
    assert {segment.clip for segment in segments} == {clip}
    assert mirror is None or {segment.mirror for segment in segments} == {mirror}
    assert sum(segment.frames for segment in segments) == 80
    assert {segment.tempo for segment in segments} == {1.0}


def test_a_clip_goes_on_as_long_as_it_lasts():
    *left, _ = found(line(frames=200), scores(1, 1, 1, 1))
    window = 10
    assert left and all(
        segment.start + segment.frames * segment.tempo + window > len(sources()[segment.clip].joints) - 1
        for segment in left
    )


def test_another_tempo_for_another_speed():
    segments = found(line(0.9 * 1.15), scores(1, 1, 1, 1))
    assert {segment.tempo for segment in segments} == {1.15}


def test_the_sentence_outweighs_the_path_and_never_is_never():
    assert {segment.clip for segment in found(circle(2.0), scores(1, 0, 0, 0))} == {0}
    assert {segment.clip for segment in found(circle(1.0), scores(1, -np.inf, 1, 1))} <= {0, 2}


def test_a_motion_keeps_one_manner():
    """Two who walk alike, each a little nearer to what is asked by turns: who begins goes on, if only one of them has
    the arms up."""
    rows = run_to_end(make_rows(library(), np.arange(2)))
    other, nothing = rows.clip == 1, np.zeros_like(rows.carriage)
    alike = replace(rows, ahead=np.zeros_like(rows.ahead), pose=np.zeros_like(rows.pose), carriage=nothing)
    apart = replace(alike, carriage=nothing + 3 * other[:, None])
    by_turns = [EndCosts(frame, 2.0 * (other == (frame % 20 == 0))) for frame in range(0, 200, 10)]
    goals = goals_along(line(frames=200), np.zeros(200), np.zeros(200, bool))
    both, one = (run_to_end(search(each, np.zeros(len(other)), goals, by_turns)) for each in (alike, apart))
    assert len({segment.clip for segment in both}) == 2 and len({segment.clip for segment in one}) == 1


def test_a_body_that_faces_left_of_its_way_is_found_nowhere_near():
    ahead = found(line(), scores(1, 1, 1, 1), facing=np.zeros(80))
    assert {segment.clip for segment in ahead} == {0}


def test_where_a_clip_is_entered_follows_the_pose_before():
    joints = sources()[0].joints.copy()
    joints[:, 20, 1] += np.linspace(0, 0.5, len(joints))  # no other pose is like that of the library then
    low, high = (pose_after(BodyMotion.of(joints[end - 10 : end])) for end in (10, 100))
    rows = run_to_end(make_rows(library(), np.array([0, 3])))
    here = np.flatnonzero((rows.clip == 0) & (rows.tempo == 1.0) & ~rows.mirror)
    near = np.square(rows.pose[here] - low).mean(-1)
    assert near.min() < 0.1 and np.square(rows.pose[here] - high).mean(-1).min() > 10 * near.min()


def test_the_best_clips_are_taken_until_they_are_enough():
    long = np.full(4, 7000)
    assert candidates(np.array([[0.1, 0.4, 0.3, 0.2], [0.0, 0.0, 0.0, 0.9]]), long).tolist() == [1, 3]
    assert candidates(np.full((2, 4), -np.inf), long).tolist() == []
