# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts for the menu: what a model has seen enough of to make it again. No bpy."""

from __future__ import annotations

from collections.abc import Mapping

Sentences = Mapping[str, tuple[str, ...]]

OWN_MODEL = "gaitway-small"

KNOWN_BY_OWN: Sentences = {
    "Along a path; its speed counts": (
        "a person walks forward.",
        "a person walks forward slowly.",
        "a person walks over uneven ground.",
        "a person runs forward.",
        "a person jogs forward.",
    ),
    "Without a path": (
        "a person dances salsa.",
        "a person is boxing.",
        "a person performs a karate kata.",
        "a person swings a sword.",
        "a person performs an indian dance.",
        "a person sits down on a high stool and stands up.",
        "a person washes windows with his hand.",
        "a person mops the floor.",
        "a person makes basketball referee signals with his arms.",
        "a person laughs, moving his body.",
    ),
    "As an animal": (
        "a person imitates a dinosaur.",
        "a person imitates a dog.",
        "a person imitates a bear.",
        "a person imitates a monkey.",
        "a person imitates a chicken.",
    ),
}
"""Captions of the embedded model's training clips, in its own words. Left out is what it makes unlike them from the
sentence alone: speed, swing of hands and feet, height of hips, head and hands off by more than 0.6 of their spread over
all clips, as for climbing, ballet, kicks and jumps. It runs where a path goes at a runner's speed, not from the word.
"""

KNOWN_BY_OTHERS: Sentences = {
    "Along a path": (
        "a person walks forward.",
        "a person walks slowly forward.",
        "a person walks backward.",
        "a person sneaks forward.",
        "a person runs forward.",
        "a person skips forward.",
        "a person walks like a zombie.",
    ),
    "On the spot": (
        "a person waves with the right hand.",
        "a person jumps up and down.",
        "a person kicks with the right leg.",
        "a person sits down on a chair.",
        "a person throws a ball.",
        "a person does jumping jacks.",
        "a person dances.",
    ),
}
"""Common sentences of HumanML3D, from which the published models have learned."""


def suggestions(model: str | None) -> Sentences:
    """Heading -> sentences that the model of this name knows; the embedded one's while none is loaded."""
    return KNOWN_BY_OWN if model is None or model.startswith(OWN_MODEL) else KNOWN_BY_OTHERS
