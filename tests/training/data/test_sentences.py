# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences by rule say what the motion does: its pace, its turn, and the hand or foot that does it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from blender_addon.shared import features as f
from blender_addon.shared.skeleton import SKELETON
from training.data.augment import mirror, mirror_text
from training.data.paraphrase import paraphrases
from training.data.sentences import ACTIONS, SENTENCES, sentences

from ..evaluation.test_realism import going


def features(joints: np.ndarray) -> np.ndarray:
    return f.joints_to_features(f.canonicalize(joints)).astype(np.float32)


def told(caption: str, joints: np.ndarray) -> str:
    return " | ".join(text for seed in range(8) for text in sentences(str(seed), (caption,), features(joints)))


def waving(joint: str, axis: int = 1) -> np.ndarray:
    joints = going(0.0)
    joints[:, SKELETON.index(joint), axis] += 0.3 * np.sin(np.arange(100) / 3)
    return joints


def test_pace_and_turn_of_a_walk_are_measured() -> None:
    assert "slowly" in told("a person walks", going(0.5)) and "strolls" in told("a person walks", going(0.5))
    assert re.search("fast|briskly", told("a person walks", going(1.6)))
    plain = told("a person walks", going(1.1))
    assert not re.search("slowly|fast|briskly|turn|circle", plain) and "walks forward" in plain
    assert "turns around to the left" in told("a person walks", going(1.0, turn=0.7))
    assert "turns right" in told("a person walks", going(1.0, turn=-0.35))
    assert "in a circle to the right" in told("a person walks", going(1.0, turn=-1.2))


def test_runs_and_sidesteps() -> None:
    assert "runs fast" in told("a person runs", going(4.0)) and "sprints" in told("a person runs", going(4.0))
    assert "to the left" in told("a person walks sideways", going(0.8, sideways=True))
    assert "to the right" in told("a person walks sideways", mirror(going(0.8, sideways=True)))


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_hand_and_the_foot_that_does_it_are_named(side: str) -> None:
    other = "right" if side == "left" else "left"
    kick, wave = told("a person kicks", waving(f"{side}_foot")), told("a person waves", waving(f"{side}_wrist"))
    assert f"kicks with the {side} leg" in kick and f"waves with the {side} hand" in wave
    assert other not in kick + wave
    mirrored = told("a person kicks", mirror(waving(f"{side}_foot")))
    assert mirrored == mirror_text(kick)
    both = waving("left_wrist")
    both[:, SKELETON.index("right_wrist"), 1] += 0.3 * np.sin(np.arange(100) / 3)
    assert not re.search("left|right", told("a person waves", both))


def test_what_is_not_clear_gets_no_sentence() -> None:
    for captions in (
        ("a person walks, sits down and kicks",),
        ("a person does something",),
        (),
        ("a person acts like a cat",),
    ):
        assert sentences("a", captions, features(going(1.0))) == ()


def test_few_sentences_that_depend_on_the_name_and_can_be_paraphrased() -> None:
    motion = features(going(1.0))
    first = sentences("a", ("a person walks",), motion)
    assert first == sentences("a", ("a person walks",), motion) and 2 <= len(first) <= SENTENCES
    assert len({sentences(str(n), ("a person walks",), motion) for n in range(20)}) > 5
    assert all(len(paraphrases(text)) > 5 for text in first)


def test_every_verb_is_a_verb_of_the_third_person() -> None:
    for action in ACTIONS:
        re.compile(action.pattern)
        assert all(re.match(r"(\w+s|is)\b", verb) for verb in action.verbs), action.verbs
