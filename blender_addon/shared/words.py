# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of an English sentence in their base form, with what is negated left out. Whole words, never parts of them:
"hopeful" is no hop, a "runway" no run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

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
    "rightward": ("rightwards",), "have": ("has", "had"), "sneak": ("snuck",), "speed": ("sped",),
    "tread": ("trod", "trodden"),
}  # fmt: skip
"""Base form -> forms that the rules of :func:`inflections` do not give."""

_TOKEN = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|[,.;:!?]")
_BREAK = re.compile(r"[,.;:!?]$")
_DOUBLED = re.compile(r"^(?:[^aeiou]|qu)*[aeiou][bdgklmnprt]$")  # run, hop, squat: one short vowel before the end


def tokens_of(sentence: str) -> list[str]:
    """The words of a sentence in lower case, and its punctuation marks."""
    return _TOKEN.findall(sentence.lower().replace("’", "'"))


def is_break(token: str) -> bool:
    """Whether a token is a punctuation mark."""
    return bool(_BREAK.match(token))


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


_NOT = frozenset(("not", "never", "cannot", "nobody", "nor", "neither", "refuse", "unable", "avoid", "decline",
                  "dont", "doesnt", "didnt", "isnt", "arent", "wasnt", "cant", "wont", "couldnt"))  # fmt: skip
_NO = frozenset(("no", "without"))
"""What these negate is a noun or a gerund; what else is said of somebody may follow at once."""
_NOT_OF_TWO = {("instead", "of"), ("rather", "than"), ("opposed", "to"), ("no", "longer"), ("no", "one")}
_ENDS_NEGATION = frozenset(("but", "and", "then", "just", "only", "instead", "while", "as", "when", "because", "so",
                            "until", "after", "before", "if", "though", "although", "who", "which", "he", "she",
                            "they", "it", "i", "we", "you"))  # fmt: skip
_NEGATIVE = frozenset(("stop", "cease", "quit", "hesitate", "tire"))
"""Who never stops running, runs."""
_ARTICLES = frozenset(("a", "an", "the", "any", "his", "her", "its", "their", "my", "your"))
_BASES = forms_of(("refuse", "avoid", "decline", *sorted(_NEGATIVE)))
_PAST = frozenset(form for forms in IRREGULAR.values() for form in forms)
NEGATED_WORDS = 6  # that a "not" reaches at most
NEGATED_NOUN_WORDS = 3  # that a "without" does


def words_of(sentence: str) -> list[str]:
    """All words in lower case and in turn, without those that are negated and without what negates them: of "she does
    not run but walks" remain "she does but walks".
    """
    tokens = tokens_of(sentence)
    return [
        token.removesuffix("'s")
        for token, negated in zip(tokens, negations(tokens), strict=True)
        if not negated and not is_break(token)
    ]


def negations(tokens: Sequence[str]) -> list[bool]:
    """Which of the ``tokens`` of a sentence are negated, or negate: until something else is said."""
    negated: list[bool] = []
    reach, named = 0, False  # how many more words; whether the noun of a "without" has been named
    of_noun = False
    for place, token in enumerate(tokens):
        before, base = tokens[place - 1] if place else "", _BASES.get(token, token)
        if is_break(token) or token in _ENDS_NEGATION or (of_noun and named and _is_finite(token, before)):
            reach = 0
        by_not = base in _NOT or token.endswith("n't") or (before, token) in _NOT_OF_TWO or _is_too_much(tokens, place)
        if by_not or token in _NO:
            reach, named = NEGATED_WORDS if by_not else NEGATED_NOUN_WORDS, False
            of_noun = not by_not or token == "never"  # what she never does is named, too, before what she does
            negated.append(True)
            continue
        negated.append(reach > 0)
        named = named or token not in _ARTICLES
        reach = 0 if base in _NEGATIVE else max(reach - 1, 0)
    return negated


def _is_finite(token: str, before: str) -> bool:
    """Whether a word after a noun may be what that does: runs, walked, ran."""
    ending = token.endswith(("s", "ed")) and not token.endswith(("ss", "'s"))
    return before not in _ARTICLES and (ending or token in _PAST)


def _is_too_much(tokens: Sequence[str], place: int) -> bool:
    """Whether a word is the "to" of "too tired to run"."""
    following = {*tokens[place + 1 : place + 2]}
    return tokens[place] == "to" and "too" in tokens[max(place - 3, 0) : place] and not following & _ARTICLES
