# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that animators type, and what a motion must measurably do to be what each says.

A criterion judges a motion alone, by its facts (``engine/library/facts.py``). Before it judged anything else it was
held against captured clips of that act: ``act`` finds them by their captions, ``real`` is the share of them that
passes, a take counting as passed when one of its clips does (a caption tells the take); ``others`` the share of all
other clips (``python -m training.evaluate --parts sentences`` measures both anew).
Where ``real`` is low, the captured clips of that act vary; where ``others`` is high, the criterion says little.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.library.facts import ClipFacts


@dataclass(frozen=True)
class EverydaySentence:
    """``act``: pattern of the captions of captured clips that do this; ``passes``: whether a motion does it; ``real`` and
    ``others``: how many captured clips of this act, and of all others, pass.
    """

    text: str
    act: str
    passes: Callable[[ClipFacts], bool]
    real: float = float("nan")
    others: float = float("nan")

    @property
    def sided(self) -> bool:
        """Whether left or right is said."""
        return re.search(r"\b(left|right)\b", self.text) is not None


def hand_speed(f: ClipFacts) -> float:
    return max(f.left_hand_speed, f.right_hand_speed)


def foot_high(f: ClipFacts) -> float:
    return max(f.left_foot_high, f.right_foot_high)


def hand_high(f: ClipFacts) -> float:
    return max(f.left_hand_high, f.right_hand_high)


def reach(f: ClipFacts) -> float:
    return max(f.left_hand_reach, f.right_hand_reach)


def hand_to_head(f: ClipFacts) -> float:
    return min(f.left_hand_to_head, f.right_hand_to_head)


def leap(f: ClipFacts) -> float:
    """How far the hips rise over where they began, m."""
    return f.hips_highest - f.hips_start


def steps_along(f: ClipFacts, slowest: float, fastest: float) -> bool:
    """Whether somebody steps, upright and mostly ahead, at such a speed (m/s)."""
    return slowest <= f.speed <= fastest and f.ahead > 0.6 * f.speed and f.step_rate > 0.7 and f.hips_mean > 0.5


def stays_up(f: ClipFacts) -> bool:
    return f.hips_lowest > 0.6 and f.tilt_most < 1.4


# fmt: off
WAYS_OF_GOING = (
    EverydaySentence("a person walks forward", r"^\w+ (person|man) (walks|is walking)( forward| straight)?( at a normal pace)?$", lambda f: steps_along(f, 0.5, 1.9) and f.flight_share < 0.1),
    EverydaySentence("someone walks slowly", r"walks? (forward )?slowly( forward)?$|takes slow steps|slow walk", lambda f: 0.15 < f.speed < 0.9 and f.ahead > 0.6 * f.speed and f.step_rate > 0.4 and stays_up(f) and f.flight_share < 0.1),
    EverydaySentence("a woman walks briskly", r"walks? (forward )?(quickly|briskly)|rushes along", lambda f: steps_along(f, 1.2, 2.6) and f.flight_share < 0.15),
    EverydaySentence("a person runs", r"^\w+ (person|man) runs( forward)?( fast.*)?$", lambda f: f.top_speed > 1.8 and f.ahead > 0.5 * f.speed and f.flight_share > 0.06),
    EverydaySentence("a man is jogging", r"jog(s|ging) (forward|around|straight)|is jogging", lambda f: 1.5 < f.top_speed < 3.8 and (f.flight_share > 0.03 or f.step_rate > 2.2)),
    EverydaySentence("she sprints as fast as she can", r"runs (forward )?fast|sprint", lambda f: f.top_speed > 3.2 and f.flight_share > 0.1),
    EverydaySentence("a person walks backwards", r"walks backward|steps backward|backs away", lambda f: f.ahead < -0.15 and -f.ahead > 0.6 * f.speed and f.step_rate > 0.5),
    EverydaySentence("a person sidesteps to the left", r"(walks sideways|sidesteps|step sideways) to the left", lambda f: f.left > 0.12 and f.left > abs(f.ahead)),
    EverydaySentence("someone walks sideways to the right", r"(walks sideways|sidesteps|step sideways) to the right", lambda f: f.left < -0.12 and -f.left > abs(f.ahead)),
    EverydaySentence("a person turns around", r"turns (around )?(in place|on the spot)|turns around and walks|, turns around", lambda f: f.turn_most > 2.2),
    EverydaySentence("a person walks and turns left", r"(walks|walks forward|walking|and makes a \w+|ninety degree) (then |and |and makes a sharp |sharp |degree )?(turns )?left( turn)?$", lambda f: f.speed > 0.35 and f.turn > 0.6),
    EverydaySentence("a man walks forward and then turns right", r"(walks|walks forward|walking|and makes a \w+|ninety degree) (then |and |and makes a sharp |sharp |degree )?(turns )?right( turn)?$", lambda f: f.speed > 0.35 and f.turn < -0.6),
    EverydaySentence("a person walks in a circle", r"in a circle to the", lambda f: f.speed > 0.25 and f.turn_most > 3.6),
    EverydaySentence("a person climbs the stairs", r"climbs up three steps|climbs stairs|up (a few )?stairs", lambda f: f.rise > 0.2),
    EverydaySentence("a person skips along happily", r"\bskips\b(?! around)|gallop|hopscotch", lambda f: f.speed > 0.5 and f.flights > 0.5 and f.flight_share > 0.06),
    EverydaySentence("a person hops on one leg", r"hops on the left foot|hops forward on one leg|hopping on each leg", lambda f: max(f.left_foot_lifted, f.right_foot_lifted) > 0.5 and f.flights > 0.4),
    EverydaySentence("a person hops on the left foot", r"hops on the left foot", lambda f: f.right_foot_lifted > 0.5 > f.left_foot_lifted and f.flights > 0.4),
    EverydaySentence("a baby crawls on hands and knees", r"crawls (on hands and knees|forward)|walks like a baby and crawls", lambda f: f.hips_lowest < 0.6 and f.tilt_most > 1.0 and f.speed > 0.05),
    EverydaySentence("a person steps over something", r"steps over (something|an? obstacle|obstacles)|steps carefully over", lambda f: foot_high(f) > 0.15 and f.speed > 0.2 and f.tilt_most < 1.4),
    EverydaySentence("a person starts to run", r"starts to run|begins jogging|breaks into a run|from walking to running", lambda f: f.top_speed > 1.5 * f.speed - 0.2 and f.top_speed > 1.5),
)

