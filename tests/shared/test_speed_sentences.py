# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that people write, and the speed that a reader would give each: whole words as they are meant there."""

import pytest

from blender_addon.shared.gait_table import GOING_M_PER_S, WALKING_M_PER_S
from blender_addon.shared.gaits import meant_words, usual_speed
from blender_addon.shared.words import inflections
from engine.library.goals import ROWS, rows_in, sentence_goals
from engine.library.synonyms import in_known_words

WALK = (1.0, 1.4)
SENTENCES: dict[str, dict[str, tuple[float, float]]] = {
    "words, not letters": {
        "someone walks in a hopeful mood": WALK, "a model on a runway": WALK, "a person carrying a box": (0.8, 1.2),
        "a climber walks to the wall": WALK, "the skipper walks on deck": WALK, "a marching band plays": WALK,
        "a runaway child": WALK, "the racer waits": WALK, "a stripper": WALK, "a scrawled note": WALK,
        "a man at the crosswalk": WALK, "she walks on the sidewalk": WALK, "a dashing young man": WALK,
        "the hopper": WALK, "a rambling talk about racism": WALK,
    },
    "every form of a verb": {
        "a man hurries": (1.6, 2.2), "he hurried home": (1.6, 2.2), "hurrying along": (1.6, 2.2),
        "she rushes off": (1.7, 2.4), "the boy dashes away": (3.2, 4.5), "he is dashing to the bus": (3.2, 4.5),
        "a couple strolling": (0.8, 1), "the thief creeps in": (0.3, 0.5), "he crept": (0.3, 0.5),
        "she tiptoes past": (0.4, 0.8), "an old couple ambles": (0.4, 1), "he trudges home": (0.6, 0.9),
        "she sprinted": (4, 6), "jogging along": (2, 2.6), "soldiers marched": (1, 1.4), "he limped off": (0.5, 0.8),
        "a drunk staggers home": (0.4, 0.8), "he snuck in": (0.3, 0.7), "he sneaked in": (0.3, 0.7),
        "she wandered off": (0.8, 1), "he paces up and down": (0.9, 1.3), "she strode ahead": (1.3, 1.8),
        "she skipped along": (1.3, 1.8), "he is hopping": (0.3, 0.7), "crawling forward": (0.3, 0.5),
        "he fled": (3, 4), "he scampered off": (1.5, 3), "a person scuttles": (1, 2.5), "he ran": (2.5, 3.5),
        "she meanders through the park": (0.6, 1), "he hastens": (1.5, 2.2), "she bolted": (3.2, 4.5),
        "a toddler totters": (0.4, 0.8), "he plods on": (0.6, 1), "she sashays": (0.8, 1.3),
        "they parade": (0.9, 1.3), "he races off": (3, 4.5), "he speeds away": (2, 4), "she power-walks": (1.5, 2.1),
        "a person speed walks": (1.5, 2.1), "a person power walks": (1.5, 2.1),
    },
    "what is negated": {
        "a person does not run": WALK, "walks without running": WALK, "walks instead of running": WALK,
        "he never runs": WALK, "a person walks, not runs": WALK, "he isn't running but walking": WALK,
        "she cannot run": WALK, "he is not in a hurry and walks": WALK, "in no hurry, a man walks": WALK,
        "he refuses to run": WALK, "too tired to run, he walks": (0.5, 1.4), "no longer running, she walks": WALK,
        "walks rather than runs": WALK, "a man without a coat runs": (2.5, 3.5), "he does not even try to run": WALK,
        "he does not look back as he runs": (2.5, 3.5), "unable to run, she walks": WALK,
        "not walking but running": (2.5, 3.5), "not slowly but quickly he walks": (1.4, 1.8), "avoid running": WALK,
        "with no shoes she runs": (2.5, 3.5), "without looking back she runs away": (2.5, 3.5), "nobody runs": WALK,
        "a person who never hurries strolls": (0.8, 1),

        "he hardly moves": WALK,
    },
    "words for the manner, and whose manner it is": {
        "walks slowly": (0.7, 1), "walks quickly": (1.4, 1.8), "walks briskly": (1.4, 1.8),
        "walks very fast": (1.4, 2), "walks leisurely": (0.8, 1.1), "walks calmly": (0.9, 1.2),
        "runs slowly": (2, 2.6), "walks hurriedly": (1.4, 1.9), "walks at a brisk pace": (1.4, 1.8),
        "with slow steps she walks": (0.7, 1), "a person walks super slow": (0.5, 0.95),
        "a person walks faster and faster": (1.3, 1.8), "a person slowly walks to the left": (0.7, 1),
        "he walks in slow motion": (0.4, 1), "a fast walk": (1.4, 1.8), "he walks with haste": (1.4, 2.2),
        "he walks at top speed": (1.4, 2.2), "he runs as fast as he can": (3.5, 5), "walks past an old house": WALK,
        "walks towards a slow car": WALK, "he walks, fast asleep": WALK, "a quick-tempered man walks": WALK,
    },
    "several verbs": {
        "walks and then runs": WALK, "runs, then walks": (2.5, 3.5), "jumps up and runs away": (2.5, 3.5),
        "a person carrying a box runs": (2, 3.5), "a man pushing a cart walks": (0.5, 1.3), "goes jogging": (2, 2.6),
        "comes running": (2.5, 3.5), "gets up and walks off": WALK, "kicks the ball, then runs": (2.5, 3.5),
        "goes running": (2.5, 3.5), "went for a quick run": (3, 5),
    },
    "nouns of the same spelling, and verbs that mean something else": {
        "goes for a run": (2.5, 3.5), "takes a walk": WALK, "a slow march": (0.7, 1.1),
        "the run of the stairs": (0.5, 1.4), "runs his hand over the table": WALK,
        "a person with a walking stick": WALK, "adds a dash of salt": WALK, "walks during rush hour": WALK,
        "walks in a hurry": (1.4, 2.2), "in a hurry, a man crosses the street": (1.5, 2.2),
        "he breaks into a run": (2.5, 3.5), "sits on the step": WALK, "goes for a jog": (2, 2.6),
        "has a stroll": (0.8, 1), "at a run": (2.5, 3.5), "walks with a limp": (0.5, 0.8),
        "makes a dash for the door": (3.2, 4.5), "puts on running shoes and walks": WALK, "a running joke": WALK,
        "pulls out a chair and walks": WALK, "he runs out of breath and walks": WALK,
        "runs her fingers through her hair": WALK, "picks up a box and walks": WALK,
        "his heart races as he walks": WALK, "a car races past a walking man": WALK,
 "skips breakfast and walks out": WALK, "jogs his memory": WALK,
        "charges his phone and walks": WALK, "goes at a slow pace": (0.6, 1), "walks to the race": WALK,
        "the parade passes": WALK, "his arms hang limp as he walks": WALK, "a limp body": WALK,
        "takes a leap of faith": WALK, "walks the dog": WALK, "climbs the steps": (0.2, 0.7),
        "a crawling baby": (0.3, 0.5), "a limping man": (0.5, 0.8), "runs a comb through his hair": WALK,
        "pushes a button": WALK, "the water runs": WALK, "drags on a cigarette": WALK, "a walk cycle": WALK,
        "a run cycle": (2.5, 3.5), "storm clouds": WALK, "a bolt of lightning": WALK, "a long walk home": WALK,
        "the charge of the phone": WALK, "a quick jog around the block": (2.3, 3.2), "walks on a race track": WALK,
        "dash cam": WALK, "jumping jacks": (0.3, 0.6),
    },
}  # fmt: skip
"""Sentence -> metres a second, slowest and fastest."""


