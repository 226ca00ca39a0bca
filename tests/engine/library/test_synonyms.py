# SPDX-License-Identifier: GPL-3.0-or-later
"""A sentence in the words of captions."""

import pytest

from engine.library.synonyms import OTHER_WORDS, in_known_words

KNOWN = frozenset(("a", "person", "walks", "runs", "over", "the", "box", "lifts", "on", "up", "down", "with", "his"))


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("a worker hoists a crate", "a worker lifts a box"),
        ("hurling a ball", "throwing a ball"),
        ("an athlete gets back on his feet", "an athlete gets up from the floor"),
        ("someone lies flat on the ground", "someone lies down on the floor"),
        ("she goes down on one knee", "she kneels down"),
        ("a boxer throws a hook with the left hand", "a boxer punches with the left hand"),
        ("a person bounces on a single leg", "a person hops on one leg"),
        ("a thief dashes off", "a thief runs off"),
    ],
)
def test_other_words_are_replaced(sentence, said):
    assert in_known_words(sentence, KNOWN) == said


@pytest.mark.parametrize("sentence", ["a person walks  over the box.", "A knight polishes his shield, twice!"])
def test_other_sentences_stay_as_they_are(sentence):
    assert in_known_words(sentence, KNOWN) == sentence


def test_a_single_word_stays_where_captions_have_it_and_a_phrase_does_not():
    assert in_known_words("a man dashes", KNOWN | {"dashes"}) == "a man dashes"
    assert in_known_words("a man takes a seat", KNOWN | {"takes", "a", "seat"}) == "a man sits down"


def test_no_phrase_stands_twice():
    others = [other for row in OTHER_WORDS.values() for other in row.split(", ")]
    assert len(others) == len(set(others))
