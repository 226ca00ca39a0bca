# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of a sentence that look like a way of going and mean something else: a walking stick, the run of the stairs, a
dash of salt, an old house by the way.

No grammar of English, only the words around each: what stands before its article, what follows it. Nothing but whole
words is looked at; ``tokens`` are lower case, punctuation marks stand for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from .gait_table import GOING_M_PER_S, SPEEDS, STAYING
from .sense_words import (
    ADJECTIVES,
    BE,
    CONJUNCTIONS,
    DETERMINERS,
    HIGH_SPEED,
    LEADING_IN,
    LIGHT,
    MANNER_OF_NOUN,
    NEEDED_PARTICLES,
    NOUNS_OF_GOING,
    NUMBERS,
    OF_THE_BODY,
    OTHER_OBJECTS,
    OTHER_PARTICLES,
    PERSONS_ADJECTIVES,
    PLAIN_NOUNS,
    PREPOSITIONS,
    SELF_MOVING,
    STAIRS_BEFORE,
    TEMPO_NOUNS,
    THINGS,
    TRANSITIVE,
    VEHICLES,
)
from .words import forms_of, is_break

_FORMS = forms_of(SPEEDS)


def senses(tokens: Sequence[str]) -> list[str]:
    """``tokens`` as they are meant: an empty string for a word of the table that means something else here, a word for
    the manner for a noun that is one ("in a hurry": hurriedly).
    """
    return [_sense(tokens, place) for place in range(len(tokens))]


def _sense(tokens: Sequence[str], place: int) -> str:
    word = tokens[place]
    if word in PERSONS_ADJECTIVES and _tells_of_another(tokens, place):
        return ""
    if word in ("slow", "fast", "quick") and {*tokens[place + 1 : place + 2]} & (VEHICLES | {"asleep"}):
        return ""
    if word == "limp" and _hangs_limp(tokens, place):
        return ""
    if word == "speed":
        return _speed(tokens, place)
    if word == "hurried" and _FORMS.get("".join(tokens[place + 1 : place + 2])) in NOUNS_OF_GOING:
        return "hurriedly"
    base = _FORMS.get(word)
    if base is None:
        return word
    if _is_noun(tokens, place, base):
        return _noun(tokens, place, base)
    return "" if _other_verb(tokens, place, base) else word


# ---- nouns


def _phrase(tokens: Sequence[str], place: int) -> tuple[str, str]:
    """The article before the word at ``place`` and its adjectives, empty without one, and the word before all that: a
    full stop at the beginning of a sentence.
    """
    before = place - 1
    while before >= 0 and tokens[before] in ADJECTIVES:
        before -= 1
    determiner = ""
    if before >= 0 and (tokens[before] in DETERMINERS | NUMBERS or tokens[before].endswith("'s")):
        determiner = tokens[before]
        before -= 1
    return determiner, tokens[before] if before >= 0 else "."


def _is_noun(tokens: Sequence[str], place: int, base: str) -> bool:
    word = tokens[place]
    if word.endswith(("ing", "ed")) and word != base:
        return False
    determiner, governor = _phrase(tokens, place)
    if determiner:
        return not (determiner in ("one", "her", "no") and word != base) and determiner != "no"
    if base == "box":
        return (
            word != "boxing" and place > 0 and tokens[place - 1].endswith(("s", "ing", "ed", "heavy", "big", "small"))
        )
    described = place > 0 and tokens[place - 1] in ADJECTIVES
    if described and (is_break(governor) or governor in PREPOSITIONS or governor in LIGHT):
        return True
    if place and tokens[place - 1] in STAIRS_BEFORE and base == "step":
        return tokens[place - 1] not in ("up", "down") or (place > 1 and tokens[place - 2] in _FORMS)
    return word == base and place > 0 and tokens[place - 1] in LEADING_IN - {"to"}


