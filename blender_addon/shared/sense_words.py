# SPDX-License-Identifier: GPL-3.0-or-later
"""Words by which ``senses.py`` tells what another word means in its sentence."""

from __future__ import annotations

from .gait_table import FACTORS
from .words import forms_of


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


DETERMINERS = _set("a an the his her their its my your our another no")
NUMBERS = _set("one two three four five six seven eight nine ten several few many")
ADJECTIVES = _set("long short big small little tiny huge giant light heavy gentle nice good steady sudden mad final "
                  "single double wide high low easy normal silly funny full first last left right") | {
    word for word in FACTORS if not word.endswith("ly")}  # fmt: skip
PREPOSITIONS = _set("for into at in with on to from by during after before of over through toward towards past behind "
                    "near beside under around about onto along across against between like as up down off "
                    "out")  # fmt: skip
CONJUNCTIONS = _set("and or but then while when as if like so until than that who which")
BE = _set("be is are was were am being been becomes become became seems looks feels gets there here")

NOUNS_OF_GOING = _set(
    "walk run jog sprint march stroll hike trek limp stride pace crawl shuffle dash trot gallop canter lope hurry rush "
    "saunter amble wander ramble swagger strut waddle stagger race parade promenade moonwalk sidestep hobble crouch "
    "step tiptoe skip hop jump leap dance cartwheel kick punch salsa ballet karate fight"
)
"""Verbs that are nouns for the same, as in "goes for a run"."""
PLAIN_NOUNS = _set("walk march stagger shuffle limp swagger strut hobble waddle stroll saunter crawl")
"""Of them those that "of" may follow: the march of a soldier, but not the run of the stairs."""
LIGHT = forms_of(sorted(_set(
    "go take have do make break start begin continue finish keep perform try set come give practise practice repeat "
    "imitate mimic fake show demonstrate need"
)))  # fmt: skip
"""Verbs that say little beside such a noun."""
LEADING_IN = _set("for into at in with to from by during on")
"""Prepositions before such a noun: at a run, into a trot."""
MANNER_OF_NOUN = {"hurry": "hurriedly", "rush": "hurriedly", "limp": "limping", "crouch": "crouched"}
"""Such a noun that says how something else is done -> the word for the manner."""
TEMPO_NOUNS = _set("pace stride step")
STAIRS_BEFORE = _set("up down climbs climb climbing climbed descends descending ascends ascending mounts mounting")

THINGS = _set(
    "stick cane frame pole poles boot boots shoe shoes sandals trousers shorts pants gear clothes outfit suit machine "
    "water tap track lane path trail route tour joke commentary total cost mate order orders band board car cars cart "
    "bike bicycle horse bag rope wall space cable station case song music motor engine light mower river stream gloves "
    "ring cloud clouds door drain cam hour day course bib card ground ladder stool cutter suit tightrope poster number "
    "party room hall talk speech lesson class club school meat nose tights"
)  # fmt: skip
"""Things that are named after a way of going: running shoes, a marching band, a race track."""
SELF_MOVING = _set(
    "nose heart hearts mind pulse water tap engine motor machine clock time blood tears sweat river stream eyes gaze "
    "thoughts skin music path road street fence wall trail program rumour rumor colors paint "
    "car cars bus train truck tram boat ship plane traffic ball arrow bullet cloud clouds leaves"
)
"""Things that run, race or wander themselves."""
_HANDS = "hand hands finger fingers palm palms thumb fingertips tongue eyes gaze comb brush cloth rag sponge knife"
_PULLED = (
    "button buttons key keys switch doorbell bell pedal trigger lever cord face hair gun knife sword phone "
    "wallet plug pin chair card door drawer curtain curtains weeds"
)
OTHER_OBJECTS = {
    "run": _set(f"{_HANDS} bath business shop store machine company test risk fever temperature program experiment"),
    "walk": _set("fingers"),
    "race": _set("engine"),
    "skip": _set("breakfast lunch dinner meal meals class classes school line queue stone stones page song beat turn"),
    "charge": _set("phone battery batteries laptop device card fee price customer money"),
    "bolt": _set("door window gate lid plate"),
    "dash": _set("hopes hope dreams"),
    "shuffle": _set("card cards deck paper papers"),
    "jog": _set("memory"),
    "push": _set(_PULLED),
    "pull": _set(_PULLED),
    "drag": _set("cigarette mouse pen"),
    "storm": _set("brain"),
}
"""Verb -> what it is done to where nobody goes anywhere by it."""
HIGH_SPEED = _set("at with top full high great maximum")
"""Before "speed" of who hurries."""
OTHER_PARTICLES = {
    "carry": _set("on out through"),
    "pull": _set("up out off over"),
    "push": _set("up off aside"),
    "drag": _set("on"),
}
"""Verb -> particle with which it says something else."""
NEEDED_PARTICLES = {
    "speed": _set("away off past along down by through across toward towards ahead forward into out"),
    "reel": _set("back backward backwards around about forward sideways away"),
}
"""Verb -> particles without which it is none of going."""
TRANSITIVE = _set("carry push pull drag chase dribble kick punch sweep climb")

PERSONS_ADJECTIVES = frozenset(FACTORS) & _set(
    "old elderly aged geriatric sad depressed miserable dejected heartbroken gloomy downcast unhappy tired exhausted "
    "weary fatigued drunk drunken intoxicated tipsy inebriated angry furious enraged irate happy cheerful joyful merry "
    "elated delighted glad zombie undead ghoul snail tortoise injured wounded hurt lazy stairs"
) | _set("zombies soldier soldiers mummy mummies thief thieves burglar grandfather grandmother")  # fmt: skip
"""Words for who goes, which may as well tell of somebody or something by the way."""
OF_THE_BODY = _set(
    "pace step steps walk run march stride strides way manner fashion style rhythm tempo motion gait posture mood body "
    "leg legs foot feet knee knees ankle hip back arm arms hand hands head face eyes shoulder shoulders heart movement "
    "movements walking running mode"
)
VEHICLES = _set("car cars bus train truck tram bike boat food")
