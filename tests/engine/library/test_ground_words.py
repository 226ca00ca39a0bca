# SPDX-License-Identifier: GPL-3.0-or-later
"""Stairs that are given as ground are not looked for in captions; everything else of a sentence stays."""

import pytest

from engine.library.ground_words import without_ground


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("a person walks up the stairs", "a person walks"),
        ("She runs down a steep hill, waving.", "she runs , waving."),
        ("he climbs the staircase slowly", "he walks slowly"),
        ("someone limps upstairs", "someone limps"),
        ("an old man walks up and down stairs", "an old man walks"),
        ("a person walks over rough terrain", "a person walks"),
        ("he steps over a box", "he steps over a box"),
        ("a person climbs a ladder", "a person climbs a ladder"),
        ("A person falls to the ground", "A person falls to the ground"),
        ("up the stairs", "up the stairs"),
    ],
)
def test_the_ground_is_left_out_of_a_sentence(text: str, level: str) -> None:
    assert without_ground(text) == level