def _noun(tokens: Sequence[str], place: int, base: str) -> str:
    """What a noun says of how somebody goes."""
    determiner, governor = _phrase(tokens, place)
    after = tokens[place + 1] if place + 1 < len(tokens) else "."
    if base == "step" and (governor in STAIRS_BEFORE or tokens[place - 1] in STAIRS_BEFORE):
        return "stairs"
    if base not in NOUNS_OF_GOING or after in THINGS or (after == "of" and base not in PLAIN_NOUNS):
        return ""
    begins = is_break(governor) or governor in CONJUNCTIONS
    light = governor in LIGHT
    if base in MANNER_OF_NOUN and governor in ("in", "with"):
        return MANNER_OF_NOUN[base]
    if base in TEMPO_NOUNS and not (base == "step" and light):
        return ""
    if determiner == "the" and not (begins or light):
        return ""
    tells = begins or light or governor in LEADING_IN or governor in BE or base in STAYING
    return tokens[place] if tells else ""


def _speed(tokens: Sequence[str], place: int) -> str:
    """ "Speed" at full speed, and of who speed walks; else it says nothing."""
    before, after = tokens[place - 1] if place else ".", "".join(tokens[place + 1 : place + 2])
    hurried = before in HIGH_SPEED or _FORMS.get(after) == "walk"
    return "hurriedly" if hurried else ""


# ---- verbs


def _other_verb(tokens: Sequence[str], place: int, base: str) -> bool:
    """Whether a verb says something else than how somebody goes."""
    word, following = tokens[place], tokens[place + 1 : place + 5]
    before = tokens[place - 1] if place else "."
    after = following[0] if following else "."
    attribute = before in DETERMINERS | ADJECTIVES | PREPOSITIONS or is_break(before)
    if after in THINGS and (word == base or word.endswith("ing")) and (attribute or base not in TRANSITIVE):
        return attribute or word.endswith("ing")
    if word == "dashing" and attribute and (after in ADJECTIVES or after in ("man", "young", "hero", "prince")):
        return True
    if base in NEEDED_PARTICLES and after not in NEEDED_PARTICLES[base]:
        return True
    if after in OTHER_PARTICLES.get(base, ()):
        return True
    if base == "run" and list(following[:2]) == ["out", "of"] and not {*following[2:3]} & DETERMINERS:
        return True
    return bool(_object(following) & OTHER_OBJECTS.get(base, frozenset())) or _moves_by_itself(tokens, place)


def _object(following: Sequence[str]) -> set[str]:
    """What a verb is done to: the words after its article; the first word without one."""
    words = [word for word in following if word not in DETERMINERS | ADJECTIVES]
    led = words[1:2] if words and words[0] == "on" else []
    return {*words[:1], *led}


def _moves_by_itself(tokens: Sequence[str], place: int) -> bool:
    """Whether what goes is a nose, a heart, water: the subject, not what stands after a preposition."""
    at = place - 1
    while at >= 0 and (tokens[at] in BE or tokens[at].endswith("ly")):
        at -= 1
    if at < 0 or tokens[at] not in SELF_MOVING:
        return False
    _, governor = _phrase(tokens, at)
    return governor not in PREPOSITIONS


def _hangs_limp(tokens: Sequence[str], place: int) -> bool:
    """Whether "limp" is how an arm hangs."""
    hanging = {"hang", "hangs", "hanging", "hung", "goes", "go", "fall", "falls", "lie", "lies", "feel", "feels"}
    if {*tokens[max(place - 1, 0) : place]} & hanging:
        return True
    determiner, _ = _phrase(tokens, place)
    body = {"body", "arm", "arms", "hand", "hands", "wrist", "wrists", "leg", "legs"}
    return bool(determiner) and bool({*tokens[place + 1 : place + 2]} & body)


# ---- who else


def _tells_of_another(tokens: Sequence[str], place: int) -> bool:
    """Whether an adjective or a noun tells of somebody or something that is passed, met or carried: it stands after a
    verb of going and its preposition, and is no part of the body of who goes.
    """
    end = place
    while end < len(tokens) and (tokens[end] in ADJECTIVES or tokens[end] in PERSONS_ADJECTIVES):
        end += 1
    if end < len(tokens) and tokens[end] in OF_THE_BODY:
        return False
    determiner, governor = _phrase(tokens, place)
    if tokens[place] == "stairs":
        return governor in PREPOSITIONS - {"up", "down", "on", "in", "with", "over", "off", "for", "of"}
    if is_break(governor) or governor in CONJUNCTIONS | BE | {"of", "like", "as"}:
        return False
    goes_before = any(token in _FORMS for token in tokens[:place])
    return goes_before and (bool(determiner) or governor in PREPOSITIONS) and governor not in GOING_M_PER_S
