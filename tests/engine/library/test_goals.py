# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to goals: whole words, sides, negation, several postures in turn."""

import numpy as np
import pytest

from blender_addon.shared.words import words_of
from engine.library.facts import FACT_NAMES, ClipFacts
from engine.library.goals import QUIET, ROWS, SIDED, Goal, mirrored_sentence, rows_in, sentence_goals
from engine.library.posture import posture_of, posture_part


def facts(**values: float) -> ClipFacts:
    """One clip that stands, but for ``values``."""
    standing = {"hips_start": 0.95, "hips_end": 0.95, "hips_mean": 0.95, "hips_lowest": 0.94, "hips_highest": 0.96}
    return ClipFacts(**dict.fromkeys(FACT_NAMES, 0.0) | standing | values)


def cost(sentence: str, **values: float) -> float:
    return float(sum(goal.cost(facts(**values)) for goal in sentence_goals(sentence)))


@pytest.mark.parametrize(
    ("sentence", "rows"),
    [
        ("a person picks something up from the shelf", ["pick up"]),
        ("someone sits down and stands up again", ["sit down", "stand up"]),
        ("she gets up from the ground", ["get up ground"]),
        ("hopping on the left foot", ["hop foot"]),
        ("a hopeful climber on a runway", []),
        ("he does not run but walks backwards", ["backward"]),
        ("he jumped up and down", ["jump up down"]),
        ("crawling on his hands and knees", ["crawl", "hand knee"]),
    ],
)
def test_rows_by_words(sentence: str, rows: list[str]) -> None:
    assert list(rows_in(words_of(sentence))) == rows


def test_every_row_is_found_by_its_own_words_and_asks_for_facts_that_exist() -> None:
    one = facts()
    for row, goals in ROWS.items():
        assert row in list(rows_in(row.split())), row
        assert all(np.isfinite(goal.cost(one)) for goal in goals)
    assert all(np.isfinite(goal.cost(one)) for goal in QUIET)


@pytest.mark.parametrize(
    ("sentence", "does", "does_not"),
    [
        ("a person runs", {"speed": 3.0, "top_speed": 3.2, "ahead": 3.0, "flight_share": 0.2}, {"speed": 1.0}),
        ("a person walks backward", {"speed": 0.7, "ahead": -0.7}, {"speed": 0.7, "ahead": 0.7}),
        ("a person walks to the left, sideways", {"speed": 0.6, "left": 0.6}, {"speed": 0.6, "left": -0.6}),
        ("a person turns right", {"turn": -1.5, "turn_most": 1.5}, {"turn": 1.5, "turn_most": 1.5}),
        ("a kick with the left leg", {"left_foot_high": 0.8}, {"right_foot_high": 0.8}),
        ("he hops on his right foot", {"left_foot_lifted": 0.9, "flights": 1}, {"right_foot_lifted": 0.9}),
        ("she throws with the right hand", {"right_hand_speed": 4.0}, {"left_hand_speed": 4.0}),
        ("he sits down", {"hips_end": 0.5, "hips_lowest": 0.5}, {"hips_start": 0.5, "hips_lowest": 0.5}),
        ("he stands up", {"hips_start": 0.5, "hips_lowest": 0.5}, {"hips_end": 0.5, "hips_lowest": 0.5}),
        ("walks up the stairs", {"rise": 0.6, "speed": 0.5, "ahead": 0.5}, {"rise": -0.6, "speed": 0.5, "ahead": 0.5}),
        ("someone waves", {"right_hand_high": 0.2, "right_hand_speed": 1.0}, {}),
    ],
)  # fmt: skip
def test_what_does_it_costs_less(sentence: str, does: dict, does_not: dict) -> None:
    assert cost(sentence, **does) < 0.02
    assert cost(sentence, **does_not) > 0.1


def test_who_is_not_asked_to_is_quiet() -> None:
    assert cost("a person waves", right_hand_high=0.3, right_hand_speed=1.0, hips_lowest=0.2) > 0.05
    assert cost("a person cartwheels", tilt_most=3.0, hips_lowest=0.4, speed=0.9, ahead=0.9) < 0.02


def test_a_goal_asks_the_same_of_the_mirror_image() -> None:
    clip = facts(turn=1.5, left=0.4, speed=0.5, left_foot_high=0.7, left_hand_speed=3.0, left_foot_lifted=0.5)
    for fact in SIDED:
        goal = Goal(fact, 0.1, 0.8, 1.0)
        assert goal.mirrored().cost(clip) == pytest.approx(goal.cost(clip.mirrored()))


def test_the_mirrored_sentence() -> None:
    assert mirrored_sentence("Left hand up, then turns RIGHT") == "right hand up, then turns left"
    assert mirrored_sentence("a person walks leftwards") == "a person walks rightwards"
    assert mirrored_sentence("what is left out is bright") == "what is right out is bright"  # a word, not its meaning


def test_only_the_half_that_is_asked_for() -> None:
    hips = np.concatenate([np.full(100, 0.95), np.linspace(0.95, 0.5, 20), np.full(60, 0.5), np.linspace(0.5, 0.95, 20),
                           np.full(50, 0.95)])  # fmt: skip
    assert posture_of(sentence_goals("a person sits down")) == "down"
    assert posture_of(sentence_goals("a person stands up from a chair")) == "up"
    assert posture_of(sentence_goals("a person sits down and stands up again")) is None
    assert posture_of(sentence_goals("a person walks")) is None
    first, end = posture_part("down", hips)
    assert 60 <= first <= 80 and 140 <= end <= 180 and hips[first] == 0.95 and hips[end - 1] == 0.5
    first, end = posture_part("up", hips)
    assert 130 <= first <= 179 and hips[first] == 0.5 and hips[end - 1] == 0.95
    assert posture_part("down", np.full(50, 0.9)) is None
