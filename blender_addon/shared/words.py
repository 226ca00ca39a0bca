# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of an English sentence in their base form, with what is negated left out. Whole words, never parts of them:
"hopeful" is no hop, a "runway" no run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

IRREGULAR = {
    "run": ("ran",), "creep": ("crept",), "stride": ("strode", "stridden"), "tiptoe": ("tip-toe",),
    "go": ("went", "gone"), "sit": ("sat",), "stand": ("stood",), "lie": ("lay", "lying"), "lay": ("laid",),
    "fall": ("fell", "fallen"), "get": ("got",), "rise": ("rose", "risen"), "kneel": ("knelt",), "leap": ("leapt",),
    "bend": ("bent",), "throw": ("threw", "thrown"), "catch": ("caught",), "hit": (), "fight": ("fought",),
    "swing": ("swung",), "swim": ("swam",), "spin": ("spun",), "sweep": ("swept",), "dig": ("dug",), "flee": ("fled",),
    "slink": ("slunk",), "take": ("took", "taken"), "make": ("made",), "drink": ("drank", "drunken"),
    "eat": ("ate", "eaten"), "shake": ("shook",), "hold": ("held",), "push-up": ("pushup",), "sit-up": ("situp",),
    "do": ("does", "did"), "weep": ("wept",), "bow": (), "see": ("saw",), "think": ("thought",), "write": ("wrote",),
    "hide": ("hid", "hiding"), "shoot": ("shot",), "slide": ("slid",), "ride": ("rode",), "speak": ("spoke",),
    "sleep": ("slept",), "foot": ("feet",), "knee": (), "man": ("men",), "woman": ("women",), "person": ("people",),
    "child": ("children",), "backward": ("backwards",), "forward": ("forwards",), "sideways": ("sideway", "sidewards"),
    "upward": ("upwards",), "downward": ("downwards",), "stairs": ("stair", "staircase"), "leftward": ("leftwards",),
    "rightward": ("rightwards",),
}  # fmt: skip
"""Base form -> forms that the rules of :func:`inflections` do not give."""

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|[,.;:!?]")
_BREAK = re.compile(r"[,.;:!?]$")
_NEGATIONS = frozenset(("not", "no", "never", "without", "cannot", "nor", "neither"))
_NEGATED_AFTER = {("instead", "of"), ("rather", "than")}
_ENDS_NEGATION = frozenset(("but", "and", "then", "just", "only", "instead", "while"))
NEGATED_WORDS = 3  # that a "not" reaches at most
_DOUBLED = re.compile(r"^(?:[^aeiou]|qu)*[aeiou][bdgklmnprt]$")  # run, hop, squat: one short vowel before the end


def words_of(sentence: str) -> list[str]:
    """All words in lower case and in turn, without those that are negated and without what negates them: of "she does
    not run but walks" remain "she does but walks".
    """
    words: list[str] = []
    negated = 0
    for word in _WORD.findall(sentence.lower().replace("’", "'")):
        if _BREAK.match(word) or word in _ENDS_NEGATION:
            negated = 0
        if _BREAK.match(word):
            continue
        if word in _NEGATIONS or word.endswith("n't") or (words and (words[-1], word) in _NEGATED_AFTER):
            negated = NEGATED_WORDS
        elif negated:
            negated -= 1
        else:
            words.append(word.removesuffix("'s"))
    return words


def gerund(base: str) -> str:
    """ "walk" -> "walking", "dance" -> "dancing", "run" -> "running"."""
    if base.endswith("e") and not base.endswith(("ee", "oe", "ye")):
        return base[:-1] + "ing"
    return (base + base[-1] if _doubles(base) else base) + "ing"


def inflections(base: str) -> set[str]:
    """The forms in which a verb or noun occurs: "hop" -> hop, hops, hopping, hopped."""
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        forms = {base + "es"}
    elif re.search(r"[^aeiou]y$", base):
        forms = {base[:-1] + "ies", base[:-1] + "ied"}
    else:
        forms = {base + "s"}
    past = base + "d" if base.endswith("e") else (base + base[-1] if _doubles(base) else base) + "ed"
    return {base, gerund(base), past, *forms, *IRREGULAR.get(base, ())}


def forms_of(bases: Iterable[str]) -> dict[str, str]:
    """Every form of ``bases`` -> its base; where two share a form, the first has it."""
    table: dict[str, str] = {base: base for base in bases}
    for base in list(table):
        for form in inflections(base):
            table.setdefault(form, base)
    return table


def _doubles(base: str) -> bool:
    return bool(_DOUBLED.match(base)) and not base.endswith(("w", "x", "y"))
