# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips -> codes -> clips, and the file they are kept in."""

import json

import numpy as np
import pytest

from blender_addon.shared.errors import BadFile
from blender_addon.shared.skeleton import SKELETON
from engine.library.facts import FACT_NAMES
from engine.library.library import Library
from engine.library.motion import BodyMotion
from training.library import Source, code_error, usable

from .made import CIRCLES, library, sources


@pytest.mark.parametrize("clip", range(4))
def test_codes_give_back_the_clip(clip):
    source = sources()[clip]
    given, true = library().decode(clip), BodyMotion.of(source.joints)
    assert given.num_frames == len(source.joints)
    assert np.linalg.norm(given.pose - true.pose, axis=-1).max() < 0.005
    assert np.abs(given.step - true.step).max() < 0.001 and np.abs(given.turn - true.turn).max() < 0.002
    assert np.array_equal(given.contacts, true.contacts)
    assert code_error(library().codes, source.joints) < 3


def test_a_part_of_a_clip_is_that_part_of_the_whole():
    whole, part = library().decode(1), library().decode(1, 13, 42)
    assert np.allclose(part.pose, whole.pose[13:42], atol=1e-5) and np.allclose(part.turn, whole.turn[13:42], atol=1e-6)


def test_the_mirror_image_turns_and_stands_the_other_way_round():
    left, right = library().decode(1), library().decode(1, mirror=True)
    assert left.turn.mean() > 0.03 and np.array_equal(right.turn, -left.turn)
    hand, other = SKELETON.indices("left_wrist", "right_wrist")
    assert np.allclose(right.pose[:, hand], left.pose[:, other] * [-1, 1, 1])


def test_a_motion_in_the_world_is_the_one_it_was_taken_from():
    joints = sources()[2].joints + np.array([3.0, 0.0, -1.0])
    motion = BodyMotion.of(joints)
    headings = motion.headings()
    there = motion.in_world(np.concatenate([motion.places(headings), headings[:, None]], 1))
    moved = joints - joints[0, 0] * [1, 0, 1]
    assert (
        np.abs(
            np.linalg.norm(there[:, 0] - there[0, 0], axis=-1) - np.linalg.norm(moved[:, 0] - moved[0, 0], axis=-1)
        ).max()
        < 1e-6
    )
    assert np.allclose(there[..., 1], joints[..., 1])


def test_tempo_changes_how_far_a_frame_goes():
    motion = BodyMotion.of(sources()[0].joints)
    fast = motion.at_tempo(1.25, 60, 4.5)
    assert fast.num_frames == 60 and np.allclose(fast.step[:, 1], 1.25 * motion.step[0, 1])
    held = motion.at_tempo(1.0, motion.num_frames + 5)
    assert np.array_equal(held.pose[-1], motion.pose[-1]) and not held.step[-5:].any()


def test_the_file_holds_the_library(tmp_path):
    path = tmp_path / "library.npz"
    np.savez(path, **library().arrays())
    read = Library.load(path)
    assert np.array_equal(read.decode(2).pose, library().decode(2).pose)
    assert read.captions_of(1)[0] == CIRCLES and read.names == library().names
    facts = np.stack([np.asarray(getattr(read.facts, name)) for name in FACT_NAMES])
    assert np.allclose(facts, np.stack([getattr(library().facts, name) for name in FACT_NAMES]), rtol=1e-3, atol=1e-3)


def test_what_is_no_library_is_told(tmp_path):
    with pytest.raises(BadFile):
        Library.load(tmp_path / "missing.npz")
    arrays = library().arrays()
    texts = json.loads(bytes(arrays["texts"])) | {"format": 99}
    np.savez(tmp_path / "later.npz", **arrays | {"texts": np.frombuffer(json.dumps(texts).encode(), np.uint8)})
    with pytest.raises(BadFile, match="its format is 99"):
        Library.load(tmp_path / "later.npz")


def test_clips_that_no_sentence_finds_or_that_float_are_left_out():
    source = sources()[0]
    assert usable(source)
    assert not usable(Source(source.about | {"captions": []}, source.joints))
    assert not usable(Source(source.about, source.joints + np.array([0.0, 0.2, 0.0])))
    low_seat, step = source.joints.copy(), source.joints.copy()
    low_seat[20:40] = np.maximum(low_seat[20:40] * [1.0, 0.5, 1.0], [-np.inf, 0.3, -np.inf])  # feet in the air
    step[20:40, :, 1] += 0.3
    assert not usable(Source(source.about, low_seat)) and usable(Source(source.about, step))
