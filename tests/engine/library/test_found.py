# SPDX-License-Identifier: GPL-3.0-or-later
"""From scores and a route to a motion on it."""

from dataclasses import replace

import numpy as np
import pytest

from engine.control.path_facing import tangents
from engine.library.bending import join_segments
from engine.library.choosing import is_uneven, part_of, travel_angle
from engine.library.found import find
from engine.library.matching import Segment
from engine.library.motion import body_headings
from engine.library.route import Route, Start, Way

from .made import circle, library, line, run_to_end, scores


def route(path: np.ndarray, mask: np.ndarray | None = None, facing: np.ndarray | None = None) -> Route:
    places = np.insert(path, 1, 0.9, axis=-1)
    return Route(places, np.ones(len(path), bool) if mask is None else mask, facing)


def found(where: Route, *by_clip: float, going: bool = True, seed: int = 0, start: Start | None = None):
    return run_to_end(find(library(), scores(*(by_clip or (1, 1, 1, 0)), going=going), where, seed, start))


def off_path(motion, path: np.ndarray) -> float:
    return float(np.abs(motion.joints[:, 0, [0, 2]] - path).max())


def off_facing(motion, facing: np.ndarray) -> float:
    difference = body_headings(motion.joints) - facing
    return float(np.abs((difference + np.pi) % (2 * np.pi) - np.pi).max())


@pytest.mark.parametrize("path", [line(), circle(1.0), circle(-1.0), circle(3.0)])
def test_a_way_of_going_is_matched_and_faces_along_its_path(path):
    motion = found(route(path))
    assert motion.kind == "matched" and motion.joints.shape == (80, 22, 3) and motion.contacts.shape == (80, 4)
    assert off_path(motion, path) < 0.03
    assert off_facing(motion, tangents(path)[0]) < 0.15  # it turns a little before its way does


def test_the_facing_that_was_asked_for():
    asked = np.full(80, np.pi / 2)
    assert off_facing(found(route(line(), facing=asked)), asked) < 0.05


def test_another_act_is_one_clip_bent_onto_the_path():
    motion = found(route(circle(2.0)), 1.0, 0.0, 0.0, 0.0, going=False)
    assert motion.kind == "bent" and {part.name for part in motion.parts} == {"clip0"}
    assert off_path(motion, circle(2.0)) < 0.03 and off_facing(motion, tangents(circle(2.0))[0]) < 0.1


@pytest.mark.parametrize(("clip", "turn"), [(0, 0.0), (1, 0.9 / 1.0)])
def test_who_only_a_sentence_says_to_go_does_not_stop_where_the_clip_ends(clip, turn):
    """On and on as fast, and turning as much, as the clip."""
    frames = 3 * int(library().frames[clip])
    motion = found(Route.free(frames), *(float(clip == number) for number in range(4)))
    steps = np.diff(motion.joints[:, 0, [0, 2]], axis=0) * 20
    assert motion.kind == "alone" and np.abs(np.linalg.norm(steps, axis=-1) - 0.9).max() < 0.15
    assert np.median(np.diff(body_headings(motion.joints)) * 20) == pytest.approx(turn, abs=0.1)


def test_without_a_path_the_clip_is_as_it_was_captured():
    motion = found(Route.free(50, start_heading=1.0), 0, 1, 0, 0)
    assert motion.kind == "alone" and np.allclose(motion.joints[0, 0, [0, 2]], 0, atol=1e-6)
    turned = np.diff(body_headings(motion.joints))
    assert np.allclose(turned[10:-10], 0.9 / 1.0 / 20, atol=0.005)
    assert body_headings(motion.joints)[0] == pytest.approx(1.0, abs=0.15)


def test_a_single_key_says_where_it_begins():
    places, mask = np.zeros((50, 3)), np.zeros(50, bool)
    places[0], mask[0] = (2.0, 0.9, 5.0), True
    motion = found(Route(places, mask))
    assert motion.kind == "alone" and np.allclose(motion.joints[0, 0, [0, 2]], [2, 5], atol=1e-6)


