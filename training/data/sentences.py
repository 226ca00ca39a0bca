# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator might type for a captured motion: its action in everyday verbs, with pace, turn and side measured.

Captions of motion data are few and worded alike. Which action it is follows from them by rule (:data:`ACTIONS`); how
fast, where to, and with which hand or foot is measured in the motion itself, so that a mirror image, another tempo or a
bend gets its own words. Where captions name several actions, or none that is known, nothing is added.

Shapes: T frames, F = 263 features.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blender_addon.shared import features as feature_set
from blender_addon.shared.skeleton import FPS, SKELETON

SENTENCES = 4  # that a motion is given at most, beside its captions
SLOW, BRISK, FAST = 0.75, 1.35, 1.7  # m/s of a walk
EASY_RUN, SPRINT = 2.4, 3.6  # m/s of a run
TURN, ABOUT = np.radians(50.0), np.radians(130.0)
CIRCLE = np.radians(250.0)
CLEARER = 1.25  # times as much, from which one hand or foot does it and not both


@dataclass(frozen=True)
class Action:
    """``pattern``: what its captions say; ``verbs``: ways to say it, in the third person; ``kind``: what of the motion
    is told with it ('go', 'run', 'foot', 'hand', 'turn', or nothing).
    """

    pattern: str
    verbs: tuple[str, ...]
    kind: str = ""