STYLES = (
    EverydaySentence("a thief sneaks along", r"\bsneaks\b|stealthily|creeps along with bent knees", lambda f: 0.05 < f.speed < 0.9 and (f.hips_mean < 0.88 or f.lean > 0.2 or foot_high(f) > 0.3)),
    EverydaySentence("an injured man limps", r"\blimps?\b|hobbles|hurt (right )?leg", lambda f: 0.1 < f.speed < 1.1 and (f.step_asymmetry > 0.08 or f.sway > 0.05)),
    EverydaySentence("a soldier marches", r"\bmarches\b", lambda f: f.step_rate > 1.0 and foot_high(f) > 0.2 and stays_up(f)),
    EverydaySentence("a person walks like a zombie", r"zombie|mummy|arms stretched forward", lambda f: f.speed < 1.1 and (max(f.left_hand_ahead, f.right_hand_ahead) > 0.2 or f.sway > 0.07 or f.step_asymmetry > 0.1)),
    EverydaySentence("a zombie walks with outstretched arms", r"(zombie|mummy) with outstretched arms|arms stretched forward", lambda f: min(f.left_hand_ahead, f.right_hand_ahead) > 0.2 and f.speed < 1.3),
    EverydaySentence("a drunk man staggers", r"walks drunk|staggers|walks clumsily", lambda f: f.sway > 0.045 and f.speed > 0.1),
    EverydaySentence("an old man walks with a bent back", r"old man, bent|walks like an old man|walks slowly bent in pain", lambda f: f.speed < 1.0 and (f.lean > 0.12 or f.head_bow > -0.4) and f.step_rate > 0.4),
    EverydaySentence("a sad woman walks with her head down", r"sadly with a hanging head|hangs the head and mopes|trudges along depressed", lambda f: f.speed < 0.9 and f.head_bow > -0.6),
    EverydaySentence("a person walks happily with a bouncy step", r"bouncy step|bouncing step|jauntily|cheerfully, whistling|fast and happily", lambda f: f.speed > 0.4 and f.bounce > 0.01 and stays_up(f)),
    EverydaySentence("a person walks angrily", r"walks angrily|frustrated, throwing the arms|stomps", lambda f: f.speed > 0.4 and hand_speed(f) > 1.1 and stays_up(f)),
    EverydaySentence("someone walks crouched", r"\bcrouched\b.*|deeply bent knees", lambda f: f.speed > 0.1 and f.hips_mean < 0.86),
    EverydaySentence("a person walks on tiptoe", r"(walks|walks backward|walks crouched) on tiptoe", lambda f: f.speed > 0.05 and f.heels > 0.065),
    EverydaySentence("a man walks swinging his arms", r"swinging the (arms|shoulders)", lambda f: f.speed > 0.4 and min(f.left_hand_speed, f.right_hand_speed) > 1.2),
    EverydaySentence("a person walks over rough ground", r"uneven (ground|terrain)|rough terrain", lambda f: f.speed > 0.25 and f.step_rate > 0.6 and stays_up(f)),
)

