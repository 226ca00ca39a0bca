# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of ways of going: verbs with their speeds, words for the manner with what they do to a speed, and the
plain word for each, which captions of captured motion have.

The add-on reads the speed of a drawn path from it, the engine what a clip must do and what a sentence says in other
words. Metres a second for an adult: the mean over the clips of the CMU data base with that word in their descriptions,
rounded; for words that do not occur there an estimate.
"""

from __future__ import annotations

WALKING_M_PER_S = 1.2

GOING: dict[str, dict[str, float]] = {
    "run": {
        "run": 3.0, "sprint": 4.5, "bolt": 4.0, "dash": 3.8, "race": 3.8, "gallop": 3.5, "dart": 3.5, "flee": 3.5,
        "charge": 3.5, "hurtle": 3.5, "chase": 3.2, "speed": 3.2, "lope": 2.6, "canter": 2.6,
        "jog": 2.3, "trot": 2.2, "scurry": 2.2, "scamper": 2.2, "rush": 2.0,
    },
    "walk fast": {
        "hurry": 1.9, "hasten": 1.9, "hustle": 1.9, "speed-walk": 1.9, "power-walk": 1.8, "scuttle": 1.6,
        "bustle": 1.6, "storm": 1.6,
    },
    "walk": {
        "walk": WALKING_M_PER_S, "stride": 1.5, "hike": 1.3, "trek": 1.1, "pace": 1.1, "tramp": 1.1, "patrol": 1.0,
        "stroll": 0.9, "saunter": 0.9, "amble": 0.9, "wander": 0.9, "roam": 0.9, "ramble": 0.9, "meander": 0.8,
        "mosey": 0.8, "promenade": 0.9, "tread": 0.9, "traipse": 0.8, "plod": 0.8, "lumber": 0.8, "slog": 0.7,
    },
    "go": {"go": WALKING_M_PER_S},
    "step": {"step": 0.8},
    "march": {"march": 1.2, "goose-step": 1.1, "parade": 1.1},
    "swagger": {"swagger": 1.1, "strut": 1.1, "sashay": 1.1},
    "sneak": {"sneak": 0.5, "prowl": 0.5, "stalk": 0.5, "slink": 0.5, "skulk": 0.5, "lurk": 0.5, "creep": 0.4},
    "limp": {"limp": 0.7, "hobble": 0.6},
    "stagger": {"stagger": 0.7, "lurch": 0.8, "reel": 0.7},
    "stumble": {"stumble": 0.7},
    "shuffle": {"shuffle": 0.6, "shamble": 0.6},
    "toddle": {"toddle": 0.6, "totter": 0.6},
    "trudge": {"trudge": 0.8},
    "tiptoe": {"tiptoe": 0.6},
    "crouch": {"crouch": 0.5},
    "crawl": {"crawl": 0.4},
    "sidestep": {"sidestep": 0.6},
    "carry": {"carry": 1.0},
    "push": {"push": 0.6},
    "pull": {"pull": 0.5, "drag": 0.5},
    "dribble": {"dribble": 1.0},
} | {
    own: {own: speed}
    for own, speed in {
        "skip": 1.5, "stomp": 1.1, "strafe": 0.8, "waddle": 0.7, "wade": 0.6, "moonwalk": 0.6
    }.items()
}  # fmt: skip
"""The plain word -> verbs of those who get somewhere like it, with their speeds."""

STAYING: dict[str, float] = {
    "hop": 0.5, "jump": 0.5, "leap": 0.8, "dance": 0.5, "salsa": 0.5, "ballet": 0.4, "box": 0.4, "punch": 0.4,
    "kick": 0.5, "karate": 0.4, "fight": 0.4, "climb": 0.25, "mop": 0.3, "sweep": 0.3, "vacuum": 0.3,
    "cartwheel": 0.9,
}  # fmt: skip
"""The same of verbs that happen about one place, or once."""

MANNERS: dict[str, dict[str, float]] = {
    "slowly": {"slowly": 0.75, "leisurely": 0.8, "lazily": 0.75, "unhurriedly": 0.8, "sluggishly": 0.7},
    "slow": {"slow": 0.75, "slower": 0.75, "lazy": 0.75, "sluggish": 0.7, "unhurried": 0.8},
    "carefully": {"carefully": 0.7, "cautiously": 0.6, "warily": 0.6, "gently": 0.8, "gingerly": 0.6},
    "casually": {"casually": 0.9},
    "calmly": {"calmly": 0.9, "calm": 0.9, "casual": 0.9, "relaxed": 0.9},
    "quietly": {"quietly": 0.6, "silently": 0.6, "stealthily": 0.5, "stealthy": 0.5, "stealth": 0.5},
    "fast": {
        "fast": 1.3,
        "faster": 1.3,
        "quickly": 1.3,
        "briskly": 1.3,
        "rapidly": 1.3,
        "swiftly": 1.3,
        "speedily": 1.3,
        "hurriedly": 1.4,
        "hastily": 1.4,
        "urgently": 1.4,
    },
    "quick": {
        "quick": 1.3,
        "quicker": 1.3,
        "brisk": 1.3,
        "rapid": 1.3,
        "swift": 1.3,
        "speedy": 1.3,
        "hurried": 1.4,
        "hasty": 1.4,
        "haste": 1.4,
    },
    "old": {"old": 0.6, "elderly": 0.6, "aged": 0.6, "geriatric": 0.6},
    "sad": {
        "sad": 0.75,
        "depressed": 0.7,
        "miserable": 0.75,
        "dejected": 0.75,
        "heartbroken": 0.75,
        "gloomy": 0.75,
        "downcast": 0.75,
        "unhappy": 0.75,
    },
    "sadly": {"sadly": 0.75, "miserably": 0.75, "dejectedly": 0.75, "gloomily": 0.75},
    "tired": {"tired": 0.7, "exhausted": 0.65, "weary": 0.7, "fatigued": 0.7},
    "tiredly": {"tiredly": 0.7, "wearily": 0.7},
    "drunk": {"drunk": 0.7, "drunken": 0.7, "drunkenly": 0.7, "intoxicated": 0.7, "tipsy": 0.7, "inebriated": 0.7},
    "angry": {"angry": 1.15, "furious": 1.15, "enraged": 1.15, "irate": 1.15},
    "angrily": {"angrily": 1.15, "furiously": 1.15},
    "happy": dict.fromkeys(("happy", "cheerful", "joyful", "merry", "elated", "delighted", "glad"), 1.0),
    "zombie": {"zombie": 0.6, "undead": 0.6, "ghoul": 0.6},
    "snail": {"snail": 0.5, "tortoise": 0.5},
    "injured": {"injured": 0.6, "wounded": 0.6, "hurt": 0.6},
    "limping": {"limp": 0.6, "limping": 0.6},
    "uneven": {"uneven": 0.75},
    "crouched": {"crouched": 0.6, "crouching": 0.6},
    "tiptoe": {"tiptoe": 0.5, "tiptoes": 0.5},
    "backward": {"backward": 0.7, "backwards": 0.7},
    "sideways": {"sideways": 0.5},
    "stairs": {"stairs": 0.5, "upstairs": 0.5, "downstairs": 0.5},
}
"""The plain word -> words for the manner like it, with what they multiply a speed with."""

MANNER_PHRASES: dict[str, str] = {
    "slow motion": "snail", "take time": "slowly", "full tilt": "hurriedly", "flat out": "hurriedly",
    "power walk": "hurriedly",
}  # fmt: skip
"""Two words in a row, in their base form, but for a "his" between them -> a word for the manner that says the same."""

DEGREES: dict[str, float] = dict.fromkeys(("very", "extremely", "really", "super", "incredibly", "ultra"), 1.5) | (
    dict.fromkeys(("slightly", "somewhat", "bit", "little", "moderately", "fairly"), 0.5)
)
"""Word before one for the manner -> the power that its factor is raised to."""

SLOWEST_MANNER, FASTEST_MANNER = 0.4, 1.5

GOING_M_PER_S = {verb: speed for group in GOING.values() for verb, speed in group.items()}
SPEEDS = STAYING | GOING_M_PER_S
FACTORS = {word: factor for group in MANNERS.values() for word, factor in group.items()}


def verbs_like(*plain: str) -> tuple[str, ...]:
    """The verbs of these groups of :data:`GOING`."""
    return tuple(verb for group in plain for verb in GOING[group])


def manners_like(*plain: str) -> tuple[str, ...]:
    """The words of these groups of :data:`MANNERS`."""
    return tuple(word for group in plain for word in MANNERS[group])