def test_few_keys_are_a_path_too():
    path, mask = circle(2.0), np.zeros(80, bool)
    mask[[0, 19, 39, 59, 79]] = True
    motion = found(route(path * mask[:, None], mask))
    assert motion.kind == "matched" and off_path(motion, path) < 0.06


def test_it_goes_on_by_its_own_steps_where_the_path_has_ended():
    path, mask = line(), np.arange(80) < 40
    motion = found(route(path, mask))
    assert off_path(motion, path) < 0.05


def test_it_goes_on_from_the_frames_before():
    before = found(route(circle(2.0))).joints
    start = Start(before[30:40])
    motion = found(route(circle(2.0)[40:]), start=start)
    both = np.concatenate([before[30:40], motion.joints])
    assert np.linalg.norm(np.diff(both, 2, axis=0), axis=-1).max() < 0.02
    further = found(Route(np.zeros((40, 3)), np.zeros(40, bool)), start=start)
    assert np.linalg.norm(further.joints[0, 0] - before[39, 0]) < 0.06


def test_a_clip_that_is_too_short_is_played_again_or_held():
    segments = part_of(library(), 0, False, 170)
    assert sum(segment.frames for segment in segments) == 170 and len(segments) > 1
    assert part_of(library(), 3, True, 40)[0].mirror


def test_a_pose_that_is_held_goes_nowhere():
    motion = join_segments(library(), [Segment(0, 10.0, 20), Segment(0, 30.0, 25, 0.0)])
    assert np.allclose(motion.pose[-1], library().decode(0, 30, 31).pose[0], atol=1e-4)
    assert not motion.step[-10:].any() and not motion.turn[-10:].any()


def test_joins_have_no_steps():
    segments = [Segment(0, 0.0, 20), Segment(2, 30.0, 20), Segment(1, 50.0, 30, 1.15, True)]
    motion = join_segments(library(), segments)
    assert motion.num_frames == 70
    assert np.abs(np.diff(motion.pose, 2, axis=0)).max() < 0.01 and np.abs(np.diff(motion.turn)).max() < 0.03


def test_seeds():
    zero, again, other = (found(route(circle(1.5)), seed=seed) for seed in (0, 0, 7))
    assert np.array_equal(zero.joints, again.joints)
    assert zero.parts != other.parts


def test_the_parts_say_where_every_frame_comes_from():
    parts = found(route(line(frames=150))).parts
    assert [part.first for part in parts[1:]] == [part.end for part in parts[:-1]] and parts[-1].end == 150
    assert {part.caption for part in parts} == {"a person walks"}


def test_who_has_one_bad_leg_keeps_it():
    even = library()
    facts = replace(even.facts, step_asymmetry=np.full(4, 0.5))
    lame = replace(even, facts=facts)
    assert is_uneven(lame, scores(1, 1, 1, 0).matching) and not is_uneven(even, scores(1, 1, 1, 0).matching)
    motion = run_to_end(find(lame, scores(1, 1, 1, 0), route(line(frames=300))))
    assert len({part.mirrored for part in motion.parts}) == 1


def test_who_walks_sideways_in_the_library_faces_away_from_the_path():
    assert travel_angle(library(), scores(1, 1, 1, 1).matching) == 0.0


def test_a_path_that_stands_turns_evenly():
    path = np.concatenate([line(1.0, 40), np.repeat(line(1.0, 40)[-1:], 20, 0), line(1.0, 40)[::-1]])
    way = Way.of(route(path), None)
    turned = np.abs(np.diff(way.direction))
    assert abs(way.direction[-1] - way.direction[0]) == pytest.approx(np.pi, abs=0.05) and turned.max() < 0.3


def test_the_body_turns_before_its_way_does():
    path = np.concatenate([line(frames=40), line(frames=40)[-1] + line(frames=40)[:, ::-1]])
    way = Way.of(Route(np.insert(path, 1, 0.0, axis=-1), np.ones(80, bool)), None)
    assert (way.looks[36:44] > way.direction[36:44] + 0.02).all()
    np.testing.assert_allclose(way.looks[[5, -5]], way.direction[[5, -5]], atol=0.02)