GOING = Action(r"\b(walk|stroll|stride)", ("walks", "strolls", "strides", "goes for a walk"), "go")
ACTIONS = (
    Action(r"drunk", ("staggers along drunk", "walks like a drunk", "stumbles along, swaying"), "way"),
    Action(r"old (man|woman|person)|elderly", ("walks like an old man", "shuffles along bent over with age"), "way"),
    Action(r"zombie", ("walks like a zombie", "lurches along with stiff arms", "shambles along"), "way"),
    Action(r"limp|injured|hurt leg|wounded|bad (leg|knee)", ("limps", "hobbles along", "walks with a limp"), "way"),
    Action(r"\bsad|depress|sorrow", ("walks sadly", "trudges along with the head down"), "way"),
    Action(r"happ|cheerful|joy|skip(s|ping) (along|happily)", ("is happy", "moves cheerfully"), ""),
    Action(r"tired|exhaust|weary", ("drags along tired", "plods along", "walks as if exhausted"), "way"),
    Action(r"\bangr|furious|stomp", ("stomps along angrily", "walks angrily"), "way"),
    Action(r"macho|swagger|\bproud|\bcool\b", ("swaggers along", "walks proudly", "struts"), "way"),
    Action(
        r"sneak|stealth|silently|creeps? along with bent",
        ("sneaks along", "creeps along quietly", "walks stealthily"),
        "way",
    ),
    Action(r"tiptoe", ("walks on tiptoe", "tiptoes along"), "way"),
    Action(r"\bmarch", ("marches", "marches like a soldier"), "way"),
    Action(r"crouch(es|ed|ing)? (walk|low)|walks? crouched", ("walks crouched", "goes along crouching low"), "way"),
    Action(r"\bcrawl(s|ing)? (on|forward|along|through)", ("crawls on hands and knees", "crawls along"), ""),
    Action(
        r"walks? backward|steps? backward|back(s|ing) (up|away)", ("walks backward", "backs away", "steps back"), ""
    ),
    Action(r"sideways|sidestep|side step", ("sidesteps", "walks sideways", "steps sideways"), "side"),
    Action(r"uneven|rough terrain", ("walks over rough ground", "picks the way over uneven ground"), ""),
    Action(r"\bsprint", ("sprints", "runs as fast as possible", "dashes"), ""),
    Action(r"\b(run|jog)(s|ning|ging)?\b", ("runs", "jogs"), "run"),
    Action(r"\bskip(s|ping)?\b", ("skips", "skips along"), ""),
    Action(
        r"hop(s|ping)? .*(one|left|right) (leg|foot)|hops? on the",
        ("hops on one leg", "hops along on one foot"),
        "foot",
    ),
    Action(
        r"jump(s|ing)? (and|with a|with).*turn|turn in the air",
        ("jumps and turns in the air", "does a spinning jump"),
        "",
    ),
    Action(r"long jump|jumps? forward|leap", ("jumps forward", "leaps forward", "makes a big leap"), ""),
    Action(r"jumping jack", ("does jumping jacks", "exercises with jumping jacks"), ""),
    Action(r"jumps? down|off an edge", ("jumps down", "jumps off a ledge and lands"), ""),
    Action(r"\b(jump|hop)(s|ing|ping)?\b", ("jumps", "jumps up", "hops up and down"), ""),
    Action(r"side kick|round ?house", ("does a roundhouse kick", "kicks sideways"), "foot"),
    Action(r"\bkick(s|ing)?\b(?!.*(soccer|football|ball))", ("kicks", "does a kick", "kicks high"), "foot"),
    Action(r"kicks? .*(soccer|football|ball)", ("kicks a ball", "kicks a football"), "foot"),
    Action(r"\bbox(es|er|ing)\b|punch", ("punches", "throws punches", "boxes", "fights with the fists"), "hand"),
    Action(r"karate|kata|martial art", ("does karate", "does martial arts", "fights like a karateka"), ""),
    Action(r"\bblock(s|ing)? ", ("blocks a blow", "defends with the arms"), ""),
    Action(r"sword|fenc", ("swings a sword", "fights with a sword"), "hand"),
    Action(r"directs? traffic", ("directs traffic", "waves cars on"), ""),
    Action(r"\bwav(e|es|ing)\b", ("waves", "waves hello", "greets someone with a wave"), "hand"),
    Action(r"\bclap", ("claps", "claps the hands", "applauds"), ""),
    Action(r"\bpoint(s|ing)\b", ("points at something", "points ahead"), "hand"),
    Action(r"\blaugh", ("laughs", "laughs out loud"), ""),
    Action(r"looks? around|looking around", ("looks around", "looks left and right"), ""),
    Action(r"phone", ("talks on the phone", "makes a phone call"), ""),
    Action(r"\bdrink", ("drinks", "takes a drink"), "hand"),
    Action(r"\beat(s|ing)\b", ("eats", "eats something"), ""),
    Action(
        r"throw(s|ing)? .*football|pitch|throws? (with|a|some)|\btoss", ("throws something", "throws a ball"), "hand"
    ),
    Action(r"\bcatch", ("catches a ball", "catches something"), ""),
    Action(r"dribbl|basketball (player|drib)|with a basketball", ("dribbles a basketball", "plays basketball"), ""),
    Action(r"golf swing|swings a golf", ("swings a golf club", "plays golf"), ""),
    Action(r"baseball bat|swings a bat", ("swings a bat", "hits a baseball"), ""),
    Action(r"tennis", ("plays tennis", "swings a racket"), "hand"),
    Action(r"sits? down and (gets|stands) up|on a chair and gets up", ("sits down and stands up again",), ""),
    Action(r"\bsits? down|takes? a seat", ("sits down", "takes a seat", "sits down on a chair"), ""),
    Action(
        r"up from a chair|sitting stands up|stands up from a (chair|seat|stool)",
        ("stands up", "gets up from a chair", "rises from the seat"),
        "",
    ),
    Action(r"\bsits\b|sitting", ("sits", "is sitting"), ""),
    Action(
        r"(gets|get) up from the (floor|ground)|lying .*(gets|stands) up|on the ground stands up",
        ("gets up from the floor", "stands up from the ground"),
        "",
    ),
    Action(r"lies? down|lying down|lowers .* lies", ("lies down", "lies down on the floor"), ""),
    Action(r"\bkneel", ("kneels down", "goes down on the knees"), ""),
    Action(r"\bsquat(s|ting)? |does squats", ("squats", "squats down", "does squats"), ""),
    Action(r"\blung(e|es|ing)\b", ("does lunges", "steps into a deep lunge"), ""),
    Action(r"\bduck(s|ing)?\b", ("ducks", "ducks down", "dodges"), ""),
    Action(
        r"picks? (something|a|it|up)|lifts? a box",
        ("picks something up", "bends down and picks something up", "lifts a box"),
        "",
    ),
    Action(r"carr(y|ies|ying)", ("carries something", "walks while carrying something"), ""),
    Action(r"\bpush(es|ing)?\b", ("pushes something heavy", "pushes"), ""),
    Action(r"\b(pull|drag)(s|ging|ing)?\b", ("pulls something heavy", "pulls", "drags something"), ""),
    Action(r"ladder", ("climbs a ladder",), ""),
    Action(r"up (the )?stairs|climbs stairs", ("climbs stairs", "walks up the stairs"), ""),
    Action(r"down (the )?stairs", ("walks down the stairs",), ""),
    Action(r"\bstool\b.*step|steps? (onto|over)", ("steps over something", "steps up onto something"), ""),
    Action(r"\bclimb", ("climbs", "climbs up"), ""),
    Action(r"\b(trip|stumble|slip)s?\b", ("stumbles", "trips", "loses the balance"), ""),
    Action(r"\bfalls?\b|collapses?", ("falls down", "falls to the ground", "collapses"), ""),
    Action(r"cartwheel", ("does a cartwheel", "turns a cartwheel"), ""),
    Action(r"back ?flip|somersault|\bflip", ("does a flip", "does a backflip"), ""),
    Action(r"handstand", ("does a handstand", "stands on the hands"), ""),
    Action(r"\broll(s|ing)?\b", ("rolls over the ground", "does a roll"), ""),
    Action(r"breakdanc", ("breakdances", "does breakdance moves"), ""),
    Action(r"salsa|latin", ("dances salsa", "dances to latin music"), ""),
    Action(r"ballet|pirouette", ("dances ballet", "does a ballet turn"), ""),
    Action(r"indian dance", ("dances an indian dance",), ""),
    Action(r"\bdanc(e|es|ing)\b", ("dances", "moves to the music"), ""),
    Action(r"sweep|broom", ("sweeps the floor", "cleans the floor with a broom"), ""),
    Action(r"hammer", ("hammers a nail", "works with a hammer"), "hand"),
    Action(r"wash|wip(es|ing)", ("wipes a window", "cleans something"), "hand"),
    Action(r"yoga", ("does yoga", "holds a yoga pose"), ""),
    Action(r"stretch", ("stretches", "stretches the arms"), ""),
    Action(r"push ?ups?", ("does push-ups",), ""),
    Action(r"sit ?ups?", ("does sit-ups",), ""),
    Action(r"\bswim", ("swims", "makes swimming movements"), ""),
    Action(
        r"nursery rhyme|vacation|telling|tells a|with gestures|gesturing",
        ("talks with the hands", "gestures while talking", "tells a story"),
        "",
    ),
    Action(r"referee", ("gives referee signals",), ""),
    Action(
        r"\b(waits|waiting|stands? (still|idle|quietly|around))\b",
        ("stands and waits", "stands still", "stands around"),
        "",
    ),
    Action(r"turns? (around )?(in place|on the spot)", ("turns on the spot", "turns in place"), "turn"),
)

