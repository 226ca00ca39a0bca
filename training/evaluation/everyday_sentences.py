# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that animators type, and what a motion must measurably do to be what each says.

One table, hence its length. A criterion judges a motion alone, by its facts (``engine/library/facts.py``). Before it
judged anything else it was held against captured clips of that act: ``act`` finds them by their captions, ``real`` is
the share of them that passes, a take counting as passed when one of its clips does (a caption tells the take);
``others`` the share of all other clips (``python -m training.evaluate --parts sentences --library FILE`` measures
``real`` anew). Where ``real`` is low, the captured clips of that act vary; where ``others`` is high, the criterion says
little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.library.facts import ClipFacts


@dataclass(frozen=True)
class EverydaySentence:
    """``act``: pattern of the captions of captured clips that do this; ``passes``: whether a motion does it; ``real``
    and ``others``: the share of captured takes of this act, and of all other clips, that passes; ``usual``: the
    everyday sentence that says the same, if this is another way to say it.
    """

    text: str
    act: str
    passes: Callable[[ClipFacts], bool]
    real: float = float("nan")
    others: float = float("nan")
    usual: str = ""

    @property
    def sided(self) -> bool:
        """Whether left or right is said."""
        return re.search(r"\b(left|right)\b", self.text) is not None


def steps_along(f: ClipFacts, slowest: float, fastest: float) -> bool:
    """Whether somebody steps, upright and mostly ahead, at such a speed (m/s)."""
    return slowest <= f.speed <= fastest and f.ahead > 0.6 * f.speed and f.step_rate > 0.7 and f.hips_mean > 0.5


def stays_up(f: ClipFacts) -> bool:
    return f.hips_lowest > 0.6 and f.tilt_most < 1.4


