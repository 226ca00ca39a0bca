# SPDX-License-Identifier: GPL-3.0-or-later
"""Other words for what captions say: a sentence is looked up in the words that describe captured motion.

A sentence encoder of a few megabytes knows that a crate is a kind of box, and little of how one hoists it. A phrase of
the table is replaced wherever it stands; a single word only where no caption has it. Single words for ways of going
are those of ``blender_addon/shared/gait_table.py``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from blender_addon.shared.gait_table import GOING, MANNERS, manners_like
from blender_addon.shared.senses import senses
from blender_addon.shared.words import forms_of, gerund

OTHER_WORDS: dict[str, str] = {
    # going
    "sprint": "run flat out, run full speed, run as fast as can, run top speed",
    "sneak": "tread softly, move stealthily, move silently",
    "limp": "drag one leg, favor one leg, favour one leg",
    "walk on tiptoe": "walk on toes, walk on tip toes, walk on balls of feet, step on toes",
    "on tiptoe": "on toes, on tip toes, on balls of feet",
    "walk up stairs": "go up stairs, climb stairs, mount stairs, go upstairs, ascend stairs, climb flight of steps",
    "walk down stairs": "go down stairs, descend stairs, go downstairs, descend flight of steps",
    "turn around": "about face, face other way, do one eighty, reverse direction, turn to look behind, spin back",
    "step over": "lift foot over, step across, stride over, raise foot over",
    "crawl on hands and knees": "move on hands and knees, move on all fours, go on all fours, walk on all fours",
    # jumps and acrobatics
    "jump": "spring, bound, vault",
    "jump up high": "leap straight up, jump straight up, leap into air, jump into air, leap straight into air, jump "
    "straight into air, spring into air",
    "on one leg": "on single leg",
    "on one foot": "on single foot",
    "hop on one leg": "bounce on one leg, jump on one leg, bounce along on one leg, bounce on single leg, jump "
    "on single leg",
    "somersault": "tumble forward",
    # fights
    "punch": "jab, uppercut, sock, slug, thump, throw hook, throw jab, throw punch, swing fist, throw uppercut",
    "kick": "boot, punt",
    "dodge": "evade, sway out of way, weave out of way",
    "move hand": "run hand, run palm, run finger",
    "wipe with cloth": "run cloth, run rag, run sponge",
    # gestures
    "wave": "greet, beckon, say hello, say goodbye, wave hello, wave goodbye",
    "clap": "applaud, give applause",
    "look around": "glance around, look about, scan area, scan room, survey, look left and right, peer around",
    "throw": "hurl, toss, fling, lob, chuck, pitch, sling",
    "swing a golf club": "tee off, hit golf ball, drive golf ball, play golf shot",
    "dribble a basketball": "bounce basketball, bounce ball",
    "bow": "take bow, curtsy, curtsey",
    "dance": "boogie, groove",
    # postures
    "sit down": "take seat, have seat, sink into chair, plop down, settle into chair, seat",
    "stand up": "rise from chair, get out of chair, get up from chair, leave seat, rise from seat, get up from seat",
    "get up from the floor": "get on feet, get to feet, rise to feet, climb to feet, scramble to feet, jump to feet, "
    "struggle to feet, get back up, stand back up, pick oneself up",
    "lie down on the floor": "lie flat, lie on ground, lie on floor, lie flat on ground, lie flat on floor, stretch "
    "out on ground, stretch out on floor, go prone, drop prone, lay down on ground",
    "kneel down": "go down on one knee, drop to one knee, drop on one knee, get down on one knee, take knee, sink to "
    "knees, fall to knees, drop to knees, get on knees, go to knees, kneel on one knee, sink to one knee",
    "squat down": "do knee bends, hunker down, do squats, do deep knee bends",
    "fall down": "pass out, keel over, topple, topple over, crumple, slump to ground, trip and fall, black out, swoon",
    # work
    "lift": "hoist, heave, haul up",
    "push": "shove, press against, thrust",
    "pick up": "scoop up, grab from floor, grab from ground, gather up, take from floor, take from ground",
    "box": "crate, carton, package, parcel, chest, suitcase, luggage",
    # who, and in which mood
    "old man": "grandfather, grandpa, pensioner",
    "old woman": "grandmother, grandma, granny",
    "tired": "worn out",
    "fast": "in hurry, in rush, with haste, in haste",
}
"""What captions say -> other words for it, in base forms, with commas between them."""

_SKIPPED = frozenset(
    ("a", "an", "the", "his", "her", "its", "their", "some", "then", "back", "right", "slowly", "quickly")
)
"""May stand between the words of a phrase."""

_MANNERS = ("slowly", "slow", "carefully", "fast", "quick", "old", "sad", "sadly", "tired", "drunk", "zombie", "happy",
            "angry", "angrily")  # fmt: skip
"""Groups of :data:`~blender_addon.shared.gait_table.MANNERS` whose words may stand for each other."""
_OF_SOMEBODY = frozenset(manners_like("old", "sad", "tired", "drunk", "angry", "happy", "zombie", "injured"))
_OF_GOING = {
    word: plain
    for plain, words in (*GOING.items(), *((plain, MANNERS[plain]) for plain in _MANNERS))
    for word in words
    if word != plain
}
_TABLE = {tuple(other.split()): known for known, others in OTHER_WORDS.items() for other in others.split(", ")} | {
    (word,): plain for word, plain in _OF_GOING.items()
}
_LONGEST_FIRST = sorted(_TABLE, key=len, reverse=True)
_BASES = forms_of(sorted({word for phrase in _TABLE for word in phrase}))
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|[^\w\s]")


def in_known_words(sentence: str, known: Collection[str]) -> str:
    """``sentence`` in words that captions have, without those for the manner of somebody else; as it is where it is in
    them already. ``known``: the captions' words, as they stand there.
    """
    words = _WORD.findall(sentence)
    meant = senses([word.lower() for word in words])
    said: list[str] = []
    place = 0
    while place < len(words):
        phrase, end = _phrase_at(words, place, known)
        means_this = words[place].lower() == meant[place]
        if phrase is None or (len(phrase) == 1 and not means_this):
            said += [words[place]] if means_this or words[place].lower() not in _OF_SOMEBODY else []
            place += 1
        else:
            said += _as_said(_TABLE[phrase], words[place])
            place = end
    return " ".join(said) if said != words else sentence


def _phrase_at(words: Sequence[str], place: int, known: Collection[str]) -> tuple[tuple[str, ...] | None, int]:
    """The longest phrase of the table that begins with the word at ``place``, and where it ends."""
    for phrase in _LONGEST_FIRST:
        end = _end_of(phrase, words, place)
        if end is not None and (len(phrase) > 1 or words[place].lower() not in known):
            return phrase, end
    return None, place


def _end_of(phrase: Sequence[str], words: Sequence[str], place: int) -> int | None:
    for number, part in enumerate(phrase):
        while number and place < len(words) and words[place].lower() in _SKIPPED:
            place += 1
        if place >= len(words):
            return None
        word = words[place].lower()
        if part not in (word, _BASES.get(word)):
            return None
        place += 1
    return place


def _as_said(known: str, first: str) -> list[str]:
    """The words of ``known``, the first with the ending of ``first``: what was told of the past is told of now."""
    verb, *rest = known.split()
    base = _BASES.get(first.lower())
    if base is None or first.lower() == base:
        return [verb, *rest]
    if first.lower().endswith("ing"):
        return [gerund(verb), *rest]
    return [verb + ("es" if verb.endswith(("ch", "sh", "x", "ss", "o")) else "s"), *rest]
