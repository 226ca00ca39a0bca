# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bone's name says in words: the side of the body, the part, and whether it is no part of a body at all.

Names are read as words, never as letters: "RightFoot", "foot.R", "R_foot", "rFoot" and "右足首" say right, "Root" and
"collar" do not. Words of one name that belong together are read as one ("Upper Leg").
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from .vocabulary import ASIDE, LEFT, NATIVE, PARTS, RIGHT, Roles

TOKENS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
ABBREVIATED = re.compile(r"(?<![a-zA-Z])([LR])([UFL])(Arm|Leg)(?![a-z])")  # LUArm, the left upper arm
VERTEBRA = re.compile(r"[LTlt]\d{1,2}")  # of the loins or the chest, as capture systems name them
LONGEST_COMPOUND = 3  # words
SURE = 2.0
"""What a word weighs that stands for one part alone."""


@dataclass(frozen=True)
class Words:
    """What a name says. ``side``: "left", "right" or empty. ``roles``: role -> how surely it is said, of
    :data:`.vocabulary.PARTS`. ``aside``: it is an IK target, a twist bone, hair, cloth, a face ... ``key``: all its
    words but the side, by which the bone on the other side is known."""

    side: str = ""
    roles: tuple[tuple[str, float], ...] = ()
    aside: bool = False
    key: str = ""

    def says(self, *roles: str) -> float:
        """How surely the name says one of ``roles``, 0 for not at all."""
        return max((weight for role, weight in self.roles if role in roles), default=0.0)


@lru_cache(maxsize=8192)
def read_name(name: str) -> Words:
    """The words of a bone's ``name``; its namespace ("mixamorig:") says nothing."""
    plain = _plain(name.rsplit(":", 1)[-1])
    if VERTEBRA.fullmatch(plain):
        return Words("", (("spine", 2.0),), False, plain)
    plain = ABBREVIATED.sub(lambda found: f"{found[1]} {(found[2] + found[3]).lower()}", plain)
    tokens = [part for token in TOKENS.findall(plain) for part in _native(token) or _with_side(token.lower())]
    side, rest = "", []
    for token in tokens:
        if token in LEFT or token in RIGHT:
            side = "left" if token in LEFT else "right"
        else:
            rest.append(token)
    roles, aside = _meaning([token for token in rest if not token.isdigit()])
    return Words(side, tuple(roles.items()), aside, " ".join(rest))


def _plain(name: str) -> str:
    """``name`` without accents, in the common forms of its characters; other scripts than Latin as they are."""
    letters = unicodedata.normalize("NFKC", name).replace("ß", "ss")
    return "".join(
        unicodedata.normalize("NFKD", letter)[0] if "\u00c0" <= letter <= "\u024f" else letter for letter in letters
    )


def _native(token: str) -> list[str]:
    """The words of a name that is written without spaces: the side first, then the longest words that are known."""
    if token.isascii():
        return []
    found: list[str] = []
    rest = token.lower()
    while rest:
        word = next((word for word in NATIVE if rest.startswith(word)), rest[0])
        found.append(word)
        rest = rest[len(word) :]
    return found


def _with_side(token: str) -> list[str]:
    """``token`` in two where a side is written onto a known word: "lthigh", "leftarm", "footr"."""
    if token in PARTS or token in ASIDE or token in LEFT or token in RIGHT:
        return [token]
    for side in ("left", "right", "l", "r"):
        if token.startswith(side) and token[len(side) :] in PARTS:
            return [side, token[len(side) :]]
        if token.endswith(side) and token[: -len(side)] in PARTS:
            return [token[: -len(side)], side]
    return [token]


def _meaning(tokens: list[str]) -> tuple[Roles, bool]:
    """The roles that the words say, the longest compounds first, and whether one of them is of no body."""
    roles: Roles = {}
    aside, at = False, 0
    while at < len(tokens):
        for count in range(min(LONGEST_COMPOUND, len(tokens) - at), 0, -1):
            word = "".join(tokens[at : at + count])
            if word in PARTS or word in ASIDE:
                break
        else:
            word, count = "", 1
        aside |= word in ASIDE
        for role, weight in PARTS.get(word, {}).items():
            roles[role] = max(weight, roles.get(role, 0.0))
        at += count
    for part, of in (("finger", "hand"), ("toe", "foot")):
        if roles.get(part, 0.0) >= SURE:
            roles.pop(of, None)  # "HandThumb" is a thumb
    return roles, aside
