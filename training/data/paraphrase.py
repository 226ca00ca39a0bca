# SPDX-License-Identifier: GPL-3.0-or-later
"""Other ways to say a caption, by rule: another subject, the progressive, the gerund, the imperative.

Captions of motion data are few and alike ("a person walks forward"), and a sentence encoder puts "walking forward" or
"the character is walking forward" somewhere else. A model that has met both minds the difference less.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from blender_addon.shared.words import gerund

SUBJECTS = ("a person", "someone", "a man", "a woman", "the character", "a figure", "he", "she")
_SUBJECT = re.compile(
    r"^((?:(?:a|the|this) )?(?:\w+ )?(?:person|man|woman|figure|human|character)|someone|he|she)\s+(\w+)(.*)$",
    re.IGNORECASE,
)
_SECOND = re.compile(r"((?:, | and |, and |, then | then | and then ))(\w+s)\b")
_IRREGULAR = {"does": "do", "goes": "go", "has": "have"}
_SIBILANT = ("ches", "shes", "sses", "xes", "zzes")
_NOT_VERBS = {"arms", "hands", "legs", "knees", "steps", "circles", "feet", "is", "his", "its", "backwards", "forwards",
              "sideways", "kicks", "squats", "shoulders", "toes", "hips", "elbows", "punches", "this"}  # fmt: skip


@functools.cache
def paraphrases(caption: str) -> tuple[str, ...]:
    """``caption`` first, then other ways to say it; nothing is added where its grammar is not understood."""
    match = _SUBJECT.match(caption.strip())
    if match is None or not match[2].endswith("s"):
        return (caption,)
    subject, verb, rest = match.groups()
    others = [caption, *(f"{other} {verb}{rest}" for other in SUBJECTS if other != subject.lower())]
    if verb == "is":
        return (*others, rest.strip()) if rest.strip().split(" ")[0].endswith("ing") else tuple(others)
    base = base_form(verb)
    ongoing = gerund(base) + _SECOND.sub(lambda found: found[1] + _again(found[2], gerund), rest)
    return (
        *others,
        f"{subject} is {ongoing}",
        f"the character is {ongoing}",
        ongoing,
        base + _SECOND.sub(lambda found: found[1] + _again(found[2], lambda word: word), rest),
    )


def _again(word: str, form: Callable[[str], str]) -> str:
    return word if word in _NOT_VERBS else form(base_form(word))


def base_form(verb: str) -> str:
    """ "walks" -> "walk", "dances" -> "dance", "punches" -> "punch", "carries" -> "carry"."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    return verb[:-2] if verb.endswith(_SIBILANT) else verb.removesuffix("s")
