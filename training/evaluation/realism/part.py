# SPDX-License-Identifier: GPL-3.0-or-later
"""The part ``realism`` of the evaluation: its rows and tables, those of them that are wanted, and pictures of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.pipeline import Pipeline

from ...data.clips import Clip, read_captures
from .actions import ACTIONS, ActionJudge
from .gaits import SEEDS as GAIT_SEEDS
from .gaits import SPEEDS, captured_pieces, gait_rows
from .kinematics import chosen
from .motions import ROWS, MadeMotion, Question
from .rows import distance_rows
from .turns import PATHS, path_rows
from .turns import SEEDS as PATH_SEEDS

TABLES = ("actions", "gaits", "paths")
PIECES = ("floor", *ROWS, *TABLES)
"""What can be measured: a row of the table of distances each, who judges actions in it, and two more tables."""
QUICK_PIECES = ("floor", "network", "network-text", "delivered", "text")
MOST_CLIPS = 10_000

Advance = Callable[[str], None]


@dataclass(frozen=True)
class RealismOptions:
    """``pieces``: of :data:`PIECES`; at most ``clips`` of the split; ``data``: the folder whose train split gives the
    captured walks and runs, and the examples of actions.
    """

    data: Path
    pieces: Sequence[str] = PIECES
    clips: int = MOST_CLIPS
    seed: int = 0


@dataclass(eq=False)
class Seen:
    """Motions to draw: of questions by row, of paths and of everyday sentences."""

    questions: list[Question] = field(default_factory=list)
    by_row: dict[str, list[MadeMotion]] = field(default_factory=dict)
    by_path: dict[str, MadeMotion] = field(default_factory=dict)
    by_sentence: dict[str, np.ndarray] = field(default_factory=dict)


def realism_steps(options: RealismOptions, clips: int) -> int:
    """Of progress, at most."""
    steps = 1 + min(clips, options.clips) * sum(row in options.pieces for row in ROWS)
    steps += len(ACTIONS) + 1 if "actions" in options.pieces else 0
    steps += 1 + 2 * len(SPEEDS) * len(GAIT_SEEDS) if "gaits" in options.pieces else 0
    return steps + (2 * len(PATHS) * len(PATH_SEEDS) if "paths" in options.pieces else 0)


def realism_figures(
    pipeline: Pipeline,
    clips: Sequence[Clip],
    options: RealismOptions,
    advance: Advance = lambda doing: None,
    seen: Seen | None = None,
) -> dict[str, Any]:
    """``rows`` of distances, ``gaits`` and ``paths``, as far as they are wanted; ``seen`` is filled for pictures."""
    figures: dict[str, Any] = {}
    seen = Seen() if seen is None else seen
    judge = None
    if "actions" in options.pieces:
        judge = ActionJudge.learn(captured_of(options.data), advance)
    if any(piece == "floor" or piece in ROWS for piece in options.pieces):
        seen.questions = [Question(pipeline, clip, options.seed) for clip in chosen(clips, options.clips)]
        figures["clips"] = len(seen.questions)
        figures["rows"] = distance_rows(seen.questions, options.pieces, judge, advance, seen.by_row)
    if "gaits" in options.pieces:
        advance("captured walks and runs")
        figures["gaits"] = gait_rows(pipeline, captured_pieces(captured_of(options.data)), advance=advance)
    if "paths" in options.pieces:
        figures["paths"] = path_rows(pipeline, advance=advance, kept=seen.by_path)
    return figures


def captured_of(data: Path, split: str = "train") -> Iterator[tuple[str, np.ndarray]]:
    """First caption and joints (T, J, 3) of every well described clip of a split."""
    for about, joints in read_captures(data):
        if about["split"] == split and about["captions"] and not about["weak"]:
            yield about["captions"][0]["text"], joints