_ACTIONS = [(re.compile(action.pattern, re.IGNORECASE), action) for action in ACTIONS]
_GOING = re.compile(GOING.pattern, re.IGNORECASE)
_DRAWN_FROM = ("a person", "someone", "a man", "a woman")
_ANIMALS = re.compile(
    r"acts? like an? |imitates|in the manner of an? (cat|dog|dinosaur|monkey|chicken|bear|bird|mouse)|pretends to be"
)


def sentences(name: str, captions: Sequence[str], features: np.ndarray) -> tuple[str, ...]:
    """At most ``SENTENCES`` sentences for the motion (T, F) that ``captions`` describe; ``name`` decides which."""
    said = " | ".join(captions)
    if len(features) < 2 or _ANIMALS.search(said):
        return ()
    found = [action for pattern, action in _ACTIONS if pattern.search(said)]
    if not found and _GOING.search(said):
        found = [GOING]
    if len(found) != 1:
        return ()
    action, chance = found[0], random.Random(name)
    ways = list(dict.fromkeys(way for verb in action.verbs for way in _told(action.kind, verb, features)))
    chance.shuffle(ways)
    return tuple(f"{chance.choice(_DRAWN_FROM)} {way}" for way in ways[:SENTENCES])


def _told(kind: str, verb: str, features: np.ndarray) -> list[str]:
    """The verb with what was measured, in one or two ways."""
    if kind in ("go", "way"):
        turn = _turn(features)
        if kind == "way":
            return [verb] + ([f"{verb} and {turn}"] if turn else [])
        pace = _pace(features)
        ending = f" and {turn}" if turn else ""
        return [" ".join(filter(None, (verb, where, pace))) + ending for where in ("", "forward")]
    if kind == "run":
        return _run(verb, features)
    if kind == "side":
        side = "left" if features[:, 1].mean() > 0 else "right"
        return [f"{verb} to the {side}".replace("sideways to", "to")]
    if kind == "turn":
        turn = _turn(features)
        return [turn] if turn else [verb]
    side = {"foot": _foot, "hand": _hand}[kind](features) if kind else None
    limb = {"foot": ("leg", "foot"), "hand": ("hand", "arm")}.get(kind, ())
    return [verb] if side is None else [f"{verb} with the {side} {part}" for part in limb]


