# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions said otherwise: grammar by rule, and nothing where the rule does not fit."""

from __future__ import annotations

import pytest

from blender_addon.shared.words import gerund
from training.data.paraphrase import base_form, paraphrases


@pytest.mark.parametrize(
    ("caption", "ongoing", "imperative"),
    [
        ("a person walks forward and stops", "walking forward and stopping", "walk forward and stop"),
        ("someone dances salsa", "dancing salsa", "dance salsa"),
        ("a man does kicks and punches", "doing kicks and punches", "do kicks and punches"),
        ("a figure steps, then sits down", "stepping, then sitting down", "step, then sit down"),
    ],
)
def test_forms(caption: str, ongoing: str, imperative: str) -> None:
    others = paraphrases(caption)
    assert others[0] == caption and others[-2:] == (ongoing, imperative)
    assert f"the character is {ongoing}" in others and len(set(others)) == len(others) > 8


@pytest.mark.parametrize("caption", ["jumping up and down", "there are lots of signals", "they do a roll", ""])
def test_what_is_not_understood_stays_alone(caption: str) -> None:
    assert paraphrases(caption) == (caption,)


def test_progressive_captions_lose_only_their_subject() -> None:
    assert paraphrases("a person is boxing")[-1] == "boxing"
    assert "a man is boxing" in paraphrases("a person is boxing")


@pytest.mark.parametrize(
    ("verb", "base", "ongoing"),
    [("runs", "run", "running"), ("carries", "carry", "carrying"), ("punches", "punch", "punching"),
     ("squats", "squat", "squatting"), ("strides", "stride", "striding"), ("boxes", "box", "boxing"),
     ("throws", "throw", "throwing"), ("leans", "lean", "leaning"), ("goes", "go", "going")],
)  # fmt: skip
def test_verbs(verb: str, base: str, ongoing: str) -> None:
    assert base_form(verb) == base and gerund(base) == ongoing