# fmt: off
WAYS_OF_GOING = (
    EverydaySentence("a person walks forward",
                     r"^\w+ (person|man) (walks|is walking)( forward| straight)?( at a normal pace)?$",
                     lambda f: steps_along(f, 0.5, 1.9) and f.flight_share < 0.1, 0.87, 0.13),
    EverydaySentence("someone walks slowly", r"walks? (forward )?slowly( forward)?$|takes slow steps|slow walk",
                     lambda f: 0.15 < f.speed < 0.9 and f.ahead > 0.6 * f.speed and f.step_rate > 0.4 and stays_up(f)
                         and f.flight_share < 0.1, 0.82, 0.16),
    EverydaySentence("a woman walks briskly", r"walks? (forward )?(quickly|briskly)|rushes along",
                     lambda f: steps_along(f, 1.2, 2.6) and f.flight_share < 0.15, 0.83, 0.02),
    EverydaySentence("a person runs", r"^\w+ (person|man) runs( forward)?( fast.*)?$",
                     lambda f: f.top_speed > 1.8 and f.ahead > 0.5 * f.speed and f.flight_share > 0.06, 0.87, 0.02),
    EverydaySentence("a man is jogging", r"jog(s|ging) (forward|around|straight)|is jogging",
                     lambda f: 1.5 < f.top_speed < 3.8 and (f.flight_share > 0.03 or f.step_rate > 2.2), 0.86, 0.05),
    EverydaySentence("she sprints as fast as she can", r"runs (forward )?fast|sprint",
                     lambda f: f.top_speed > 3.2 and f.flight_share > 0.1, 0.85, 0.00),
    EverydaySentence("a person walks backwards", r"walks backward|steps backward|backs away",
                     lambda f: f.ahead < -0.15 and -f.ahead > 0.6 * f.speed and f.step_rate > 0.5, 0.84, 0.01),
    EverydaySentence("a person sidesteps to the left", r"(walks sideways|sidesteps|step sideways) to the left",
                     lambda f: f.left > 0.12 and f.left > abs(f.ahead), 0.78, 0.01),
    EverydaySentence("someone walks sideways to the right", r"(walks sideways|sidesteps|step sideways) to the right",
                     lambda f: f.left < -0.12 and -f.left > abs(f.ahead), 0.78, 0.02),
    EverydaySentence("a person turns around",
                     r"turns (around )?(in place|on the spot)|turns around and walks|, turns around",
                     lambda f: f.turn_most > 2.2, 0.95, 0.27),
    EverydaySentence("a person walks and turns left",
                     r"(walks|walks forward|walking|and makes a \w+|ninety degree) (then |and |"
                     r"and makes a sharp |sharp |degree )?(turns )?left( turn)?$",
                     lambda f: f.speed > 0.35 and f.turn > 0.6, 0.97, 0.14),
    EverydaySentence("a man walks forward and then turns right",
                     r"(walks|walks forward|walking|and makes a \w+|ninety degree) (then |and |"
                     r"and makes a sharp |sharp |degree )?(turns )?right( turn)?$",
                     lambda f: f.speed > 0.35 and f.turn < -0.6, 0.97, 0.11),
    EverydaySentence("a person walks in a circle", r"in a circle to the",
                     lambda f: f.speed > 0.25 and f.turn_most > 3.6, 0.86, 0.09),
    EverydaySentence("a person climbs the stairs", r"climbs up three steps|climbs stairs|up (a few )?stairs",
                     lambda f: f.rise > 0.15, 0.82, 0.02),
    EverydaySentence("a person skips along happily", r"\bskips\b(?! around)|gallop|hopscotch",
                     lambda f: f.speed > 0.5 and f.flights > 0.5 and f.flight_share > 0.06, 0.50, 0.06),
    EverydaySentence("a person hops on one leg", r"hops on the left foot|hops forward on one leg|hopping on each leg",
                     lambda f: max(f.left_foot_lifted, f.right_foot_lifted) > 0.5 and f.flights > 0.4, 0.86, 0.00),
    EverydaySentence("a person hops on the left foot", r"hops on the left foot",
                     lambda f: f.right_foot_lifted > 0.5 > f.left_foot_lifted and f.flights > 0.4, 1.00, 0.00),
    EverydaySentence("a baby crawls on hands and knees",
                     r"crawls (on hands and knees|forward)|walks like a baby and crawls",
                     lambda f: f.hips_lowest < 0.6 and f.tilt_most > 1.0 and f.speed > 0.05, 1.00, 0.04),
    EverydaySentence("a person steps over something",
                     r"steps over (something|an? obstacle|obstacles)|steps carefully over",
                     lambda f: f.foot_high > 0.15 and f.speed > 0.2 and f.tilt_most < 1.4, 0.54, 0.18),
    EverydaySentence("a person starts to run",
                     r"starts to run|begins jogging|breaks into a run|from walking to running",
                     lambda f: f.top_speed > 1.5 * f.speed - 0.2 and f.top_speed > 1.5, 0.86, 0.03),
)