def _run(verb: str, features: np.ndarray) -> list[str]:
    speed, turn = _speed(features), _turn(features)
    pace = {"runs": "fast" if speed > SPRINT else "slowly" if speed < EASY_RUN else ""}.get(verb, "")
    verb = "sprints" if speed > SPRINT and verb == "jogs" else verb
    ending = f" and {turn}" if turn else ""
    return [" ".join(filter(None, (verb, where, pace))) + ending for where in ("", "forward")]


def _speed(features: np.ndarray) -> float:
    """Mean speed over the ground, m/s."""
    return float(np.linalg.norm(features[:, feature_set.GROUND_VELOCITY], axis=-1).mean() * FPS)


def _pace(features: np.ndarray) -> str:
    speed = _speed(features)
    return "slowly" if speed < SLOW else "fast" if speed > FAST else "briskly" if speed > BRISK else ""


def _turn(features: np.ndarray) -> str:
    """Where the heading turns to over the whole motion; the feature is half the angle, and to the left below zero."""
    turn = -2 * float(features[:, 0].sum())
    side = "left" if turn > 0 else "right"
    if abs(turn) > CIRCLE:
        return f"goes around in a circle to the {side}" if _speed(features) > SLOW / 2 else f"spins to the {side}"
    return f"turns around to the {side}" if abs(turn) > ABOUT else f"turns {side}" if abs(turn) > TURN else ""


def _joint(features: np.ndarray, name: str) -> np.ndarray:
    """Places (T, 3) of a joint from the pelvis's point on the ground, in heading axes."""
    start = feature_set.JOINT_POSITIONS.start + 3 * (SKELETON.index(name) - 1)
    return features[:, start : start + 3]


def _foot(features: np.ndarray) -> str | None:
    """The foot that is lifted clearly higher than the other."""
    left, right = (float(np.ptp(_joint(features, f"{side}_foot")[:, 1])) for side in ("left", "right"))
    return _clearer(left, right)


def _hand(features: np.ndarray) -> str | None:
    """The hand that moves clearly more than the other."""
    left, right = (
        float(np.linalg.norm(np.diff(_joint(features, f"{side}_wrist"), axis=0), axis=-1).sum())
        for side in ("left", "right")
    )
    return _clearer(left, right)


def _clearer(left: float, right: float) -> str | None:
    if max(left, right) < CLEARER * min(left, right):
        return None
    return "left" if left > right else "right"
