# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of distances: how far each way to answer is from captured motion, and in what.

Shapes: T frames, J = 22 joints, W windows, K = 24 kinematic numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engine.metrics import foot_skating_ratio

from .. import metrics
from ..metric_table import CM, MM, Metric, measured
from .actions import ActionJudge, action_of
from .faults import frozen_share, jolt
from .kinematics import KINEMATICS, SMALLEST_STD, agreement, distance_of_numbers, floor, kinematics, numbers_of
from .motions import ROWS, MadeMotion, Question
from .strides import standing_slides

NAMED = 5  # numbers that are named where most differs
WORST = 12  # clips that are listed

Advance = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Answers:
    """What one way made of all questions, in their order, with those who judge it."""

    questions: Sequence[Question]
    made: Sequence[MadeMotion]
    real_numbers: np.ndarray
    judge: ActionJudge | None

    @cached_property
    def numbers(self) -> np.ndarray:
        return numbers_of([one.joints for one in self.made])

    @cached_property
    def deviations(self) -> np.ndarray:
        """(K,): by how many deviations of the captured windows the mean is off."""
        std = np.maximum(self.real_numbers.std(0), SMALLEST_STD)
        return (self.numbers.mean(0) - self.real_numbers.mean(0)) / std

    def mean(self, function: Callable[[np.ndarray], float]) -> float:
        return float(np.mean([function(one.joints) for one in self.made]))

    def percentile(self, function: Callable[[np.ndarray], float], percent: float) -> float:
        return float(np.percentile([function(one.joints) for one in self.made], percent))

    def mean_of_real(self, function: Callable[[np.ndarray], float]) -> float:
        return float(np.mean([function(question.joints) for question in self.questions]))

    def error_cm(self, name: str) -> float | None:
        errors = [getattr(one.error, name) for one in self.made if one.error is not None]
        return CM * float(np.mean(errors)) if errors else None

    @property
    def right_actions(self) -> float | None:
        if self.judge is None:
            return None
        seen = self.judge.right([one.joints for one in self.made], [question.caption for question in self.questions])
        return 100 * float(np.mean([one == other for one, other in seen])) if seen else None

    @property
    def agreement(self) -> float:
        return agreement([one.joints for one in self.made], [question.joints for question in self.questions])

    def slide_cm(self, percent: float) -> float:
        return CM * float(np.percentile(np.concatenate([standing_slides(one.joints) for one in self.made]), percent))

    @property
    def seconds(self) -> float | None:
        value = float(np.mean([one.seconds for one in self.made]))
        return value or None


REALISM: tuple[Metric[Answers], ...] = (
    Metric("distance", "distance", 1, lambda a: distance_of_numbers(a.numbers, a.real_numbers), chart="distance"),
    Metric("agreement", "agrees", 2, lambda a: a.agreement),
    Metric("actions", "action %", 0, lambda a: a.right_actions),
    Metric("error_cm", "error cm", 2, lambda a: a.error_cm("average_error")),
    Metric("skating", "skating", 3, lambda a: a.mean(foot_skating_ratio)),
    Metric("slide_p95", "slide p95", 1, lambda a: a.slide_cm(95)),
    Metric(
        "jerk_ratio",
        "jerk x real",
        2,
        lambda a: a.mean(metrics.jerk_percentile) / a.mean_of_real(metrics.jerk_percentile),
    ),
    Metric("jolt", "jolt m/s", 2, lambda a: a.percentile(jolt, 95)),
    Metric("frozen", "frozen %", 1, lambda a: 100 * a.mean(frozen_share)),
    Metric("floor_mm", "floor mm", 1, lambda a: MM * a.mean(metrics.floor_penetration)),
    Metric("seconds", "s a clip", 2, lambda a: a.seconds),
)
"""Of one way's answers."""


def distance_rows(
    questions: Sequence[Question],
    wanted: Sequence[str],
    judge: ActionJudge | None,
    advance: Advance = lambda doing: None,
    kept: dict[str, list[MadeMotion]] | None = None,
) -> list[dict[str, Any]]:
    """A row for each of :data:`ROWS` that is ``wanted``, and one for the captured clips themselves, whose distance is
    the floor; what was made is put into ``kept`` by the row's name. Each row also says what is most off, as a whole and
    by clip.
    """
    real = [question.joints for question in questions]
    captured = Answers(questions, [MadeMotion(joints) for joints in real], numbers_of(real), judge)
    rows: list[dict[str, Any]] = []
    if "floor" in wanted:
        advance("captured clips")
        own = measured(REALISM, captured) | {"distance": floor(real)}
        rows.append({"row": "floor", "label": "captured: one half against the other"} | own)
    for name, row in ROWS.items():
        if name not in wanted or (row.needs_library and questions[0].pipeline.sentences is None):
            continue
        made = []
        for question in questions:
            advance(row.label)
            made.append(row.make(question))
        answers = Answers(questions, made, captured.real_numbers, judge)
        rows.append({"row": name, "label": row.label} | measured(REALISM, answers) | _what_is_off(answers))
        if kept is not None:
            kept[name] = made
    return rows


def _what_is_off(answers: Answers) -> dict[str, Any]:
    """``off``: the numbers whose means differ most; ``worst``: the clips that differ most from their own captured
    motion, with the numbers in which they do, what the action looks like, and what they were made of.
    """
    std = np.maximum(answers.real_numbers.std(0), SMALLEST_STD)
    clips = []
    for question, made in zip(answers.questions, answers.made, strict=True):
        off = (kinematics(made.joints).mean(0) - kinematics(question.joints).mean(0)) / std
        seen = answers.judge.judge(made.joints) if answers.judge is not None else None
        about: dict[str, Any] = {
            "clip": question.clip.name,
            "caption": question.caption,
            "off_by": round(float(np.abs(off).mean()), 2),
            "off": _largest(off),
            "skating": round(foot_skating_ratio(made.joints), 3),
            "jolt": round(jolt(made.joints), 2),
            "frozen": round(frozen_share(made.joints), 2),
        }
        if seen is not None:
            about |= {"action": action_of(question.caption), "looks_like": seen}
        if made.error is not None:
            about["error_cm"] = round(CM * made.error.average_error, 2)
        if made.sources:
            about["sources"] = [f"{source.clip}: {source.caption}" for source in made.sources]
        clips.append(about)
    clips.sort(key=lambda about: -about["off_by"])
    return {"off": _largest(answers.deviations), "worst": clips[:WORST], "clips": clips}


def _largest(off: np.ndarray) -> dict[str, float]:
    """The numbers (K,) that are farthest from 0, by name."""
    order = np.argsort(-np.abs(off))[:NAMED]
    return {KINEMATICS[place]: round(float(off[place]), 2) for place in order}