STYLES = (
    EverydaySentence("a thief sneaks along", r"\bsneaks\b|stealthily|creeps along with bent knees",
                     lambda f: 0.05 < f.speed < 0.9 and (f.hips_mean < 0.88 or f.lean > 0.2 or f.foot_high > 0.3),
                         0.95, 0.34),
    EverydaySentence("an injured man limps", r"\blimps?\b|hobbles|hurt (right )?leg",
                     lambda f: 0.1 < f.speed < 1.1 and (f.step_asymmetry > 0.12 or f.sway > 0.06), 1.00, 0.40),
    EverydaySentence("a soldier marches", r"\bmarches\b",
                     lambda f: f.step_rate > 1.0 and f.foot_high > 0.2 and stays_up(f), 0.89, 0.09),
    EverydaySentence("a person walks like a zombie", r"zombie|mummy|arms stretched forward",
                     lambda f: f.speed < 1.2 and max(f.left_hand_ahead, f.right_hand_ahead) > 0.12, 1.00, 0.44),
    EverydaySentence("a zombie walks with outstretched arms",
                     r"(zombie|mummy) with outstretched arms|arms stretched forward",
                     lambda f: min(f.left_hand_ahead, f.right_hand_ahead) > 0.2 and f.speed < 1.3, 1.00, 0.13),
    EverydaySentence("a drunk man staggers", r"walks drunk|staggers|walks clumsily",
                     lambda f: f.sway > 0.045 and f.speed > 0.1, 1.00, 0.36),
    EverydaySentence("an old man walks with a bent back",
                     r"old man, bent|walks like an old man|walks slowly bent in pain",
                     lambda f: f.speed < 1.0 and (f.lean > 0.12 or f.head_bow > -0.4) and f.step_rate > 0.4, 1.00,
                         0.21),
    EverydaySentence("a sad woman walks with her head down",
                     r"sadly with a hanging head|hangs the head and mopes|trudges along depressed",
                     lambda f: 0.1 < f.speed < 0.9 and f.head_bow > -0.55 and f.step_rate > 0.4, 0.70, 0.23),
    EverydaySentence("a person walks happily with a bouncy step",
                     r"bouncy step|bouncing step|jauntily|cheerfully, whistling|fast and happily",
                     lambda f: f.speed > 0.4 and f.bounce > 0.01 and stays_up(f), 0.91, 0.17),
    EverydaySentence("a person walks angrily", r"walks angrily|frustrated, throwing the arms|stomps",
                     lambda f: f.speed > 0.4 and f.hand_speed > 1.1 and stays_up(f), 0.67, 0.20),
    EverydaySentence("someone walks crouched", r"\bcrouched\b.*|deeply bent knees",
                     lambda f: f.speed > 0.1 and f.hips_mean < 0.86, 0.86, 0.09),
    EverydaySentence("a person walks on tiptoe", r"(walks|walks backward|walks crouched) on tiptoe",
                     lambda f: f.speed > 0.05 and f.heels > 0.065, 1.00, 0.09),
    EverydaySentence("a man walks swinging his arms", r"swinging the (arms|shoulders)",
                     lambda f: f.speed > 0.4 and min(f.left_hand_speed, f.right_hand_speed) > 1.2, 0.83, 0.17),
    EverydaySentence("a person walks over rough ground", r"uneven (ground|terrain)|rough terrain",
                     lambda f: f.speed > 0.25 and f.step_rate > 0.6 and stays_up(f), 1.00, 0.42),
)

JUMPS = (
    EverydaySentence("a person jumps up",
                     r"jumps (straight )?up( with both feet| in place| and lands)?$|high (jump in place|into the air)",
                     lambda f: f.leap > 0.1 and f.flight_seconds > 0.15, 0.82, 0.12),
    EverydaySentence("a person jumps forward", r"jumps forward( with both feet)?|leaps forward|jumps far forward",
                     lambda f: f.flight_seconds > 0.15 and f.displacement > 0.4, 0.96, 0.21),
    EverydaySentence("a person does a long jump", r"long jump",
                     lambda f: f.flight_seconds > 0.2 and f.displacement > 1.0, 0.93, 0.13),
    EverydaySentence("someone jumps up and down",
                     r"jumps up and down|jumps in place and hops|jumps twice|hops forward several",
                     lambda f: f.flights > 0.3 and f.flight_share > 0.05, 1.00, 0.19),
    EverydaySentence("a person jumps and spins in the air", r"(jump|hop)s? (and|with).*(turn|twist)",
                     lambda f: f.flight_seconds > 0.15 and f.turn_most > 1.3, 1.00, 0.15),
    EverydaySentence("a man does jumping jacks", r"does jumping jacks|jumps, spreading arms and legs",
                     lambda f: f.flights > 0.3 and min(f.left_hand_high, f.right_hand_high) > 0.2, 1.00, 0.03),
    EverydaySentence("a person runs and jumps over an obstacle",
                     r"runs and (jumps|leaps)|leaps over an obstacle|takes a run and jumps",
                     lambda f: f.top_speed > 1.2 and f.flight_seconds > 0.2, 1.00, 0.05),
    EverydaySentence("a person jumps down from a ledge", r"jumps (down|backward|off)?.*ledge|steps off an edge",
                     lambda f: f.rise < -0.2 or f.hips_end < f.hips_start - 0.2, 1.00, 0.03),
    EverydaySentence("a gymnast does a cartwheel", r"(does|turns) a cartwheel|performs cartwheels",
                     lambda f: f.tilt_most > 2.0, 0.86, 0.02),
    EverydaySentence("a person does a backflip", r"does a backflip|flips backward|backward somersault",
                     lambda f: f.tilt_most > 2.0, 1.00, 0.02),
)

