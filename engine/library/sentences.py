# SPDX-License-Identifier: GPL-3.0-or-later
"""A sentence -> how well every clip of the library says it.

The cosine of sentence vectors finds what is named; goals (``goals.py``) find, of what is named alike, what does it. A
mirror image is scored as the clip is for the mirrored sentence: "waves with the left hand" finds whoever waves with the
right one, mirrored.

Shapes: K clips, S captions, D numbers of a sentence vector. Numpy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import numpy as np

from blender_addon.shared.gait_table import GOING_M_PER_S
from blender_addon.shared.gaits import meant_words
from blender_addon.shared.words import forms_of, words_of

from .goals import SIDED, Goal, mirrored_sentence, rows_in, sentence_goals
from .library import Library
from .posture import posture_of
from .scores import ClipScores
from .synonyms import in_known_words

WEAK, ANIMAL = 0.12, 0.25  # what captions that say little, and people who act as animals, cost
GOALS = 1.5  # what goals cost beside cosines
COST_LIMIT = 0.6  # of all of them together
UNSAID = 0.15  # of a clip that says none of the words
NEAR = 0.65  # cosine; below it nothing in the library is near
NEAR_IN_ALL = 0.5  # the same where the best clip also does what words of the table ask, and captions say one of them
DONE = 0.05  # goals that cost less are met
COMMON = 3  # captions with a word, from which on it is one that clips are described by
ENGLISH = 0.5  # share of a sentence's words that are known, below which it is no English
LITTLE = 0.3  # share of English articles, pronouns and the like, from which it is, whatever it speaks of
_LITTLE_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    a an the and then or of to in on at with from for by into onto over under up down out off around back as like is are
    be his her its their he she it they one two three some something someone somebody person man woman boy girl guy
    people while who that this there very quite slowly quickly again once twice left right character figure
""",
    )
)
_ANIMALS = forms_of(re.findall(r"\w+", """
    animal ape bear bird cat chicken cow dinosaur dog dragon duck elephant fish flamingo frog gorilla horse insect
    kangaroo lion mantis monkey mouse penguin pig rabbit roadrunner rodent snake spider swan tiger whale wolf
"""))  # fmt: skip
_GOING = forms_of(GOING_M_PER_S)


@dataclass(frozen=True, eq=False)
class SentenceMatch:
    """``scores`` of the clips; the ``closest`` caption with its cosine ``nearness``; ``message``: what the user should
    know when nothing is near, else empty.
    """

    scores: ClipScores
    closest: str
    nearness: float
    message: str

    @property
    def near(self) -> bool:
        return not self.message