@pytest.mark.parametrize("kind", SENTENCES)
def test_the_speed_that_a_reader_would_give(kind: str) -> None:
    wrong = {
        sentence: usual_speed([sentence])
        for sentence, (slowest, fastest) in SENTENCES[kind].items()
        if not slowest <= usual_speed([sentence]) <= fastest
    }
    assert not wrong


def test_the_manner_belongs_to_its_own_verb_and_prompt() -> None:
    assert usual_speed(["he runs, then walks slowly"]) == usual_speed(["he runs"])
    assert usual_speed(["a person walks", "a person runs slowly"]) == WALKING_M_PER_S
    assert usual_speed(["a person waves", "a person runs"]) == usual_speed(["a person runs"])
    assert usual_speed(["he walks very slowly"]) < usual_speed(["he walks slowly"]) < usual_speed(["he walks"])


def test_what_means_something_else_asks_nothing_of_a_clip() -> None:
    for sentence in ("he runs his hand over it", "he walks past a zombie", "he adds a dash of salt"):
        assert not {"run", "dash", "zombie"} & set(meant_words(sentence)), sentence
        assert not {goal.fact for goal in sentence_goals(sentence)} & {"top_speed", "hands_least_ahead"}, sentence
    assert list(rows_in(meant_words("a man carries boxes"))) == ["carry"]
    assert list(rows_in(meant_words("a burglar slinks up the steps"))) == ["burglar", "slink", "up stairs"]


def test_drawn_paths_and_the_search_have_the_same_ways_of_going() -> None:
    for verb, speed in GOING_M_PER_S.items():
        form = next(form for form in sorted(inflections(verb)) if form.endswith("s"))
        sentence = f"a person {form} away"
        goals = sentence_goals(in_known_words(sentence, ()), sentence)
        speeds = [(goal.low, goal.high) for goal in goals if goal.fact == "speed"]
        assert any(low < usual_speed([sentence]) == speed < high < 2 * speed for low, high in speeds), verb
        assert speed < 2.0 or verb in ROWS, verb  # who is as fast as that runs, for the search too