FIGHTS = (
    EverydaySentence("a person punches with the right hand", r"punches .*right arm",
                     lambda f: f.right_hand_speed > 1.5 and f.right_hand_speed > 1.1 * f.left_hand_speed and
                         f.right_hand_reach > 0.35, 1.00, 0.12),
    EverydaySentence("a man throws a punch with his left fist", r"punches .*left arm",
                     lambda f: f.left_hand_speed > 1.5 and f.left_hand_speed > 1.1 * f.right_hand_speed and
                         f.left_hand_reach > 0.35, 1.00, 0.07),
    EverydaySentence("a boxer throws punches", r"\bbox(es|er|ing)\b|throws (boxing |a series of )?punches",
                     lambda f: f.hand_speed > 1.8 and f.hand_reach > 0.35 and stays_up(f), 0.88, 0.21),
    EverydaySentence("a person kicks with the left leg", r"kicks with the left leg",
                     lambda f: f.left_foot_high > 0.35 and f.left_foot_high > f.right_foot_high + 0.1, 1.00, 0.04),
    EverydaySentence("someone kicks with the right foot", r"kicks with the right leg",
                     lambda f: f.right_foot_high > 0.35 and f.right_foot_high > f.left_foot_high + 0.1, 1.00, 0.05),
    EverydaySentence("a man does a high kick", r"front kick|roundhouse kick|side kick|jump kick",
                     lambda f: f.foot_high > 0.6, 1.00, 0.04),
    EverydaySentence("a footballer kicks a ball", r"kicks a (soccer )?ball",
                     lambda f: f.foot_high > 0.25 and f.top_speed > 0.4 and stays_up(f), 1.00, 0.12),
    EverydaySentence("a knight swings a sword", r"swings a sword|sword fighting",
                     lambda f: f.hand_speed > 1.5, 1.00, 0.47),
    EverydaySentence("a fighter blocks an attack with his arms", r"blocks with the arms|defensive guard",
                     lambda f: f.hand_speed > 0.8 and f.hand_high > -0.1 and stays_up(f), 0.80, 0.37),
    EverydaySentence("a person ducks", r"ducks|ducking|dodges",
                     lambda f: f.hips_lowest < 0.75 or f.lean_most > 0.7, 0.90, 0.28),
    EverydaySentence("a person does karate", r"karate|martial arts",
                     lambda f: f.hand_speed > 1.5 and (f.hand_reach > 0.35 or f.foot_high > 0.4), 0.90, 0.33),
)

