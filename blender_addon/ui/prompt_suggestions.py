# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts for the menu: sentences of which a model has seen enough. No bpy."""

from __future__ import annotations

from collections.abc import Mapping

Sentences = Mapping[str, tuple[str, ...]]

OWN_MODEL = "gaitway-small"

KNOWN_BY_OWN: Sentences = {
    "Along a path, at its speed": (
        "a person walks forward.",
        "a person walks forward slowly.",
        "a person runs forward.",
        "a person jogs forward.",
        "a person jumps forward.",
        "a person dribbles a basketball while moving forward.",
    ),
    "Without a path": (
        "a person walks forward and veers to the left.",
        "a person walks forward and veers to the right.",
        "a person walks forward and makes a sharp right turn.",
        "a person walks over uneven ground.",
        "a person is boxing.",
        "a person does karate lunge punches.",
        "a person swings a sword.",
        "a person jumps up and down and hops on one foot.",
        "a person hops forward several times with both feet, turns around and hops back.",
        "a person stands and drinks from a bottle.",
        "a person mops the floor.",
    ),
    "With pins on the hips": (
        "a person sits down on a high stool and stands up.",
        "a person sits down on a low stool and stands up.",
        "a person does karate side kicks.",
    ),
    "As an animal": (
        "a person imitates a bear.",
        "a person imitates a chicken.",
        "a person imitates a snake.",
    ),
}
"""Captions of the embedded model's training clips, in its own words, that it reproduces: the motion is closer to the
clip than to nearly all others that it has learned, and moves at least half as much (``tests/benchmarks/suggestions.py``
says how that is measured). What it does more weakly or differently is left out: dances, kicks, climbing and most
animals. The slow walk and the jog differ from their neighbours by the path's speed alone.
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
"""Common sentences of HumanML3D, the training data of the published models."""


def suggestions(model: str | None) -> Sentences:
    """Heading -> sentences that the model of this name knows; those of the embedded one while none is loaded."""
    return KNOWN_BY_OWN if model is None or model.startswith(OWN_MODEL) else KNOWN_BY_OTHERS