@dataclass(frozen=True, eq=False)
class SentenceIndex:
    """A library's captions ready for many sentences: made once, a few milliseconds."""

    library: Library
    vectors: np.ndarray  # (S, D) float32
    words: frozenset[str]
    common: frozenset[str]  # that several captions say
    saying: dict[str, list[int]]  # word -> the captions that say it

    @classmethod
    def of(cls, library: Library) -> Self:
        saying: dict[str, list[int]] = {}
        for place, caption in enumerate(library.captions):
            for word in set(words_of(caption)):
                saying.setdefault(word, []).append(place)
        common = frozenset(word for word, captions in saying.items() if len(captions) >= COMMON)
        return cls(library, np.asarray(library.vectors, np.float32), frozenset(saying) | _LITTLE_WORDS, common, saying)

    def sentences_to_encode(self, sentence: str) -> list[str]:
        """What :meth:`match` needs the vectors of: the sentence in words that captions have, and its mirror image where
        it names a side.
        """
        said = in_known_words(sentence, self.common)
        mirrored = mirrored_sentence(said)
        return [said] if mirrored == said else [said, mirrored]

    def match(self, sentence: str, vector: np.ndarray, mirrored_vector: np.ndarray | None = None) -> SentenceMatch:
        """Scores for ``sentence`` with the vectors (D,) of what :meth:`sentences_to_encode` gives."""
        written, sentence = sentence, in_known_words(sentence, self.common)
        goals = sentence_goals(sentence, written)
        costs = self._costs(goals)
        lowered = costs + self._lowered(sentence) + self._unsaid(sentence)
        cosines = self.vectors @ np.asarray(vector, np.float32)
        mirrored = cosines if mirrored_vector is None else self.vectors @ np.asarray(mirrored_vector, np.float32)
        scores = [self._by_clip(cosines) - lowered[0], self._by_clip(mirrored) - lowered[1]]
        choosing, matching = (np.stack(rows) for rows in zip(*scores, strict=True))
        place = int(cosines.argmax())
        closest, nearness = self.library.captions[place], float(cosines[place])
        words = meant_words(sentence)
        does = any(rows_in(words)) and costs.flat[int(choosing.argmax())] < DONE
        asked = [word for word in words_of(sentence) if word not in _LITTLE_WORDS]
        heard = any(word in self.saying for word in asked)
        enough = NEAR_IN_ALL if does and heard else NEAR
        message = "" if nearness >= enough else self._message(words_of(sentence), closest)
        going = any(word in _GOING and not _changes_posture(words, place) for place, word in enumerate(words))
        return SentenceMatch(ClipScores(choosing, matching, going, posture_of(goals)), closest, nearness, message)

    def _by_clip(self, cosines: np.ndarray) -> np.ndarray:
        """Cosines (S,) -> (2, K): that of each clip's index caption, and the mean of it and the best of all."""
        each = cosines[self.library.caption_ids]
        first = self.library.first_caption[:-1]
        index = each[first]
        return np.stack([index, (index + np.maximum.reduceat(each, first)) / 2])

    def _lowered(self, sentence: str) -> np.ndarray:
        """(K,): what no goal can win back; infinite for clips that float."""
        asks_for_animal = any(word in _ANIMALS for word in words_of(sentence))
        cost = WEAK * self.library.weak + (0.0 if asks_for_animal else ANIMAL) * self.library.animal
        return np.where(self.library.facts.floats, np.inf, cost)

    def _unsaid(self, sentence: str) -> np.ndarray:
        """(K,): what clips lose whose captions do not say the words of ``sentence``, ways of going aside; rare words
        ("robot"), which sentence vectors hardly hear beside common ones, count most.
        """
        library, num_captions = self.library, len(self.library.captions)
        unsaid, total = np.zeros(len(library.weak), np.float32), 0.0
        for word in set(words_of(sentence)) - _LITTLE_WORDS - _GOING.keys():
            captions = self.saying.get(word)
            if captions:
                weight = float(np.log(num_captions / len(captions)))
                says = np.zeros(num_captions, bool)
                says[captions] = True
                has = np.logical_or.reduceat(says[library.caption_ids], library.first_caption[:-1])
                unsaid, total = unsaid + weight * ~has, total + weight
        return UNSAID * unsaid / max(total, 1.0)

    def _costs(self, goals: tuple[Goal, ...]) -> np.ndarray:
        """(2, K) of the clips and their mirror images."""
        facts = self.library.facts
        both = np.zeros(len(self.library.weak), np.float32)
        for goal in goals:
            if goal.fact not in SIDED:
                both += goal.cost(facts)
        costs = np.stack([both, both])
        for goal in goals:
            if goal.fact in SIDED:
                costs += np.stack([goal.cost(facts), goal.mirrored().cost(facts)])
        return np.minimum(GOALS * costs, COST_LIMIT)

    def _message(self, words: list[str], closest: str) -> str:
        known = [word for word in words if word in self.words]
        little = [word for word in words if word in _LITTLE_WORDS]
        strange = len(known) < ENGLISH * len(words) and len(little) < LITTLE * len(words)
        if strange and not any(rows_in(words)):
            return (
                "This sentence was not understood. Gaitway reads English: say who does what, such as "
                "'a person walks forward slowly' or 'a person waves with the right hand'."
            )
        return f"No captured motion is near this sentence. The closest is: {closest}."


def _changes_posture(words: list[str], place: int) -> bool:
    """Whether the word at ``place`` is the "goes" of "goes down on one knee"."""
    return _GOING[words[place]] == "go" and bool({"down", "to"} & set(words[place + 1 : place + 2]))