GESTURES = (
    EverydaySentence("a person waves with the right hand", r"waves (hello )?with the right hand",
                     lambda f: f.right_hand_high > -0.1 and f.right_hand_high > f.left_hand_high + 0.1 and
                         f.right_hand_speed > 0.5, 1.00, 0.13),
    EverydaySentence("a woman waves hello with her left hand", r"waves (hello )?with the left hand",
                     lambda f: f.left_hand_high > -0.1 and f.left_hand_high > f.right_hand_high + 0.1 and
                         f.left_hand_speed > 0.5, 1.00, 0.09),
    EverydaySentence("a person throws a ball",
                     r"throws a (ball|football|frisbee)|pitches a baseball|throws something|winds up and throws",
                     lambda f: f.hand_speed > 2.5, 0.82, 0.18),
    EverydaySentence("a person throws with the left hand", r"throws with the left hand",
                     lambda f: f.left_hand_speed > 2.0 and f.left_hand_speed > 1.1 * f.right_hand_speed, 0.90, 0.08),
    EverydaySentence("a man talks on the phone", r"phone and talks|answers the phone",
                     lambda f: f.hand_to_head < 0.25, 1.00, 0.21),
    EverydaySentence("a person drinks from a bottle", r"drinks|takes a drink|lifts a cup",
                     lambda f: f.hand_to_head < 0.28, 0.90, 0.27),
    EverydaySentence("a person bows", r"person bows$|bends forward in a bow",
                     lambda f: f.lean_most > 0.5, 1.00, 0.35),
    EverydaySentence("a person dances salsa", r"salsa",
                     lambda f: f.step_rate > 0.8 and f.turn_rate > 0.4, 1.00, 0.25),
    EverydaySentence("a dancer dances", r"\bdances\b",
                     lambda f: f.turn_rate > 0.3 and f.hand_speed > 0.8, 0.76, 0.33),
    EverydaySentence("a person stands still", r"stands (still|idle|quietly|nearly still)|\bwaits$|stands waiting",
                     lambda f: f.speed < 0.2 and f.top_speed < 0.45 and stays_up(f), 0.91, 0.32),
    EverydaySentence("a person plays golf", r"swings a golf club|golf swing",
                     lambda f: f.hand_speed > 2.0 and f.hands_nearest < 0.3, 1.00, 0.08),
    EverydaySentence("a person stretches", r"\bstretches\b(?! an arm| out)",
                     lambda f: max(f.left_hand_overhead, f.right_hand_overhead) > 0.1 or f.lean_most > 0.8, 0.86,
                         0.37),
)

POSTURES = (
    EverydaySentence("a person sits down", r"sits down|(gets|stands) (back )?up.* sits|takes a seat",
                     lambda f: f.hips_start - f.hips_end > 0.2 and f.hips_end > 0.1, 0.68, 0.07),
    EverydaySentence("a man stands up from a chair", r"gets up from a chair|sitting stands up",
                     lambda f: f.hips_end - f.hips_start > 0.2 and f.hips_end > 0.7, 1.00, 0.08),
    EverydaySentence("someone sits down and stands up again", r"sits down .*(gets|stands) (back )?up",
                     lambda f: f.hips_start > 0.68 and f.hips_end > 0.68 and f.hips_lowest < 0.7, 0.69, 0.05),
    EverydaySentence("a person gets up from the floor",
                     r"gets up from the floor|on the ground stands up|(back|side|face down|ground,?) gets up",
                     lambda f: f.hips_end - f.hips_start > 0.3 and f.hips_start < 0.55, 0.73, 0.02),
    EverydaySentence("a person lies down on the floor", r"lies down|lowers himself",
                     lambda f: f.hips_end < 0.4 and f.hips_start - f.hips_end > 0.25, 0.67, 0.01),
    EverydaySentence("a knight kneels down", r"kneels down|down on one knee",
                     lambda f: f.hips_lowest < 0.65 and f.tilt_most < 1.5, 1.00, 0.06),
    EverydaySentence("a person does squats", r"does squats|squats down and stands|squats and lifts",
                     lambda f: f.hips_lowest < 0.62 and f.hips_end > 0.7 and f.tilt_most < 1.5, 0.83, 0.03),
    EverydaySentence("a man falls to the ground", r"\bfalls?\b|collapses",
                     lambda f: f.hips_highest - f.hips_lowest > 0.4 and f.hips_lowest < 0.45, 0.86, 0.02),
    EverydaySentence("a person rolls on the ground",
                     r"forward roll|rolls? (on the ground|over|under|backward)|dive roll|rolls and",
                     lambda f: f.hips_lowest < 0.5 and f.tilt_most > 1.3, 0.91, 0.02),
    EverydaySentence("someone does a handstand", r"handstand|vertical pushups",
                     lambda f: f.tilt_most > 2.2, 1.00, 0.01),
    EverydaySentence("a person does lunges", r"lunges(?! punch)",
                     lambda f: f.hips_lowest < 0.72 and f.hips_highest > 0.8, 1.00, 0.09),
)

