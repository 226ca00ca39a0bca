# SPDX-License-Identifier: GPL-3.0-or-later
"""From the words of a sentence to what a clip must do: one table of verbs, styles, postures and sides.

A goal names a fact of a clip (``facts.py``), where it should lie, and what it costs to miss that. Words count whole and
in their base form; a row of several words holds when they follow each other with a few between them ("picks something
up"), and then stands for the rows of its single words. What no row asks for is held to be quiet: who waves does not
lie, fly or stand on the head (:data:`QUIET`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from blender_addon.shared.gait_table import GOING_M_PER_S, manners_like, verbs_like
from blender_addon.shared.gaits import meant_words, usual_speed
from blender_addon.shared.words import forms_of

from .facts import ClipFacts

GAP_WORDS = 4  # between the words of a row
SIDE_WORDS = 2  # between "left" and its limb
BROKEN = 0.15  # what a goal costs that is missed by its whole width
INFINITY = float("inf")
SLOWER, SLOWER_MPS, FASTER = 0.8, 0.25, 1.4  # than usual, where clips still do what a verb says


@dataclass(frozen=True)
class Goal:
    """``fact`` of a clip should lie in ``low`` to ``high``; beyond them the cost grows to ``weight`` over ``width``."""

    fact: str
    low: float
    high: float
    width: float
    weight: float = BROKEN

    def cost(self, facts: ClipFacts) -> np.ndarray:
        """(K,) of the clips of ``facts``, 0 to ``weight``."""
        value = np.asarray(getattr(facts, self.fact))
        beyond = np.maximum(self.low - value, value - self.high)
        return self.weight * np.clip(beyond / self.width, 0.0, 1.0)

    def mirrored(self) -> Goal:
        """The same for the mirror image of what it is asked of."""
        return replace(self, low=-self.high, high=-self.low) if self.fact in SIDED else self


SIDED = frozenset(("turn", "left_share", "hand_side", "foot_side", "lifted_side"))
"""Facts that change sign in the mirror image."""


def least(fact: str, low: float, width: float, weight: float = BROKEN) -> Goal:
    return Goal(fact, low, INFINITY, width, weight)


def most(fact: str, high: float, width: float, weight: float = BROKEN) -> Goal:
    return Goal(fact, -INFINITY, high, width, weight)


_ASIDE = (least("aside_share", 0.6, 0.4, 0.2),)
_BACK = (most("ahead_share", -0.5, 0.7, 0.2),)
_RUN = (least("flight_share", 0.06, 0.06), least("top_speed", 1.8, 0.8, 0.2))
_SPIN = (least("turn_most", 2.6, 1.2),)
_UPSIDE_DOWN = (least("tilt_most", 2.0, 0.8, 0.2),)
_STOOP = (least("stoop", 1.0, 0.4),)
_SNEAK = (most("speed", 0.9, 0.5), most("hips_mean", 0.9, 0.06))
_LIMP = (least("step_asymmetry", 0.1, 0.1, 0.1), most("speed", 1.1, 0.4))
_OLD = (most("speed", 0.9, 0.4), least("lean", 0.1, 0.15), least("step_rate", 0.4, 0.3))
_SAD = (least("head_bow", -0.5, 0.3, 0.1), most("speed", 0.9, 0.4))
_DRUNK = (least("sway", 0.06, 0.04),)
_HAPPY = (least("bounce", 0.013, 0.008, 0.1),)
_HANDS_UP = (least("hands_least_high", 0.15, 0.3),)
_SIT_DOWN = (least("hips_start", 0.75, 0.2), Goal("hips_lowest", 0.4, 0.68, 0.15, 0.2), most("tilt_most", 1.4, 0.3))
_STAND_UP = (Goal("hips_lowest", 0.4, 0.7, 0.15, 0.2), least("hips_end", 0.8, 0.2, 0.2), most("tilt_most", 1.4, 0.3))
_GET_UP = (most("hips_lowest", 0.45, 0.2, 0.2), least("hips_end", 0.75, 0.2, 0.2))
_LIE_DOWN = (least("hips_start", 0.7, 0.25), most("hips_lowest", 0.36, 0.2, 0.2), most("flight_seconds", 0.3, 0.2))
_FALL = (least("hips_start", 0.7, 0.25), most("hips_lowest", 0.42, 0.2, 0.2), least("top_speed", 0.5, 0.4, 0.1))
_WAIT = (most("top_speed", 0.4, 0.3), most("hand_speed", 1.0, 0.8, 0.1), least("hips_lowest", 0.75, 0.2))
_UPSTAIRS = (least("rise", 0.3, 0.3, 0.2), least("speed", 0.15, 0.1))
_DOWNSTAIRS = (most("rise", -0.3, 0.3, 0.2), least("speed", 0.15, 0.1))
_STRIKE = (least("hand_speed", 1.6, 0.8),)
_TO_HEAD = (most("hand_to_head", 0.26, 0.12),)
_KICK = (least("foot_high", 0.4, 0.25),)
_JUMP = (least("flight_seconds", 0.2, 0.15, 0.2),)
_HOP = (least("flights", 0.5, 0.4),)

_CRAWL = (most("hips_mean", 0.6, 0.2, 0.2), least("tilt_most", 1.0, 0.4))
_FAR_JUMP = (*_JUMP, least("displacement", 0.6, 0.5))
_TURNING_JUMP = (*_JUMP, least("turn_most", 1.4, 1.0))
_HIGH_KICK = (least("foot_high", 0.7, 0.3, 0.2),)
_BOW = (least("lean_most", 0.5, 0.3), least("hips_lowest", 0.6, 0.2))
_SQUAT = (most("hips_lowest", 0.66, 0.15), most("tilt_most", 1.5, 0.4), least("hips_highest", 0.8, 0.2))


def _row(*words: str) -> str:
    return ", ".join(words)


TABLE: tuple[tuple[str, tuple[Goal, ...]], ...] = (
    # ways of going
    (_row(*verbs_like("run"), "hurdle"), _RUN),
    ("backward, in reverse, back away, back up, back off, step back, walk back, moonwalk, retreat", _BACK),
    ("sideways, sidestep, side step, to the side, strafe", _ASIDE),
    ("turn", (least("turn_most", 0.7, 0.5, 0.1),)),
    ("turn around, turn back, about face, face other way", (Goal("turn_most", 2.3, 5.0, 1.2),)),
    ("circle", (least("turn_most", 3.8, 1.5),)),
    ("spin, whirl, twirl, pirouette", _SPIN),
    ("up stairs, climb stairs, upstairs, ascend, climb steps, up steps", _UPSTAIRS),
    ("down stairs, downstairs, descend, down steps", _DOWNSTAIRS),
    ("climb", (least("rise", 0.2, 0.2, 0.1),)),
    ("climb ladder, ladder", (least("hips_range", 0.3, 0.2),)),
    ("skip", (least("flights", 0.6, 0.4), least("bounce", 0.02, 0.01), least("speed", 0.5, 0.3))),
    ("hop", _HOP),
    ("hop leg, hop foot, jump one leg, jump one foot, jump left foot, jump right foot, jump left leg, jump "
     "right leg",
     (*_HOP, least("foot_lifted", 0.5, 0.3, 0.2))),
    ("crawl, hand knee, all fours", _CRAWL),
    ("step over, climb over, walk over obstacle", (least("foot_high", 0.2, 0.15),)),
    # styles
    (_row(*verbs_like("sneak"), "stealthily, thief, burglar"), _SNEAK),
    (_row(*verbs_like("limp"), "injure, wound, hurt leg"), _LIMP),
    (_row(*verbs_like("march"), "soldier"), (least("step_rate", 1.1, 0.4), least("foot_high", 0.2, 0.15))),
    ("zombie, mummy, outstretch arm, sleepwalk", (least("hands_least_ahead", 0.15, 0.15),)),
    (_row(*manners_like("drunk"), *verbs_like("stagger"), "sway, wobble"), _DRUNK),
    (_row(*manners_like("old"), "grandfather, grandmother"), _OLD),
    (_row(*manners_like("sad", "sadly"), *verbs_like("trudge"), "head down, mope"), _SAD),
    ("happy, happily, merrily, joyful, cheerful, cheerfully, bouncy, joyfully, jaunty", _HAPPY),
    ("crouch, bend knee", (most("hips_mean", 0.85, 0.06),)),
    ("tiptoe", (least("heels", 0.075, 0.02),)),
    # jumps and acrobatics
    ("jump, leap", _JUMP),
    ("jump up, jump high", (*_JUMP, least("leap", 0.15, 0.15))),
    ("jump forward, leap forward, jump over, leap over, jump across", _FAR_JUMP),
    ("long jump, broad jump", (*_JUMP, least("displacement", 1.2, 0.6))),
    ("jump up down, bounce up down", (least("flights", 0.35, 0.25), least("flight_share", 0.06, 0.05))),
    ("jump down, jump off, leap off", (most("rise", -0.2, 0.2),)),
    ("jump turn, jump spin, jump twist, spin jump, jump whirl", _TURNING_JUMP),
    ("jump jack, star jump", (*_HANDS_UP, least("flights", 0.4, 0.4))),
    ("cartwheel, handstand, backflip, flip, somersault, handspring, upside down", _UPSIDE_DOWN),
    ("roll ground, roll floor, roll over, forward roll, roll forward, do roll, dive roll",
     (most("hips_lowest", 0.5, 0.2), least("tilt_most", 1.3, 0.5))),
    # fights
    ("punch, boxing, boxes, boxer, jab, strike, hit, slash, sword, axe, chop, golf, bat, racket", _STRIKE),
    ("kick", _KICK),
    ("high kick, kick high, roundhouse, front kick, side kick", _HIGH_KICK),
    ("duck, dodge", (most("hips_lowest", 0.75, 0.15),)),
    # gestures
    ("wave", (least("hand_high", 0.0, 0.3), least("hand_speed", 0.6, 0.4), most("speed", 0.6, 0.4, 0.1))),
    ("clap, applaud", (most("hands_nearest", 0.2, 0.15), least("hand_speed", 0.6, 0.4))),
    ("throw, pitch, toss, hurl", (least("hand_speed", 2.4, 1.2),)),
    ("phone, drink, sip, smoke, salute", _TO_HEAD),
    ("bow, bend forward, bend over", _BOW),
    ("raise arm, raise hand, arm up, hand up, raise both", _HANDS_UP),
    ("dance", (least("hand_speed", 0.9, 0.5, 0.1), least("step_rate", 0.5, 0.5, 0.1))),
    ("stand still, stand, idle, wait, stand around", _WAIT),
    # postures
    ("sit down, take seat", _SIT_DOWN),
    ("sit", (most("hips_mean", 0.75, 0.2),)),
    ("stand up, get up, rise from, rise up", _STAND_UP),
    ("get up floor, get up ground, stand up floor, stand up ground, rise from floor, rise from ground", _GET_UP),
    ("lie down, lay down", _LIE_DOWN),
    ("lie", (most("hips_mean", 0.4, 0.2, 0.2),)),
    ("fall, collapse, fall down, drop dead, faint", _FALL),
    ("kneel, one knee", (most("hips_lowest", 0.65, 0.2), most("tilt_most", 1.5, 0.4))),
    ("squat, lunge, knee bend, crouch down", _SQUAT),
    # work
    ("pick up, pick floor, grab floor, grab ground, take floor, collect ground, lift, lift up, dig, "
     "shovel, bend down, plant",
     _STOOP),
    ("push", (least("lean_most", 0.3, 0.2, 0.1), least("hands_least_ahead", 0.08, 0.1, 0.1))),
    ("carry", (least("hands_least_ahead", 0.08, 0.1), least("speed", 0.2, 0.2))),
)  # fmt: skip
"""Rows of words in their base form, with commas between them, and what they ask for."""

ROWS = {row.strip(): goals for rows, goals in TABLE for row in rows.split(",")}

QUIET: tuple[Goal, ...] = (
    least("hips_lowest", 0.6, 0.3, 0.1),
    most("flights", 0.25, 0.5, 0.1),
    most("tilt_most", 1.3, 0.7, 0.1),
    most("turn_most", 3.6, 2.0, 0.05),
)
"""Asked of a clip unless a row says something about the same."""

_LOUD = {
    "hips_lowest": {"hips_lowest", "hips_mean", "hips_end", "stoop", "tilt_most"},
    "flights": {"flights", "flight_share", "flight_seconds", "bounce", "tilt_most", "foot_high"},
    "tilt_most": {"tilt_most", "hips_lowest", "stoop", "lean_most"},
    "turn_most": {"turn_most", "tilt_most", "hips_lowest", "hand_speed"},
}
"""Quiet fact -> facts which, when a row asks for them, allow that it is not quiet."""

_GOING = forms_of(GOING_M_PER_S)
_BASES = forms_of(sorted({word for row in ROWS for word in row.split()}))
_HANDS = frozenset(("hand", "arm", "fist", "wrist", "elbow", "hook", "punch", "jab", "wave"))
_FEET = frozenset(("leg", "foot", "knee", "kick"))
_RUNNING_M_PER_S = 1.9
_SIDES = {"left": 1.0, "right": -1.0, "leftward": 1.0, "rightward": -1.0, "leftwards": 1.0, "rightwards": -1.0}


def sentence_goals(sentence: str, as_written: str = "") -> tuple[Goal, ...]:
    """What ``sentence`` asks of a clip; nothing for words that no row has. ``as_written``: the same before it was said
    in the words of captions; its speed counts.
    """
    words = meant_words(sentence)
    rows = tuple(rows_in(words))
    asked = [goal for row in rows for goal in ROWS[row]]
    asked = _ends(rows) + [goal for goal in asked if goal.fact not in ("hips_start", "hips_end")]
    asked += _going(as_written or sentence, words, rows)
    asked += _sides(words, rows)
    asked = list(dict.fromkeys(asked))  # rows that overlap ask once
    facts = {goal.fact for goal in asked}
    return (*asked, *(goal for goal in QUIET if not facts & _LOUD[goal.fact]))


def rows_in(words: Sequence[str]) -> Iterator[str]:
    """The rows of the table that ``words`` name, in the order of the sentence, but for those inside a longer one."""
    bases = [_BASES.get(word, word) for word in words]
    found: list[tuple[tuple[int, ...], str]] = []
    for row in ROWS:
        parts = row.split()
        places = _places(parts, bases)
        if places is not None:
            found.append((places, row))
    for places, row in sorted(found):
        if not any(set(places) < set(other) for other, _ in found):
            yield row


def _places(parts: Sequence[str], bases: Sequence[str]) -> tuple[int, ...] | None:
    """Where the words of a row stand, each at most some words after the one before."""
    for start, base in enumerate(bases):
        if parts[0] != base:
            continue
        places = [start]
        for part in parts[1:]:
            last = places[-1]
            near = range(last + 1, min(last + 2 + GAP_WORDS, len(bases)))
            following = next((place for place in near if part == bases[place]), None)
            if following is None:
                break
            places.append(following)
        if len(places) == len(parts):
            return tuple(places)
    return None


def _ends(rows: Sequence[str]) -> list[Goal]:
    """Of several postures in turn the first says how a clip begins, the last how it ends."""
    starts = [goal for row in rows for goal in ROWS[row] if goal.fact == "hips_start"]
    ends = [goal for row in rows for goal in ROWS[row] if goal.fact == "hips_end"]
    return starts[:1] + ends[-1:]


def _going(sentence: str, words: Sequence[str], rows: Sequence[str]) -> list[Goal]:
    """Speed, steps and direction of those who go somewhere."""
    if not any(word in _GOING for word in words):
        return []
    usual = usual_speed([sentence])
    goals = [Goal("speed", SLOWER * usual - SLOWER_MPS, FASTER * usual, 0.4 * usual)]
    if usual < _RUNNING_M_PER_S:
        goals += [most("flight_share", 0.1, 0.15, 0.1)] if not _facts_of(rows) & {"flights", "flight_seconds"} else []
    if not _facts_of(rows) & {"ahead_share", "aside_share", "turn_most"}:
        goals += [least("ahead_share", 0.7, 0.6)]
    return goals


def _facts_of(rows: Sequence[str]) -> set[str]:
    return {goal.fact for row in rows for goal in ROWS[row]}


def _sides(words: Sequence[str], rows: Sequence[str]) -> list[Goal]:
    """Which hand or foot, or which way, for every "left" and "right"."""
    goals: list[Goal] = []
    for place, word in enumerate(words):
        if word not in _SIDES:
            continue
        after = set(words[place + 1 : place + 1 + SIDE_WORDS])
        if after & _HANDS:
            fact, sign, width = "hand_side", 1.0, 0.4
        elif after & _FEET:
            hops = any("foot_lifted" in (goal.fact for goal in ROWS[row]) for row in rows)
            fact, sign, width = ("lifted_side", -1.0, 0.5) if hops else ("foot_side", 1.0, 0.3)
        elif "aside_share" in _facts_of(rows):
            fact, sign, width = "left_share", 1.0, 1.0
        else:
            fact, sign, width = "turn", 1.0, 1.0
        least_of_it = {"hand_side": 0.15, "lifted_side": 0.3, "foot_side": 0.15, "left_share": 0.6, "turn": 0.6}[fact]
        goal = least(fact, least_of_it, width, 0.25)
        goals.append(goal if sign * _SIDES[word] > 0 else goal.mirrored())
    return goals


def mirrored_sentence(sentence: str) -> str:
    """``sentence`` with left and right exchanged: what the mirror image of a clip is compared with."""
    other = {"left": "right", "right": "left"}
    return re.sub(
        r"\b(left|right)(?=(?:wards?)?\b)", lambda found: other[found[1].lower()], sentence, flags=re.IGNORECASE
    )
