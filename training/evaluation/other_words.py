# SPDX-License-Identifier: GPL-3.0-or-later
"""The acts of the everyday sentences in other words, to be judged by the same criteria.

Nothing may be tuned on them: they show what a way to understand sentences is worth beyond those that it was made with.
"""

from __future__ import annotations

from dataclasses import replace

from .everyday_sentences import EVERYDAY, EverydaySentence

OTHER_WORDS = {
    "a person walks forward": "a guy strolls straight ahead",
    "someone walks slowly": "an elderly lady shuffles along at a snail's pace",
    "a woman walks briskly": "a businesswoman hurries to a meeting on foot",
    "a person runs": "the athlete is running",
    "a man is jogging": "he goes for a light jog",
    "she sprints as fast as she can": "a thief dashes away at full speed",
    "a person walks backwards": "somebody backs off, step by step",
    "a person sidesteps to the left": "he shuffles sideways to his left",
    "someone walks sideways to the right": "a girl steps sideways to her right",
    "a person turns around": "she spins about to face the other way",
    "a person walks and turns left": "a man strides ahead and takes a left",
    "a man walks forward and then turns right": "walking, then a right turn",
    "a person walks in a circle": "a guard paces round and round in circles",
    "a person climbs the stairs": "a boy goes upstairs",
    "a person skips along happily": "a little girl is skipping down the road",
    "a person hops on one leg": "a kid bounces along on a single leg",
    "a baby crawls on hands and knees": "an infant on all fours crawls across the room",
    "a person steps over something": "he lifts his foot over a log",
    "a thief sneaks along": "a burglar tiptoes stealthily through the house",
    "an injured man limps": "he drags a hurt leg as he walks",
    "a soldier marches": "troops on parade, marching in step",
    "a person walks like a zombie": "the undead shambles forward",
    "a drunk man staggers": "a tipsy guy stumbles home from the pub",
    "an old man walks with a bent back": "a hunched grandfather trudges on",
    "a sad woman walks with her head down": "a depressed girl slouches away",
    "a person walks angrily": "a furious boss storms off",
    "someone walks crouched": "a soldier moves forward in a low crouch",
    "a person walks on tiptoe": "a ballerina walks on her toes",
    "a person jumps up": "he leaps straight into the air",
    "a person jumps forward": "a frog-like jump ahead with both feet",
    "someone jumps up and down": "a child bounces up and down with excitement",
    "a man does jumping jacks": "star jumps, several in a row",
    "a gymnast does a cartwheel": "a girl turns cartwheels on the lawn",
    "a person does a backflip": "an acrobat somersaults backwards",
    "a person punches with the right hand": "a right hook to the jaw",
    "a man throws a punch with his left fist": "he jabs with his left",
    "a boxer throws punches": "two quick jabs and an uppercut",
    "a person kicks with the left leg": "a kick using the left foot",
    "someone kicks with the right foot": "she kicks out with her right leg",
    "a man does a high kick": "a martial artist kicks at head height",
    "a footballer kicks a ball": "a soccer player shoots at the goal",
    "a knight swings a sword": "a warrior slashes with his blade",
    "a person ducks": "he drops his head to dodge a blow",
    "a person waves with the right hand": "a man greets someone by raising and waving his right arm",
    "a woman waves hello with her left hand": "waving goodbye, left-handed",
    "a person throws a ball": "a pitcher hurls a baseball",
    "a man talks on the phone": "a lady is chatting on her mobile phone",
    "a person drinks from a bottle": "he takes a sip of water",
    "a person bows": "an actor takes a bow",
    "a dancer dances": "a couple is dancing at a party",
    "a person stands still": "a guard stands motionless at his post",
    "a person plays golf": "a golfer tees off",
    "a person sits down": "he takes a seat on the bench",
    "a man stands up from a chair": "she rises from her seat",
    "a person gets up from the floor": "the knocked-out boxer gets back on his feet",
    "a person lies down on the floor": "he stretches out flat on the ground",
    "a knight kneels down": "a man goes down on one knee to propose",
    "a person does squats": "deep knee bends at the gym",
    "a man falls to the ground": "she faints and drops to the floor",
    "a person rolls on the ground": "a stuntman does a forward roll",
    "a person picks something up from the floor": "he bends down to grab a coin off the ground",
    "a man lifts a heavy box": "a worker hoists a crate",
    "a person pushes something heavy": "two men shove a stalled car",
    "someone carries a box": "a mover walks with a carton in his arms",
    "a person sweeps the floor with a broom": "a janitor is sweeping",
    "a person climbs a ladder": "a fireman goes up a ladder",
    "a woman washes a window": "somebody wipes the glass clean",
    "a man chops wood with an axe": "a lumberjack splits logs",
    "a person writes on a board": "a teacher writes on the blackboard",
    "a basketball player dribbles": "a kid bounces a basketball",
    "a policeman directs traffic": "a traffic cop signals to the cars",
}


def in_other_words() -> tuple[EverydaySentence, ...]:
    """The sentences, each with the criterion of the everyday one that it stands for."""
    by_text = {sentence.text: sentence for sentence in EVERYDAY}
    return tuple(replace(by_text[usual], text=text, usual=usual) for usual, text in OTHER_WORDS.items())
