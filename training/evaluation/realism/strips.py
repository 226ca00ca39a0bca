# SPDX-License-Identifier: GPL-3.0-or-later
"""Strips of stick figures for a report: sentences and paths, those that failed first, so that somebody looks at them.

Shapes: T frames, J = 22 joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engine.export.clip import ExportClip
from engine.export.picture import draw_side

from ..everyday_sentences import EVERYDAY
from .part import Seen
from .turns import signal_of

OF_SENTENCES, OF_PATHS = 20, 20
ON_A_PAGE = 5
FAILED = 0.6  # of the strips of sentences are those that fail most
_INK, _FAINT = "#3b424c", "#c9ced6"


@dataclass(frozen=True, eq=False)
class Strip:
    """One motion with what stands over it."""

    title: str
    clip: ExportClip


def draw_strips(strips: Sequence[Strip]) -> list[Figure]:
    """Pages 12 inches wide, five strips each: poses over time half from the side, and the way from above."""
    pages = []
    for first in range(0, len(strips), ON_A_PAGE):
        own = strips[first : first + ON_A_PAGE]
        page = Figure(figsize=(12, 2.35 * len(own)), dpi=110, facecolor="white")
        grid = page.add_gridspec(
            len(own), 2, width_ratios=[6, 1], left=0.01, right=0.985, top=0.985, bottom=0.01, hspace=0.16, wspace=0.02
        )
        for row, strip in enumerate(own):
            side = page.add_subplot(grid[row, 0])
            draw_side(side, strip.clip)
            side.set_title(strip.title, loc="left", fontsize=9, color=_INK, parse_math=False)
            _draw_way(page.add_subplot(grid[row, 1]), strip.clip.joints)
        pages.append(page)
    return pages


def _draw_way(axes: Axes, joints: np.ndarray) -> None:
    """The pelvis from above, X to the left, and where the shoulders are every half second."""
    way = joints[:, 0][:, [0, 2]]
    axes.plot(way[:, 0], way[:, 1], color=_INK, linewidth=1.2)
    for pose in joints[::10]:
        axes.plot(pose[[16, 17], 0], pose[[16, 17], 2], color="#1f6fb2", linewidth=1.6, alpha=0.7)
    centre, half = (way.min(0) + way.max(0)) / 2, max(float(np.ptp(way, axis=0).max()) / 2 + 0.3, 0.5)
    axes.set_xlim(centre[0] + half, centre[0] - half)
    axes.set_ylim(centre[1] - half, centre[1] + half)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=6, colors=_INK, color=_FAINT)
    for side in axes.spines.values():
        side.set_color(_FAINT)


def sentence_strips(motions: dict[str, np.ndarray], rates: dict[str, float], count: int = OF_SENTENCES) -> list[Strip]:
    """At most ``count`` of the sentences with a motion (T, J, 3): those that pass least often, then some of the others,
    evenly chosen. ``rates``: share that passes.
    """
    texts = sorted((s.text for s in EVERYDAY if s.text in motions), key=lambda text: rates[text])
    failed = texts[: round(FAILED * count)]
    others = texts[len(failed) :]
    places = np.unique(np.linspace(0, len(others) - 1, count - len(failed)).round().astype(int)) if others else []
    return [
        Strip(f"{text}   (passes {rates[text]:.0%})", ExportClip(motions[text], prompt=text))
        for text in [*failed, *(others[place] for place in places)]
    ]


def path_strips(seen: Seen, worst: Sequence[str], count: int = OF_PATHS) -> list[Strip]:
    """All paths, then clips along their own paths beside what was captured: those named as the ``worst``, in turn."""
    strips = []
    for path, made in seen.by_path.items():
        signal = signal_of(path)
        clip = ExportClip(made.joints, hint=signal.hint, hint_mask=signal.hint_mask, free_height=True)
        strips.append(Strip(path, clip))
    by_name = {question.clip.name: place for place, question in enumerate(seen.questions)}
    for name in worst if "delivered" in seen.by_row else ():
        question, made = seen.questions[by_name[name]], seen.by_row["delivered"][by_name[name]]
        signal = question.path()
        clip = ExportClip(made.joints, hint=signal.hint, hint_mask=signal.hint_mask, free_height=True)
        strips.append(Strip(f"{question.caption}   ({question.clip.name}, along its own path)", clip))
        strips.append(Strip("    captured", ExportClip(question.joints)))
    return strips[:count]


def report_strips(figures: dict[str, Any], seen: Seen) -> list[Strip]:
    """Of the sentences and paths that were measured."""
    strips: list[Strip] = []
    if seen.by_sentence:
        strips += sentence_strips(seen.by_sentence, figures["sentences"][-1]["each"])
    rows = {row["row"]: row for row in figures.get("realism", {}).get("rows", [])}
    worst = [about["clip"] for about in rows["delivered"]["worst"]] if "delivered" in rows else []
    return strips + path_strips(seen, worst)
