# SPDX-License-Identifier: GPL-3.0-or-later
"""A sentence without the stairs and hills that a request gives as its ground: "walks up the stairs" is a walk there.

Hardly a clip of the library is on stairs, and none on these; a walk on the level is brought onto any.
"""

from __future__ import annotations

import re

_PLACES = (
    r"(?:stairs?|staircases?|stairways?|steps|ramps?|slopes?|hills?|hillsides?|mountains?|inclines?|bumps?|terrain)"
)
_ON = r"(?:(?:up|down|on|onto|over|across|along|off|from|through)\s+)*(?:and\s+(?:up|down)\s+)?"
_OF_THE_PLACE = re.compile(rf"\b{_ON}(?:(?:the|a|an|some|steep|rough|uneven|rocky|flight|of)\s+)+{_PLACES}\b")
_UP_OR_DOWN = re.compile(rf"\b(?:up|down)\s+(?:and\s+(?:up|down)\s+)?{_PLACES}\b|\b(?:up|down)(?:stairs|hill)\b")
_CLIMBS = re.compile(r"\b(?:climb|ascend|descend)(s|ing|ed)?\b(?:\s+(?:up|down))?")
_LEFT_WORDS = 2  # with which it is a sentence


def without_ground(text: str) -> str:
    """``text`` as somebody would say it on the level floor; itself where nothing would be left."""
    level = _UP_OR_DOWN.sub(" ", _OF_THE_PLACE.sub(" ", text.lower()))
    if level == text.lower():
        return text
    level = " ".join(_CLIMBS.sub(lambda found: f"walk{found[1] or ''}", level).split()).replace(" .", ".")
    return level if len(level.split()) >= _LEFT_WORDS else text
