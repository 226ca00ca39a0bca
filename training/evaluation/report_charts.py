# SPDX-License-Identifier: GPL-3.0-or-later
"""The curves of an evaluation's report: control error by density, quality beside real motion, what verbs change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import LogLocator

from .control_accuracy import DENSITIES, density_label
from .metric_table import MOTION, MOVEMENT, Metric
from .text_sensitivity import PROMPTS

_INK, _FAINT = "#3b424c", "#eceef1"
_COLOURS = ("#16324f", "#1f6fb2", "#c8443c", "#f0a202", "#4c9f70", "#8e5ea2", "#7a8794", "#c77b30")


def draw_charts(figures: dict[str, Any]) -> Figure | None:
    """A figure 12 inches wide with the charts that the figures give, or None when they give none."""
    control, verbs = figures.get("control"), figures.get("text_matters")
    rows = (2 if control else 0) + (1 if verbs else 0)
    if not rows:
        return None
    figure = Figure(figsize=(12, 4.0 * rows), dpi=130, facecolor="white", layout="constrained")
    grid = figure.add_gridspec(rows, 6)
    if control:
        for column, kind in enumerate(("raw", "refined")):
            _draw_errors(figure.add_subplot(grid[0, 3 * column : 3 * column + 3]), control, kind)
        for place, metric in _side_by_side(grid[1, :], MOTION):
            _draw_quality(figure.add_subplot(place), figures, metric.name, metric.chart)
    if verbs:
        for place, metric in _side_by_side(grid[rows - 1, :], MOVEMENT):
            _draw_verbs(figure.add_subplot(place), verbs, metric.name, metric.chart)
    return figure


def _side_by_side(row: SubplotSpec, metrics: Sequence[Metric[Any]]) -> Iterator[tuple[SubplotSpec, Metric[Any]]]:
    """The metrics that have a chart, each with its place in a row of the page."""
    charted = [metric for metric in metrics if metric.chart]
    places = row.subgridspec(1, len(charted))
    yield from ((places[0, column], metric) for column, metric in enumerate(charted))


def _plain(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=_INK)
    axes.tick_params(colors=_INK, labelsize=8, color=_FAINT)
    axes.grid(color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_errors(axes: Axes, control: list[dict], kind: str) -> None:
    """Error over density, a curve for each set of joints, at the largest number of steps."""
    rows = [row for row in control if row["kind"] == kind]
    _plain(axes, f"Distance from the hints, cm: {kind}")
    if not rows:
        axes.text(0.5, 0.5, "this model cannot be refined", ha="center", transform=axes.transAxes, color=_INK)
        return
    steps = max(row["steps"] for row in rows)
    places = [density for density in DENSITIES if any(row["density"] == density for row in rows)]
    for colour, joints in zip(_COLOURS, dict.fromkeys(row["joints"] for row in rows), strict=False):
        own = {row["density"]: row for row in rows if row["joints"] == joints and row["steps"] == steps}
        values = np.array([own[density]["error_cm"] for density in places])
        spread = np.array([own[density]["error_cm_ci"] for density in places])
        axes.errorbar(range(len(places)), values, spread, color=colour, marker="o", markersize=4, linewidth=1.6,
                      capsize=2, label=joints.replace("_", " "))  # fmt: skip
    axes.set_xticks(range(len(places)), [density_label(density) for density in places])
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.legend(fontsize=7.5, frameon=False, ncols=2)


def _draw_quality(axes: Axes, figures: dict[str, Any], key: str, title: str) -> None:
    """One bar each for real motion, reconstruction, and the means over all raw and all refined rows."""
    bars: dict[str, float] = {label: figures[label][key] for label in ("real", "reconstruction") if label in figures}
    for kind in ("raw", "refined"):
        values = [row[key] for row in figures["control"] if row["kind"] == kind]
        if values:
            bars[kind] = float(np.mean(values))
    _plain(axes, title)
    drawn = axes.bar(range(len(bars)), list(bars.values()), color=_COLOURS[: len(bars)], width=0.6)
    axes.bar_label(drawn, fmt="%.4g", fontsize=8, color=_INK)
    axes.set_xticks(range(len(bars)), list(bars))


def _draw_verbs(axes: Axes, rows: list[dict], key: str, title: str) -> None:
    prompts = list(PROMPTS)
    conditions = list(dict.fromkeys(row["condition"] for row in rows))
    width = 0.8 / len(conditions)
    for number, condition in enumerate(conditions):
        own = {row["prompt"]: row for row in rows if row["condition"] == condition}
        at = [place for place, prompt in enumerate(prompts) if prompt in own]
        values = [own[prompts[place]][key] for place in at]
        spread = [own[prompts[place]][f"{key}_ci"] for place in at]
        axes.bar(np.array(at) + width * (number - (len(conditions) - 1) / 2), values, width, yerr=spread,
                 color=_COLOURS[number], label=condition, error_kw={"linewidth": 0.8})  # fmt: skip
    _plain(axes, title)
    axes.set_xticks(range(len(prompts)), [prompt.rsplit(" ", 1)[-1] for prompt in prompts])
    if key == "height_cm":
        axes.set_ylim(0.8 * min(row[key] for row in rows))
    if key == "speed":
        axes.set_ylim(0, 1.35 * axes.get_ylim()[1])
        axes.legend(fontsize=7.5, frameon=False)
