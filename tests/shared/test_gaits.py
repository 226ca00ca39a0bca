# SPDX-License-Identifier: GPL-3.0-or-later
"""The speed of a sentence, and which way one faces: by words, not letters."""

from math import pi

import pytest

from blender_addon.shared import gaits
from blender_addon.shared.words import gerund, inflections, words_of


@pytest.mark.parametrize(
    ("sentence", "slowest", "fastest"),
    [
        ("a person walks forward.", 1.0, 1.4),
        ("a person walks slowly and waves", 0.7, 1.0),
        ("The man is RUNNING.", 2.5, 3.5),
        ("someone jogs to the left", 2.0, 2.6),
        ("a person sneaks forward", 0.3, 0.7),
        ("a person walks quickly", 1.4, 1.8),
        ("nothing of this sort", 1.0, 1.4),
        ("someone walks in a hopeful mood", 1.0, 1.4),
        ("a model on a runway", 1.0, 1.4),
        ("a climber walks to the wall", 1.0, 1.4),
        ("a person carrying a box", 0.8, 1.2),
        ("she does not run, she walks", 1.0, 1.4),
        ("he doesn't run but sneaks", 0.3, 0.7),
        ("walks without hurrying", 1.0, 1.4),
        ("walks instead of running", 1.0, 1.4),
        ("a man dashes off", 3.2, 4.5),
        ("she hurried to the door", 1.6, 2.2),
        ("someone rushes by", 1.7, 2.4),
        ("a couple strolls", 0.8, 1.0),
        ("the thief crept along the wall", 0.3, 0.5),
        ("a person limps", 0.5, 0.8),
        ("a person walks with a limp", 0.5, 0.8),
        ("an old man walks very slowly", 0.5, 0.85),
        ("he sprints as fast as he can", 4.0, 6.0),
    ],
)
def test_the_prompt_tells_the_speed(sentence: str, slowest: float, fastest: float) -> None:
    assert slowest <= gaits.usual_speed([sentence]) <= fastest


def test_what_is_negated_is_no_word() -> None:
    assert words_of("He does NOT run; he walks, never looking back.") == ["he", "does", "he", "walks"]
    assert words_of("walks without stopping and waves") == ["walks", "and", "waves"]
    assert words_of("isn’t jumping, crawling") == ["crawling"]


@pytest.mark.parametrize(
    ("base", "forms"),
    [("hop", {"hops", "hopping", "hopped"}), ("carry", {"carries", "carrying", "carried"}), ("creep", {"crept"}),
     ("dash", {"dashes", "dashed"}), ("dance", {"dancing", "danced"}), ("tiptoe", {"tiptoeing", "tiptoes"})],
)  # fmt: skip
def test_forms_of_a_verb(base: str, forms: set[str]) -> None:
    assert forms < inflections(base)
    assert gerund("run") == "running" and gerund("walk") == "walking"


def test_later_prompts_do_not_change_the_first() -> None:
    assert gaits.usual_speed(["a person runs", "a person walks"]) == gaits.usual_speed(["a person runs"])
    assert gaits.usual_speed([]) == gaits.WALKING_M_PER_S


@pytest.mark.parametrize(
    ("sentence", "offset"),
    [
        ("a person walks forward.", 0.0),
        ("a person waves with the right hand", 0.0),
        ("a man walks forward and then turns right", 0.0),
        ("a person jumps forward", 0.0),
        ("a person runs and looks backward", 0.0),
        ("she does not walk backward", 0.0),
        ("a person walks slowly backwards", pi),
        ("someone hops backward on one leg", pi),
        ("he moonwalks", pi),
        ("a person sidesteps to the left", -pi / 2),
        ("someone walks sideways to the right", pi / 2),
        ("a person walks forward, then backward", None),
        ("a person turns around", None),
        ("a woman dances", None),
        ("a boxer throws punches", None),
        ("a baby crawls on hands and knees", None),
    ],
)
def test_the_prompt_tells_which_way_one_faces(sentence: str, offset: float | None) -> None:
    assert gaits.facing_offset(sentence) == offset
