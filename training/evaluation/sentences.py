# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a motion does what an everyday sentence says: captured ones, what the library finds, what the engine makes.

Every motion is judged alike: by the facts of its active part, or, where a sentence says that somebody goes down or
comes up, of that part of it. Shapes: T frames, J = 22 joints, K clips.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from blender_addon.shared.control import ControlSignal
from engine.library.facts import ClipFacts
from engine.library.found import find
from engine.library.goals import mirrored_sentence, sentence_goals
from engine.library.library import Library
from engine.library.measure_facts import clip_facts
from engine.library.posture import posture_of, posture_part
from engine.library.route import Route
from engine.library.scores import ClipScores
from engine.library.sentences import SentenceIndex
from engine.models.text_encoder import TextEncoder
from engine.pipeline import Pipeline

from .everyday_sentences import EVERYDAY, GROUPS, EverydaySentence, act_clips
from .metric_table import Metric, measured
from .other_words import in_other_words
from .realism.faults import frozen_share, jolt
from .text_sensitivity import generate

NEAREST = 5  # takes that are nearest to a sentence
VARIATIONS = 4
LARGEST_JOLT = 2.0  # m/s; of captured motion 1.5
NUM_FRAMES = 120
LONGEST_FRAMES = 160  # of a clip that are judged

Advance = Callable[[str], None]
PassRates = dict[EverydaySentence, float]

SENTENCES: tuple[Metric[PassRates], ...] = (
    Metric("all", "all", 2, lambda rates: _mean(rates, list(rates))),
    Metric("sides", "left, right", 2, lambda rates: _mean(rates, [each for each in rates if each.sided])),
    *(Metric(name, name, 2, lambda rates, own=own: _mean(rates, own)) for name, own in GROUPS.items()),  # type: ignore[misc]
    Metric("sentences", "sentences", 0, lambda rates: float(len(rates))),
)
"""Of the share of motions that pass, for every sentence."""


FAULTY: Metric[float] = Metric("faulty", "faulty", 2, lambda share: share)
"""The share of sentences of which one of the engine's motions freezes or jolts, beside :data:`SENTENCES`."""


def _mean(rates: PassRates, sentences: Sequence[EverydaySentence]) -> float | None:
    own = [rates[sentence] for sentence in sentences if sentence in rates]
    return float(np.mean(own)) if own else None


def judged_facts(sentence: str, joints: np.ndarray) -> ClipFacts:
    """The facts of what counts of a motion (T, J, 3) for ``sentence``."""
    posture = posture_of(sentence_goals(sentence))
    part = posture_part(posture, joints[:, 0, 1]) if posture else None
    if part is None:
        whole = clip_facts(joints)
        first = int(whole.active_start)
        part = first, min(int(whole.active_end), first + LONGEST_FRAMES)
    first, end = part
    return clip_facts(joints[first : max(end, first + 2)])


def passes(sentence: EverydaySentence, joints: np.ndarray) -> bool:
    return bool(sentence.passes(judged_facts(sentence.usual or sentence.text, joints)))


@dataclass(frozen=True, eq=False)
class SentenceLibrary:
    """The library with its sentence encoder; motions are decoded when they are judged."""

    library: Library
    index: SentenceIndex
    encoder: TextEncoder

    @classmethod
    def of(cls, pipeline: Pipeline) -> Self | None:
        """The pipeline's own; None where it has none."""
        if pipeline.sentences is None:
            return None
        return cls(pipeline.sentences.library, pipeline.sentences, pipeline.text_encoder)

    def joints(self, mirror: bool, clip: int) -> np.ndarray:
        """(T, J, 3) of a clip or its mirror image, beginning over the origin."""
        motion = self.library.decode(clip, mirror=mirror)
        headings = motion.headings()
        return motion.in_world(np.concatenate([motion.places(headings), headings[:, None]], -1))

    def scores(self, text: str) -> ClipScores:
        return self.index.match(text, *self.encoder.encode(self.index.sentences_to_encode(text)).cpu().numpy()).scores

    def found(self, text: str, seed: int) -> np.ndarray:
        """(T, J, 3): the motion that the library gives for a sentence alone, not yet finished."""
        finding = find(self.library, self.scores(text), Route.free(NUM_FRAMES), seed)
        while True:
            try:
                next(finding)
            except StopIteration as done:
                return done.value.joints

    def nearest(self, text: str, count: int = NEAREST) -> list[tuple[bool, int]]:
        """The best ``count`` takes for a sentence, best first: whether mirrored, and the clip."""
        order = np.argsort(-self.scores(text).choosing, axis=None, kind="stable")
        _, first = np.unique(self.library.takes[order % self.library.num_clips], return_index=True)
        best = order[np.sort(first)[:count]]
        return [(bool(place >= self.library.num_clips), int(place % self.library.num_clips)) for place in best]


