# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences against a library of six clips whose captions have vectors made by the test."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine.library.facts import ClipFacts
from engine.library.sentences import SentenceIndex, SentenceMatch

from .test_goals import facts

CAPTIONS = ["a person walks", "a person walks forward", "a person waves with the right hand",
            "a person imitates a bear", "a person moves", "a person sits down"]  # fmt: skip
CLIPS = [
    facts(speed=1.2, ahead=1.2, step_rate=2.0),
    facts(speed=1.0, ahead=-1.0, step_rate=2.0),
    facts(right_hand_high=0.3, right_hand_speed=1.2),
    facts(speed=0.4),
    facts(foot_height=0.4),
    facts(hips_end=0.5, hips_lowest=0.5),
]
_WORDS = sorted({word for caption in CAPTIONS for word in caption.split()} | {"left"})


def vector(text: str) -> np.ndarray:
    """Words counted; a stand-in for the sentence encoder."""
    counts = np.array([text.split().count(word) for word in _WORDS], float)
    return counts / max(np.linalg.norm(counts), 1e-9)


@pytest.fixture(scope="module")
def index() -> SentenceIndex:
    return SentenceIndex.of(
        SimpleNamespace(
            captions=CAPTIONS,
            vectors=np.stack([vector(caption) for caption in CAPTIONS]).astype(np.float16),
            caption_ids=np.array([0, 1, 0, 2, 3, 4, 5]),
            first_caption=np.array([0, 2, 3, 4, 5, 6, 7]),
            weak=np.array([False] * 6),
            animal=np.array([False, False, False, True, False, False]),
            facts=ClipFacts.from_array(np.stack([clip.to_array() for clip in CLIPS])),
        )
    )


def match(index: SentenceIndex, sentence: str) -> SentenceMatch:
    return index.match(sentence, *(vector(text) for text in index.sentences_to_encode(sentence)))


def test_a_clip_that_does_it_comes_before_one_that_is_only_named_so(index: SentenceIndex) -> None:
    scores = match(index, "a person walks").scores
    assert scores.choosing.shape == scores.matching.shape == (2, 6) and scores.going
    assert scores.choosing[0, 0] > scores.choosing[0, 1] + 0.1  # that one goes backward
    backward = match(index, "a person walks backward").scores
    assert backward.choosing[0, 1] > backward.choosing[0, 0] + 0.1


def test_matching_counts_the_best_caption_too(index: SentenceIndex) -> None:
    scores = match(index, "a person walks forward").scores
    assert scores.matching[0, 0] > scores.choosing[0, 0]


def test_whose_captions_say_the_rare_word_comes_first(index: SentenceIndex) -> None:
    deaf = np.zeros(len(_WORDS))  # a sentence vector that hears nothing
    hand = index.match("a person has a hand", deaf).scores.choosing[0]
    assert hand.argmax() == 2 and hand[2] > np.delete(hand, 2).max() + 0.1


def test_sides_by_the_mirror_image(index: SentenceIndex) -> None:
    right = match(index, "a person waves with the right hand").scores.choosing
    left = match(index, "a person waves with the left hand").scores.choosing
    assert right[0].argmax() == left[1].argmax() == 2
    assert right[0, 2] == left[1, 2] and right[0, 2] > right[1, 2] + 0.1


def test_animals_only_where_asked_for_and_never_what_floats(index: SentenceIndex) -> None:
    assert match(index, "a person moves").scores.choosing[:, 4].max() == -np.inf
    asked = match(index, "a person imitates a bear").scores.choosing[0, 3]
    assert asked > 0.9
    assert match(index, "a person imitates").scores.choosing[0, 3] < asked - 0.25


def test_closest_and_messages(index: SentenceIndex) -> None:
    near = match(index, "a person walks")
    assert near.near and near.closest == "a person walks" and near.nearness == pytest.approx(1.0, abs=1e-3)
    far = match(index, "two people play chess with her")
    assert not far.near and "closest is:" in far.message and far.closest in far.message
    assert "reads English" in match(index, "der Mann geht langsam").message
    assert "reads English" in match(index, "歩く").message


def test_posture_is_told(index: SentenceIndex) -> None:
    assert match(index, "a person sits down").scores.posture == "down"
    assert match(index, "a person walks").scores.posture is None
