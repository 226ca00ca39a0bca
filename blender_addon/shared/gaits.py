# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast people are when they do what a sentence says, and which way they face as they go: one table for drawn paths
and for clips that are looked up.

The first word that says how somebody moves counts, else it is a walk; words for the manner make it slower or faster.
Metres a second for an adult.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import pi

from .words import forms_of, words_of

WALKING_M_PER_S = 1.2

GOING_M_PER_S = {
    "sprint": 4.5, "gallop": 3.5, "bolt": 4.0, "dash": 3.8, "race": 3.8, "dart": 3.5, "flee": 3.5, "charge": 3.5,
    "chase": 3.2, "run": 3.0, "lope": 2.6, "jog": 2.3, "trot": 2.2, "rush": 2.0, "hurry": 1.9, "scurry": 1.8,
    "scamper": 1.8, "speed-walk": 1.9, "power-walk": 1.8, "skip": 1.5, "stride": 1.5, "hike": 1.3, "march": 1.2,
    "parade": 1.1, "strut": 1.1, "swagger": 1.1, "go": WALKING_M_PER_S, "walk": WALKING_M_PER_S, "step": 0.8,
    "pace": 1.1, "stomp": 1.1, "storm": 1.6, "carry": 1.0, "stroll": 0.9, "saunter": 0.9, "amble": 0.9, "wander": 0.9,
    "roam": 0.9, "dribble": 1.0, "trudge": 0.8, "plod": 0.8, "lumber": 0.8, "lurch": 0.8, "stagger": 0.7,
    "stumble": 0.7, "limp": 0.7, "hobble": 0.6, "waddle": 0.7, "toddle": 0.6, "wade": 0.6, "shuffle": 0.6,
    "shamble": 0.6, "moonwalk": 0.6, "sidestep": 0.6, "strafe": 0.8, "tiptoe": 0.6, "push": 0.6, "pull": 0.5,
    "drag": 0.5, "sneak": 0.5, "prowl": 0.5, "stalk": 0.5, "slink": 0.5, "crouch": 0.5, "creep": 0.4, "crawl": 0.4,
}  # fmt: skip
"""Verb -> speed of those who get somewhere by it: the mean over the clips of the CMU data base with that word in their
descriptions, rounded; for words that do not occur there an estimate.
"""

STAYING_M_PER_S = {
    "hop": 0.5, "jump": 0.5, "leap": 0.8, "dance": 0.5, "salsa": 0.5, "ballet": 0.4, "box": 0.4, "punch": 0.4,
    "kick": 0.5, "karate": 0.4, "fight": 0.4, "climb": 0.25, "mop": 0.3, "sweep": 0.3, "vacuum": 0.3,
    "cartwheel": 0.9,
}  # fmt: skip
"""The same of verbs that happen about one place, or once."""

MANNERS = {
    "slow": 0.75, "slowly": 0.75, "leisurely": 0.8, "lazily": 0.75, "snail": 0.5, "casually": 0.9, "gently": 0.8,
    "carefully": 0.7, "cautiously": 0.6, "quietly": 0.6, "silently": 0.6, "stealthily": 0.5, "stealthy": 0.5,
    "stealth": 0.5, "tired": 0.7, "tiredly": 0.7, "exhausted": 0.65, "weary": 0.7, "wearily": 0.7, "old": 0.6,
    "elderly": 0.6, "injured": 0.6, "wounded": 0.6, "hurt": 0.6, "drunk": 0.7, "drunken": 0.7, "drunkenly": 0.7,
    "zombie": 0.6, "sad": 0.75, "sadly": 0.75, "depressed": 0.7, "crouched": 0.6, "crouching": 0.6, "backward": 0.7,
    "backwards": 0.7, "sideways": 0.5, "tiptoes": 0.5, "tiptoe": 0.5, "limp": 0.6, "limping": 0.6, "uneven": 0.75,
    "stairs": 0.5, "upstairs": 0.5, "downstairs": 0.5, "fast": 1.3, "quick": 1.3, "quickly": 1.3, "brisk": 1.3,
    "briskly": 1.3, "rapid": 1.3, "rapidly": 1.3, "swiftly": 1.3, "hurriedly": 1.4, "speedily": 1.3, "angrily": 1.15,
    "angry": 1.15,
}  # fmt: skip
"""Word for the manner -> what the speed is multiplied with."""

SLOWEST_MANNER, FASTEST_MANNER = 0.4, 1.5

_VERBS = forms_of([*GOING_M_PER_S, *STAYING_M_PER_S])
_SPEEDS = STAYING_M_PER_S | GOING_M_PER_S
_NOT_UPRIGHT = frozenset(
    ("crawl", "cartwheel", "roll", "somersault", "flip", "backflip", "handstand", "handspring", "lie")
)
_WHIRLS = frozenset(("spin", "whirl", "twirl", "pirouette"))
_LEANING = frozenset(("lean", "bend", "look", "tilt", "arch", "fall", "glance"))
_FACING_WORDS = forms_of(
    [
        *_SPEEDS,
        *sorted(_NOT_UPRIGHT | _WHIRLS | _LEANING),
        *("backward", "sideways", "forward", "turn", "retreat", "strafe", "sidestep"),
    ]
)


def usual_speed(prompts: Iterable[str]) -> float:
    """Metres a second at which a person does what the prompts say; walking where they do not tell."""
    words = [word for prompt in prompts for word in words_of(prompt)]
    verb = next((place for place, word in enumerate(words) if word in _VERBS), None)
    speed = WALKING_M_PER_S if verb is None else _SPEEDS[_VERBS[words[verb]]]
    return speed * manner_factor(word for place, word in enumerate(words) if place != verb)


def facing_offset(prompt: str) -> float | None:
    """Radians about +Y, positive to the left, from where somebody goes to where they face, as ``prompt`` says: 0 ahead,
    pi backward, a quarter sideways. None where it does not tell: for dancing, fighting, turning, and what is not done
    upright.
    """
    words = [_FACING_WORDS.get(word, word) for word in words_of(prompt)]
    verb = next((word for word in words if word in _SPEEDS), "walk")
    goes = verb in GOING_M_PER_S or bool({"forward", "backward", "sideways"} & set(words))
    if not goes or set(words) & _NOT_UPRIGHT or _turns(words):
        return None
    backward = {"moonwalk", "retreat"} & set(words) or any(
        word == "backward" and words[place - 1] not in _LEANING for place, word in enumerate(words)
    )
    sideways = {"sideways", "sidestep", "side-step", "strafe"} & set(words) or "to the side" in " ".join(words)
    if sum(map(bool, (backward, sideways, "forward" in words))) > 1:
        return None
    if sideways:
        return pi / 2 if "right" in words else -pi / 2
    return pi if backward else 0.0


def _turns(words: list[str]) -> bool:
    """Whether somebody turns about on the way."""
    pairs = set(pairwise(words))
    return bool(_WHIRLS & set(words) or {("turn", "around"), ("turn", "back"), ("turn", "round")} & pairs)


def manner_factor(words: Iterable[str]) -> float:
    """What ``words`` for the manner multiply a speed with; 1 where there are none. Of several slow ones the slowest
    counts, and so of fast ones.
    """
    factors = {MANNERS[word] for word in words if word in MANNERS}
    factor = min({1.0, *factors}) * max({1.0, *factors})
    return min(max(factor, SLOWEST_MANNER), FASTEST_MANNER)
