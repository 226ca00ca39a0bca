# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts for the menu: sentences that are in the library of captured motion, or of which a model has seen enough. No
bpy.
"""

from __future__ import annotations

from collections.abc import Mapping

Sentences = Mapping[str, tuple[str, ...]]

OWN_MODEL = "gaitway-small"

KNOWN_BY_LIBRARY: Sentences = {
    "Going, along a path": (
        "a person walks forward.",
        "a person walks slowly.",
        "a person walks briskly.",
        "a person jogs.",
        "a person runs forward.",
        "a person walks backward.",
        "a person walks sideways.",
        "a person walks on tiptoe.",
        "a person walks crouched.",
        "a person crawls on hands and knees.",
        "a person dribbles a basketball.",
    ),
    "Styles, along a path": (
        "a person sneaks.",
        "a person marches.",
        "a person limps.",
        "a person walks drunk.",
        "a person walks like an old man, bent and slow.",
        "a person walks sadly with a hanging head.",
        "a person walks angrily.",
        "a person walks with a bouncy step.",
        "a person walks in a cool, swaggering way.",
        "a person walks like a zombie.",
        "a person walks like a mummy with outstretched arms.",
        "a person walks swinging the arms wildly.",
    ),
    "Jumps": (
        "a person jumps up.",
        "a person jumps forward.",
        "a person jumps up and down and hops on one foot.",
        "a person jumps and turns in the air.",
        "a person jumps and clicks the heels.",
        "a person hops on the left foot.",
        "a person hops on the right foot.",
        "a person does a handspring.",
        "a person does a backflip.",
    ),
    "Fights and sports": (
        "a person is boxing.",
        "a person punches with the right hand.",
        "a person kicks with the left leg.",
        "a person kicks with the right leg.",
        "a person performs a karate kata.",
        "a person blocks with the arms in martial arts.",
        "a person swings a sword.",
        "a person ducks.",
        "a person kicks a soccer ball.",
        "a person throws a ball.",
        "a person swings a golf club.",
        "a person swings a baseball bat.",
    ),
    "Gestures": (
        "a person waves with the right hand.",
        "a person waves with the left hand.",
        "a person talks and explains with hand gestures.",
        "a person quarrels with angry hand gestures.",
        "a person directs traffic, waving and pointing.",
        "a person bows.",
        "a person shakes hands.",
        "a person drinks from a bottle.",
        "a person talks on the phone.",
        "a person stretches and yawns.",
        "a person is cold and shivers.",
        "a person laughs.",
    ),
    "Dances": (
        "a person dances.",
        "a person dances salsa.",
        "a person dances the charleston.",
        "a person dances ballet with turns and pirouettes.",
    ),
    "Sitting, lying, getting up": (
        "a person stands and looks around.",
        "a person sits down on a chair.",
        "a person sits down on a chair and gets up.",
        "a person gets up from a chair.",
        "a person sits on a low stool with the chin in the hand.",
        "a person lies down.",
        "a person gets up from the floor.",
        "a person kneels.",
        "a person squats.",
    ),
    "Work": (
        "a person picks something up.",
        "a person picks up a box.",
        "a person pushes a heavy object.",
        "a person sweeps the floor with a broom.",
        "a person washes windows.",
        "a person paints a wall.",
        "a person digs with a shovel.",
        "a person rakes leaves.",
        "a person hammers a nail.",
        "a person slices food with a knife.",
        "a person plays the piano.",
    ),
    "Falls": (
        "a person falls to the ground.",
        "a person is hit, falls backward and lies dead.",
        "a person slips as on a banana peel and falls backward.",
        "a person stumbles while walking.",
        "a person collapses backward onto the ground.",
    ),
}
"""What there is captured motion of: each is near a caption of the library, and the motion that is made of it does what
the words ask (``tests/benchmarks/library_suggestions.py`` measures it).
"""

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
"""For its network alone: captions of the embedded model's training clips, in its own words, that it reproduces: the
motion is closer to the clip than to nearly all others that it has learned, and moves at least half as much
(``tests/benchmarks/suggestions.py`` says how that is measured). What it does more weakly or differently is left out:
dances, kicks, climbing and most animals. The slow walk and the jog differ from their neighbours by the path's speed
alone.
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
        "a person jumps up and down and hops on one foot.",
        "a person kicks with the right leg.",
        "a person sits down on a chair.",
        "a person throws a ball.",
        "a person does jumping jacks.",
        "a person dances.",
    ),
}
"""Common sentences of HumanML3D, the training data of the published models."""


def suggestions(model: str | None, closeness: float = 1.0) -> Sentences:
    """Heading -> sentences that the engine with the model of this name knows, at this closeness to captured motion;
    what the embedded one knows while none is loaded.
    """
    if model is not None and not model.startswith(OWN_MODEL):
        return KNOWN_BY_OTHERS
    return KNOWN_BY_LIBRARY if closeness > 0 else KNOWN_BY_OWN