WORK = (
    EverydaySentence("a person picks something up from the floor",
                     r"picks (something|a ball|an object|it)? ?up|bends down and (picks|lifts)",
                     lambda f: f.hips_lowest < 0.68 or f.lean_most > 0.8, 0.91, 0.22),
    EverydaySentence("a man lifts a heavy box",
                     r"(picks up|lifts) (a box|the box)|lifts and carries a heavy box|heavy box",
                     lambda f: f.hips_lowest < 0.7 or f.lean_most > 0.7, 0.92, 0.27),
    EverydaySentence("a person pushes something heavy", r"pushes a heavy|pushes hard|pushes forward",
                     lambda f: f.lean_most > 0.3 and max(f.left_hand_ahead, f.right_hand_ahead) > 0.1, 0.71, 0.25),
    EverydaySentence("a person pulls a heavy rope", r"pulls a heavy|drags something heavy|pulls someone",
                     lambda f: f.hips_mean < 0.9 and (f.ahead < 0 or abs(f.lean) > 0.15), 0.75, 0.22),
    EverydaySentence("someone carries a box",
                     r"carrying something in front|carries (it|a box)|carr(y|ies) a heavy box|"
                     r"picks up a stool and carries",
                     lambda f: f.speed > 0.2 and min(f.left_hand_ahead, f.right_hand_ahead) > 0.06, 0.86, 0.26),
    EverydaySentence("a person sweeps the floor with a broom", r"sweeps|pushes a broom|mops",
                     lambda f: f.hand_speed > 0.8 and max(f.left_hand_ahead, f.right_hand_ahead) > 0.1 and stays_up(f),
                         1.00, 0.39),
    EverydaySentence("a person climbs a ladder", r"climbs (up and down )?a ladder",
                     lambda f: f.hips_highest - f.hips_lowest > 0.3, 1.00, 0.15),
    EverydaySentence("a carpenter hammers a nail", r"hammers|swings a hammer",
                     lambda f: f.speed < 0.3 and f.hand_speed > 0.6 and f.hand_speed > 1.3 * min(f.left_hand_speed,
                         f.right_hand_speed) and max(f.left_hand_ahead, f.right_hand_ahead) > 0.1, 0.67, 0.12),
    EverydaySentence("a woman washes a window", r"washes (a window|windows)|wipes a window",
                     lambda f: f.hand_high > 0.0 and f.hand_speed > 0.5 and f.speed < 0.7, 1.00, 0.34),
    EverydaySentence("a man chops wood with an axe", r"chops wood|swings an axe",
                     lambda f: f.hand_speed > 1.8 and f.hands_nearest < 0.35, 1.00, 0.15),
    EverydaySentence("a person writes on a board", r"writes on a (board|wall)",
                     lambda f: max(f.left_hand_ahead, f.right_hand_ahead) > 0.15 and f.hand_high > -0.2 and f.speed <
                         0.6, 1.00, 0.30),
    EverydaySentence("a basketball player dribbles", r"dribbles",
                     lambda f: f.hand_speed > 0.9 and f.speed > 0.15, 1.00, 0.41),
    EverydaySentence("a policeman directs traffic", r"directs traffic|traffic officer",
                     lambda f: f.hand_high > 0.0 and f.hand_speed > 1.0, 1.00, 0.35),
)
# fmt: on

GROUPS = {
    "going": WAYS_OF_GOING,
    "styles": STYLES,
    "jumps": JUMPS,
    "fights": FIGHTS,
    "gestures": GESTURES,
    "postures": POSTURES,
    "work": WORK,
}
EVERYDAY = tuple(sentence for group in GROUPS.values() for sentence in group)


def act_clips(sentence: EverydaySentence, captions: Sequence[tuple[str, ...]]) -> list[int]:
    """Indices of the clips whose ``captions`` name the act."""
    pattern = re.compile(sentence.act)
    return [clip for clip, texts in enumerate(captions) if any(pattern.search(text) for text in texts)]