JUMPS = (
    EverydaySentence("a person jumps up", r"jumps (straight )?up( with both feet| in place| and lands)?$|high (jump in place|into the air)", lambda f: leap(f) > 0.12 and f.flight_seconds > 0.15),
    EverydaySentence("a person jumps forward", r"jumps forward( with both feet)?|leaps forward|jumps far forward", lambda f: f.flight_seconds > 0.15 and f.displacement > 0.4),
    EverydaySentence("a person does a long jump", r"long jump", lambda f: f.flight_seconds > 0.2 and f.displacement > 1.0),
    EverydaySentence("someone jumps up and down", r"jumps up and down|jumps in place and hops|jumps twice|hops forward several", lambda f: f.flights > 0.3 and f.flight_share > 0.05),
    EverydaySentence("a person jumps and spins in the air", r"(jump|hop)s? (and|with).*(turn|twist)", lambda f: f.flight_seconds > 0.15 and f.turn_most > 1.3),
    EverydaySentence("a man does jumping jacks", r"does jumping jacks|jumps, spreading arms and legs", lambda f: f.flights > 0.3 and min(f.left_hand_high, f.right_hand_high) > 0.2),
    EverydaySentence("a person runs and jumps over an obstacle", r"runs and (jumps|leaps)|leaps over an obstacle|takes a run and jumps", lambda f: f.top_speed > 1.2 and f.flight_seconds > 0.2),
    EverydaySentence("a person jumps down from a ledge", r"jumps (down|backward|off)?.*ledge|steps off an edge", lambda f: f.rise < -0.2 or f.hips_end < f.hips_start - 0.2),
    EverydaySentence("a gymnast does a cartwheel", r"(does|turns) a cartwheel|performs cartwheels", lambda f: f.tilt_most > 2.0),
    EverydaySentence("a person does a backflip", r"does a backflip|flips backward|backward somersault", lambda f: f.tilt_most > 2.0),
)

FIGHTS = (
    EverydaySentence("a person punches with the right hand", r"punches .*right arm", lambda f: f.right_hand_speed > 1.5 and f.right_hand_speed > 1.1 * f.left_hand_speed and f.right_hand_reach > 0.35),
    EverydaySentence("a man throws a punch with his left fist", r"punches .*left arm", lambda f: f.left_hand_speed > 1.5 and f.left_hand_speed > 1.1 * f.right_hand_speed and f.left_hand_reach > 0.35),
    EverydaySentence("a boxer throws punches", r"\bbox(es|er|ing)\b|throws (boxing |a series of )?punches", lambda f: hand_speed(f) > 1.8 and reach(f) > 0.35 and stays_up(f)),
    EverydaySentence("a person kicks with the left leg", r"kicks with the left leg", lambda f: f.left_foot_high > 0.35 and f.left_foot_high > f.right_foot_high + 0.1),
    EverydaySentence("someone kicks with the right foot", r"kicks with the right leg", lambda f: f.right_foot_high > 0.35 and f.right_foot_high > f.left_foot_high + 0.1),
    EverydaySentence("a man does a high kick", r"front kick|roundhouse kick|side kick|jump kick", lambda f: foot_high(f) > 0.6),
    EverydaySentence("a footballer kicks a ball", r"kicks a (soccer )?ball", lambda f: foot_high(f) > 0.25 and f.top_speed > 0.4 and stays_up(f)),
    EverydaySentence("a knight swings a sword", r"swings a sword|sword fighting", lambda f: hand_speed(f) > 1.5),
    EverydaySentence("a fighter blocks an attack with his arms", r"blocks with the arms|defensive guard", lambda f: hand_speed(f) > 0.8 and hand_high(f) > -0.1 and stays_up(f)),
    EverydaySentence("a person ducks", r"ducks|ducking|dodges", lambda f: f.hips_lowest < 0.75 or f.lean_most > 0.7),
    EverydaySentence("a person does karate", r"karate|martial arts", lambda f: hand_speed(f) > 1.5 and (reach(f) > 0.35 or foot_high(f) > 0.4)),
)

