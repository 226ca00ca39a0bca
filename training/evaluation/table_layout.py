# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures as a table for people: one layout for all parts of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from .metric_table import Metric


def _cell(row: dict, metric: Metric[Any], intervals: bool) -> str:
    """A figure, with the half width of its confidence interval where it has one."""
    if metric.name not in row:
        return ""
    interval = row.get(f"{metric.name}_ci", 0.0) if intervals else 0.0
    return f"{row[metric.name]:.{metric.digits}f}" + (f" ±{interval:.{metric.digits}f}" if interval else "")


def figure_table(
    title: str,
    names: Sequence[str],
    metrics: Sequence[Metric[Any]],
    rows: Sequence[tuple[Sequence[str], dict]],
    intervals: bool = False,
) -> Table:
    """A table of the ``metrics`` that any row has; each row begins with its ``names``, said again only when they
    change.
    """
    table = plain_table(title)
    shown = [metric for metric in metrics if metric.label and any(metric.name in row for _, row in rows)]
    for name in names:
        table.add_column(name, no_wrap=True)
    for metric in shown:
        table.add_column(metric.label, justify="right", overflow="fold")  # a digit must never be cut off
    before: Sequence[str] = ("",)
    for first, row in rows:
        same = len(first) > 1 and first[0] == before[0]
        if before[0] and len(first) > 1 and not same:
            table.add_section()
        cells = (_cell(row, metric, intervals) for metric in shown)
        table.add_row("" if same else first[0], *first[1:], *cells)
        before = first
    return table


def plain_table(title: str) -> Table:
    """An empty one that looks like the others."""
    return Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
