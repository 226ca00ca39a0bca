# SPDX-License-Identifier: GPL-3.0-or-later
"""Criteria of everyday sentences on motions made by the test; the rows of the part on a library of three clips."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import torch

from engine.library.sentences import SentenceIndex
from training.evaluation import sentences
from training.evaluation.everyday_sentences import EVERYDAY, act_clips
from training.evaluation.other_words import in_other_words
from training.evaluation.sentences import SentenceLibrary, judged_facts, passes, sentence_rows
from training.library import Source, make_library

from ...engine.library.test_facts import SECONDS, standing

BY_TEXT = {sentence.text: sentence for sentence in EVERYDAY}


def sitting_down_and_up() -> np.ndarray:
    """(T, 22, 3): the hips go down by 0.45 m in a second, stay, and come up again."""
    joints = np.concatenate([standing()[:60]] * 3)
    times = np.arange(len(joints)) / 20
    depth = 0.45 * (np.clip(times - 2, 0, 1) - np.clip(times - 6, 0, 1))
    joints[:, [0, *range(3, 22, 3)], 1] -= depth[:, None]  # spine and pelvis, enough for the facts
    return joints


def walking(speed: float) -> np.ndarray:
    joints = standing()
    joints[..., 2] += speed * SECONDS[:, None]
    swing = 0.3 * np.sin(2 * np.pi * SECONDS)[:, None]
    joints[:, [7, 10], 2] += swing
    joints[:, [8, 11], 2] -= swing
    return joints


def waving(hand: int) -> np.ndarray:
    joints = standing()
    joints[:, hand, 1] += 0.4
    joints[:, hand, 0] += 0.2 * np.sin(4 * np.pi * SECONDS)
    return joints


def test_every_sentence_was_held_against_captured_clips() -> None:
    assert len(EVERYDAY) == len(BY_TEXT) >= 60
    for sentence in EVERYDAY:
        re.compile(sentence.act)
        assert 0.5 <= sentence.real <= 1.0 and sentence.others <= 0.5, sentence.text
        assert sentence.real > sentence.others + 0.3, sentence.text
    assert sum(sentence.sided for sentence in EVERYDAY) >= 10


def test_other_words_are_judged_by_the_same_criteria() -> None:
    others = in_other_words()
    assert len(others) >= 60 and not {sentence.text for sentence in others} & set(BY_TEXT)
    for sentence in others:
        assert sentence.passes is BY_TEXT[sentence.usual].passes and sentence.sided == BY_TEXT[sentence.usual].sided, (
            sentence.text
        )
    stroll = next(sentence for sentence in others if sentence.usual == "a person walks forward")
    assert passes(stroll, walking(1.2)) and not passes(stroll, standing())


def test_criteria_judge_what_a_motion_does() -> None:
    walk = BY_TEXT["a person walks forward"]
    assert passes(walk, walking(1.2)) and not passes(walk, walking(-1.2)) and not passes(walk, standing())
    left, right = BY_TEXT["a woman waves hello with her left hand"], BY_TEXT["a person waves with the right hand"]
    assert passes(left, waving(20)) and not passes(left, waving(21))
    assert passes(right, waving(21)) and not passes(right, waving(20))
    assert passes(BY_TEXT["a person stands still"], standing())


def test_only_the_half_of_a_clip_is_judged_that_is_asked_for() -> None:
    joints = sitting_down_and_up()
    down, up = judged_facts("a person sits down", joints), judged_facts("a person stands up", joints)
    assert down.hips_start - down.hips_end > 0.4 and up.hips_end - up.hips_start > 0.4
    assert passes(BY_TEXT["a person sits down"], joints) and passes(BY_TEXT["a man stands up from a chair"], joints)


def test_clips_of_an_act_by_their_captions() -> None:
    captions = [("a person walks",), ("someone waves", "a person waves with the left hand"), ("a person waves",)]
    assert act_clips(BY_TEXT["a woman waves hello with her left hand"], captions) == [1]


class WordCounts:
    """In place of the sentence encoder: how often each letter pair occurs."""

    def encode(self, texts: list[str]) -> torch.Tensor:
        counts = np.zeros((len(texts), 384))
        for row, text in enumerate(texts):
            for pair in itertools.pairwise(text):
                counts[row, hash_of(pair)] += 1
        return torch.from_numpy(counts / np.linalg.norm(counts, axis=1, keepdims=True)).float()


def hash_of(pair: tuple[str, str]) -> int:
    return (31 * ord(pair[0]) + ord(pair[1])) % 384


@pytest.fixture(scope="module")
def held() -> SentenceLibrary:
    def source(name: str, caption: str, joints: np.ndarray) -> Source:
        about = {"id": name, "take": name, "source": name, "captions": [{"text": caption, "kind": "index"}],
                 "weak": False, "licence": "CC0"}  # fmt: skip
        return Source(about, joints.astype(np.float32))

    sources = [source("walk", "a person walks forward", walking(1.2)),
               source("still", "a person stands still", standing()),
               source("wave", "a person waves with the right hand", waving(21))]  # fmt: skip
    library = make_library(sources, lambda texts: WordCounts().encode(texts).numpy())
    return SentenceLibrary(library, SentenceIndex.of(library), WordCounts())  # type: ignore[arg-type]


def test_rows_of_a_library(held: SentenceLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("a person walks forward", "a person stands still", "a person waves with the right hand",
             "a woman waves hello with her left hand", "a gymnast does a cartwheel")  # fmt: skip
    monkeypatch.setattr(sentences, "EVERYDAY", tuple(BY_TEXT[text] for text in asked))
    rows = {row["what"]: row for row in sentence_rows(None, held)}
    assert rows["captured clips of the act"]["each"]["a person walks forward"] == 1.0
    first, some = rows["nearest clip"]["each"], rows["any of the five nearest"]["each"]
    assert first["a person walks forward"] == first["a person stands still"] == 1.0
    assert first["a person waves with the right hand"] == first["a woman waves hello with her left hand"] == 1.0
    assert first["a gymnast does a cartwheel"] == some["a gymnast does a cartwheel"] == 0.0
    assert rows["nearest clip"]["sentences"] == len(asked)