GESTURES = (
    EverydaySentence("a person waves with the right hand", r"waves (hello )?with the right hand", lambda f: f.right_hand_high > -0.1 and f.right_hand_high > f.left_hand_high + 0.1 and f.right_hand_speed > 0.5),
    EverydaySentence("a woman waves hello with her left hand", r"waves (hello )?with the left hand", lambda f: f.left_hand_high > -0.1 and f.left_hand_high > f.right_hand_high + 0.1 and f.left_hand_speed > 0.5),
    EverydaySentence("someone claps their hands", r"\bclaps\b|applau", lambda f: f.hands_nearest < 0.2 and hand_speed(f) > 0.6),
    EverydaySentence("a person throws a ball", r"throws a (ball|football|frisbee)|pitches a baseball|throws something|winds up and throws", lambda f: hand_speed(f) > 2.5),
    EverydaySentence("a person throws with the left hand", r"throws with the left hand", lambda f: f.left_hand_speed > 2.0 and f.left_hand_speed > 1.1 * f.right_hand_speed),
    EverydaySentence("a man talks on the phone", r"phone and talks|answers the phone", lambda f: hand_to_head(f) < 0.25),
    EverydaySentence("a person drinks from a bottle", r"drinks|takes a drink|lifts a cup", lambda f: hand_to_head(f) < 0.28),
    EverydaySentence("a person bows", r"person bows$|bends forward in a bow", lambda f: f.lean_most > 0.5),
    EverydaySentence("a person raises both arms", r"arm figures over the head|arms stretched out|raises? .*arms", lambda f: min(f.left_hand_high, f.right_hand_high) > 0.15),
    EverydaySentence("a person dances salsa", r"salsa", lambda f: f.step_rate > 0.8 and f.turn_rate > 0.4),
    EverydaySentence("a dancer dances", r"\bdances\b", lambda f: f.turn_rate > 0.3 and hand_speed(f) > 0.8),
    EverydaySentence("a person stands still", r"stands (still|idle|quietly|nearly still)|\bwaits$|stands waiting", lambda f: f.speed < 0.2 and f.top_speed < 0.45 and stays_up(f)),
    EverydaySentence("a person plays golf", r"swings a golf club|golf swing", lambda f: hand_speed(f) > 2.0 and f.hands_nearest < 0.3),
    EverydaySentence("two people talk and gesture with their hands", r"talks (and explains )?with|gestur.* while talking|explains something with hand gestures", lambda f: hand_speed(f) > 0.5 and hand_high(f) > -0.45 and f.hips_lowest > 0.3),
    EverydaySentence("a person stretches", r"\bstretches\b(?! an arm| out)", lambda f: f.left_hand_overhead > 0.05 or f.right_hand_overhead > 0.05 or f.lean_most > 0.6),
)

POSTURES = (
    EverydaySentence("a person sits down", r"sits down|(gets|stands) (back )?up.* sits|takes a seat", lambda f: f.hips_highest - f.hips_end > 0.2 and f.hips_end > 0.1),
    EverydaySentence("a man stands up from a chair", r"gets up from a chair|sitting stands up", lambda f: f.hips_end - f.hips_start > 0.2 and f.hips_end > 0.7),
    EverydaySentence("someone sits down and stands up again", r"sits down .*(gets|stands) (back )?up", lambda f: f.hips_start > 0.68 and f.hips_end > 0.68 and f.hips_lowest < 0.7),
    EverydaySentence("a person gets up from the floor", r"gets up from the floor|on the ground stands up|(back|side|face down|ground,?) gets up", lambda f: f.hips_end - f.hips_start > 0.3 and f.hips_lowest < 0.5),
    EverydaySentence("a person lies down on the floor", r"lies down|lowers himself", lambda f: f.hips_end < 0.38 and f.hips_highest - f.hips_end > 0.25),
    EverydaySentence("a knight kneels down", r"kneels down|down on one knee", lambda f: f.hips_lowest < 0.65 and f.tilt_most < 1.5),
    EverydaySentence("a person does squats", r"does squats|squats down and stands|squats and lifts", lambda f: f.hips_lowest < 0.62 and f.hips_end > 0.7 and f.tilt_most < 1.5),
    EverydaySentence("a man falls to the ground", r"\bfalls?\b|collapses", lambda f: f.hips_highest - f.hips_lowest > 0.4 and f.hips_lowest < 0.45),
    EverydaySentence("a person stumbles", r"stumbles|\btrips\b", lambda f: f.lean_most > 0.3 or f.sway > 0.07),
    EverydaySentence("a person rolls on the ground", r"forward roll|rolls? (on the ground|over|under|backward)|dive roll|rolls and", lambda f: f.hips_lowest < 0.5 and f.tilt_most > 1.3),
    EverydaySentence("someone does a handstand", r"handstand|vertical pushups", lambda f: f.tilt_most > 2.2),
    EverydaySentence("a person does lunges", r"lunges(?! punch)", lambda f: f.hips_lowest < 0.72 and f.hips_highest > 0.8),
)

