# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast people are when they do what a sentence says, and which way they face as they go: the same for drawn paths
and for clips that are looked up, by the table of ways of going (``gait_table.py``).

Of several ways of going in a sentence the first counts: one that gets somewhere before one that happens about one
place, and before what is done beside it (carrying, pushing, a step). Words for the manner make it slower or faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import pi

from .gait_table import (
    DEGREES,
    FACTORS,
    FASTEST_MANNER,
    GOING_M_PER_S,
    MANNER_PHRASES,
    SLOWEST_MANNER,
    SPEEDS,
    STAYING,
    WALKING_M_PER_S,
)
from .senses import senses
from .words import forms_of, is_break, negations, tokens_of

_VERBS = forms_of(SPEEDS)
_PLAIN = frozenset(("go", "step", "carry", "push", "pull", "drag", "dribble"))
"""What is done beside a way of going, or says that one is coming: they count where no other does."""
_SLOWS = frozenset(("push", "pull", "drag"))
"""Of them those that no walk is faster than."""
_SAYS_MORE = frozenset(("walk", "go"))
"""Ways of going that a participle after them makes another one: walks along, limping."""
_STAIRS = frozenset(("stairs", "upstairs", "downstairs"))
_PHRASES = {tuple(phrase.split()): manner for phrase, manner in MANNER_PHRASES.items()}
_PHRASE_FORMS = forms_of(["take", "walk"])
_POSSESSIVES = frozenset(("his", "her", "its", "their", "a", "the"))
_SEGMENTS = frozenset(("and", "then", "but", "before", "after", "while"))
_NOT_UPRIGHT = frozenset(
    ("crawl", "cartwheel", "roll", "somersault", "flip", "backflip", "handstand", "handspring", "lie")
)
_WHIRLS = frozenset(("spin", "whirl", "twirl", "pirouette"))
_LEANING = frozenset(("lean", "bend", "look", "tilt", "arch", "fall", "glance"))
_FACING_WORDS = forms_of(
    [
        *STAYING,
        *GOING_M_PER_S,
        *sorted(_NOT_UPRIGHT | _WHIRLS | _LEANING),
        *("backward", "sideways", "forward", "turn", "retreat", "strafe", "sidestep"),
    ]
)


def usual_speed(prompts: Iterable[str]) -> float:
    """Metres a second at which a person does what the first of the prompts says that tells a way of going; walking
    where none does.
    """
    told = [_speed(prompt) for prompt in prompts]
    return next((speed for speed, tells in told if tells), next((speed for speed, _ in told), WALKING_M_PER_S))


def meant_words(sentence: str) -> list[str]:
    """The words of ``sentence`` as :func:`.words.words_of` gives them, without those of ways of going that mean
    something else in it.
    """
    return [word for word in _meant(sentence) if not is_break(word)]


def _meant(sentence: str) -> list[str]:
    """The words of ``sentence`` that say what is done, and its punctuation marks."""
    tokens = tokens_of(sentence)
    meant = zip(senses(tokens), negations(tokens), strict=True)
    return [word.removesuffix("'s") for word, negated in meant if word and (not negated or is_break(word))]


def _speed(sentence: str) -> tuple[float, bool]:
    """Metres a second of one sentence, and whether it tells a way of going."""
    words = _meant(sentence)
    verbs = [(place, _VERBS[word]) for place, word in enumerate(words) if word in _VERBS]
    place, verb = _chosen(words, verbs)
    first, end = _stretch_of(words, place, [other for other, base in verbs if base in GOING_M_PER_S])
    speed = SPEEDS.get(verb, WALKING_M_PER_S)
    if verb == "climb" and _STAIRS & set(words):
        speed = WALKING_M_PER_S
    if speed <= WALKING_M_PER_S:
        speed = min([speed, *(SPEEDS[base] for _, base in verbs if base in _SLOWS)])
    return speed * manner_factor(words[first:end], place - first), bool(verb)


def _chosen(words: Sequence[str], verbs: Sequence[tuple[int, str]]) -> tuple[int, str]:
    """Where the verb stands whose speed counts, and its base form; -1 and nothing where there is none."""
    ways = [each for each in verbs if (each[1] not in STAYING and each[1] not in _PLAIN) or each[1] == "hop"]
    if ways and ways[0][1] in _SAYS_MORE:
        place, verb = ways[0]
        said = (each for each in ways[1:] if _goes_on(words, place, each[0]))
        return next(said, (place, verb))
    for group in (ways, [each for each in verbs if each[1] in _PLAIN and each[1] != "go"], verbs):
        if group:
            return group[0]
    return -1, ""


def _goes_on(words: Sequence[str], place: int, other: int) -> bool:
    """Whether the verb at ``other`` is a participle that says how the walk at ``place`` is done."""
    between = words[place + 1 : other]
    apart = _SEGMENTS - {"while"} | {"a", "an", "the", "from", "behind", "past", "to"}
    return words[other].endswith("ing") and not apart & set(between)


def _stretch_of(words: Sequence[str], place: int, others: Sequence[int]) -> tuple[int, int]:
    """From where to where words for the manner belong to the verb at ``place``: up to another verb of going that is
    told apart from it by "and", "then" or a comma, and from the end of such a one before it.
    """
    parts = [at for at, word in enumerate(words) if is_break(word) or word in _SEGMENTS]
    first, end = 0, len(words)
    for other in others:
        if other < place and any(other < at < place for at in parts):
            first = max(first, max(at for at in parts if at < place))
        if other > place and any(place < at < other for at in parts):
            end = min(end, max(at for at in parts if at < other))
    return first, end


def facing_offset(prompt: str) -> float | None:
    """Radians about +Y, positive to the left, from where somebody goes to where they face, as ``prompt`` says: 0 ahead,
    pi backward, a quarter sideways. None where it does not tell: for dancing, fighting, turning, and what is not done
    upright.
    """
    words = [_FACING_WORDS.get(word, word) for word in meant_words(prompt)]
    verb = next((word for word in words if word in SPEEDS), "walk")
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


def manner_factor(words: Sequence[str], verb: int = -1) -> float:
    """What ``words`` for the manner, but for the one at the place of the ``verb``, multiply a speed with; 1 where there
    are none. Of several slow ones the slowest counts, and so of fast ones.
    """
    factors = {
        FACTORS[word] ** DEGREES.get(words[place - 1] if place else "", 1.0)
        for place, word in enumerate(words)
        if word in FACTORS and place != verb
    }
    factors |= {FACTORS[_PHRASES[pair]] for pair in _pairs(words) if pair in _PHRASES}
    factor = min({1.0, *factors}) * max({1.0, *factors})
    return min(max(factor, SLOWEST_MANNER), FASTEST_MANNER)


def _pairs(words: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Two words in a row, in their base form, but for a "his" between them."""
    return pairwise(_PHRASE_FORMS.get(word, word) for word in words if word not in _POSSESSIVES)