def captured_rates(held: SentenceLibrary) -> PassRates:
    """Of the takes of each act the share of which a clip passes; mirrored where their captions name the other side."""
    library = held.library
    rates: PassRates = {}
    captions = [tuple(library.captions_of(clip)) for clip in range(library.num_clips)]
    mirrored = [tuple(mirrored_sentence(text) for text in texts) for texts in captions]
    for sentence in EVERYDAY:
        own = [(False, clip) for clip in act_clips(sentence, captions)]
        if sentence.sided:
            own += [(True, clip) for clip in act_clips(sentence, mirrored)]
        takes: dict[int, bool] = {}
        for mirror, clip in own:
            take = int(library.takes[clip])
            takes[take] = takes.get(take, False) or passes(sentence, held.joints(mirror, clip))
        if takes:
            rates[sentence] = float(np.mean(list(takes.values())))
    return rates


def engine_rates(
    pipeline: Pipeline,
    closeness: float,
    sentences: Sequence[EverydaySentence],
    draws: tuple[int, int] = (VARIATIONS, 0),
    advance: Advance = lambda doing: None,
    kept: dict[str, np.ndarray] | None = None,
) -> tuple[PassRates, dict[str, str]]:
    """The share that passes of the motions that the engine makes from each sentence alone, and what is wrong with a
    motion whatever it does, by sentence. ``draws``: motions a sentence, and their seed; the first one of each is put
    into ``kept``.
    """
    rates: PassRates = {}
    faults: dict[str, str] = {}
    for sentence in sentences:
        advance(f"sentences: {sentence.text}")
        signal = ControlSignal.empty(min(NUM_FRAMES, pipeline.config.max_frames))
        result = generate(pipeline, sentence.text, signal, *draws, closeness=closeness)
        rates[sentence] = float(np.mean([passes(sentence, joints) for joints in result.joints]))
        fault = fault_of(result.joints)
        if fault:
            faults[sentence.text] = fault
        if kept is not None:
            kept[sentence.text] = result.joints[0]
    return rates, faults


def fault_of(motions: np.ndarray) -> str:
    """What an eye would see at once in one of the motions (V, T, J, 3) and in no captured one; empty where nothing."""
    frozen, most = max(map(frozen_share, motions)), max(map(jolt, motions))
    said = [f"freezes for {frozen:.0%} of its time"] if frozen > 0 else []
    return ", ".join(said + ([f"changes its speed by {most:.1f} m/s at once"] if most > LARGEST_JOLT else []))


def sentence_rows(
    pipeline: Pipeline | None,
    held: SentenceLibrary | None,
    variations: int = VARIATIONS,
    seed: int = 0,
    advance: Advance = lambda doing: None,
    kept: dict[str, np.ndarray] | None = None,
) -> list[dict]:
    """A row for what was captured, for the library's motion, its first, one and any of its five nearest takes, and
    for the engine's motions from text alone, the last one put into ``kept``; each also says every sentence's own share,
    and ``faulty``, that of the sentences of which a motion is faulty, with the ``faults``.
    """
    found: dict[str, PassRates] = {}
    faults: dict[str, dict[str, str]] = {}
    if held is not None:
        advance("sentences: captured clips of each act")
        found["captured clips of the act"] = captured_rates(held)
        first: PassRates = {}
        one: PassRates = {}
        some: PassRates = {}
        for sentence in EVERYDAY:
            verdicts = [passes(sentence, held.joints(*place)) for place in held.nearest(sentence.text)]
            first[sentence], some[sentence] = float(verdicts[0]), float(any(verdicts))
            one[sentence] = float(np.mean(verdicts))
        found["found motion"] = {
            sentence: float(np.mean([passes(sentence, held.found(sentence.text, seed + n)) for n in range(variations)]))
            for sentence in EVERYDAY
        }
        found |= {"nearest clip": first, "one of the five nearest": one, "any of the five nearest": some}
    if pipeline is not None:
        ways = [("network, text alone", 0.0, EVERYDAY)]
        if pipeline.sentences is not None:
            ways += [("engine, in other words", 1.0, in_other_words()), ("engine, text alone", 1.0, EVERYDAY)]
        for way, closeness, own in ways:
            found[way], faults[way] = engine_rates(pipeline, closeness, own, (variations, seed), advance, kept)
    rows = []
    for what, rates in found.items():
        row: dict[str, Any] = (
            {"what": what} | measured(SENTENCES, rates) | {"each": {key.text: rate for key, rate in rates.items()}}
        )
        if what in faults:
            row |= {"faulty": len(faults[what]) / len(rates), "faults": faults[what]}
        rows.append(row)
    return rows