WORK = (
    EverydaySentence("a person picks something up from the floor", r"picks (something|a ball|an object|it)? ?up|bends down and (picks|lifts)", lambda f: f.hips_lowest < 0.68 or f.lean_most > 0.8),
    EverydaySentence("a man lifts a heavy box", r"(picks up|lifts) (a box|the box)|lifts and carries a heavy box|heavy box", lambda f: f.hips_lowest < 0.7 or f.lean_most > 0.7),
    EverydaySentence("a person pushes something heavy", r"pushes a heavy|pushes hard|pushes forward", lambda f: f.lean_most > 0.3 and max(f.left_hand_ahead, f.right_hand_ahead) > 0.1),
    EverydaySentence("a person pulls a heavy rope", r"pulls a heavy|drags something heavy|pulls someone", lambda f: f.hips_mean < 0.9 and (f.ahead < 0 or abs(f.lean) > 0.15)),
    EverydaySentence("someone carries a box", r"carrying something in front|carries (it|a box)|carr(y|ies) a heavy box|picks up a stool and carries", lambda f: f.speed > 0.2 and min(f.left_hand_ahead, f.right_hand_ahead) > 0.06),
    EverydaySentence("a person sweeps the floor with a broom", r"sweeps|pushes a broom|mops", lambda f: hand_speed(f) > 0.8 and max(f.left_hand_ahead, f.right_hand_ahead) > 0.1 and stays_up(f)),
    EverydaySentence("a person climbs a ladder", r"climbs (up and down )?a ladder", lambda f: f.hips_highest - f.hips_lowest > 0.3),
    EverydaySentence("a carpenter hammers a nail", r"hammers|swings a hammer", lambda f: hand_speed(f) > 0.9 and max(f.left_hand_ahead, f.right_hand_ahead) > 0.1),
    EverydaySentence("a woman washes a window", r"washes (a window|windows)|wipes a window", lambda f: hand_high(f) > 0.0 and hand_speed(f) > 0.5 and f.speed < 0.7),
    EverydaySentence("a man chops wood with an axe", r"chops wood|swings an axe", lambda f: hand_speed(f) > 1.8 and f.hands_nearest < 0.35),
    EverydaySentence("a person writes on a board", r"writes on a (board|wall)", lambda f: max(f.left_hand_ahead, f.right_hand_ahead) > 0.15 and hand_high(f) > -0.2 and f.speed < 0.6),
    EverydaySentence("a basketball player dribbles", r"dribbles", lambda f: hand_speed(f) > 0.9 and f.speed > 0.15),
    EverydaySentence("a policeman directs traffic", r"directs traffic|traffic officer", lambda f: hand_high(f) > 0.0 and hand_speed(f) > 1.0),
)
# fmt: on

EVERYDAY = WAYS_OF_GOING + STYLES + JUMPS + FIGHTS + GESTURES + POSTURES + WORK


def mirrored_text(text: str) -> str:
    """``text`` with left and right exchanged."""
    return re.sub(r"\b(left|right)\b", lambda found: {"left": "right", "right": "left"}[found[1]], text)


def act_rows(sentence: EverydaySentence, captions: list[tuple[str, ...]]) -> np.ndarray:
    """Indices of the clips whose ``captions`` name the act."""
    pattern = re.compile(sentence.act)
    return np.array([i for i, texts in enumerate(captions) if any(pattern.search(text) for text in texts)], int)
