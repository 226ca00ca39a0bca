# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the part ``realism`` and of the everyday sentences, and the one line for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from ..table_layout import figure_table, plain_table
from .gaits import GAITS
from .rows import REALISM
from .turns import WALKED

WORST_SHOWN = 4  # clips of a row in the table; all are in the JSON file


def realism_tables(figures: dict[str, Any]) -> list[Table]:
    """As far as they were measured."""
    made = []
    rows = figures.get("rows", [])
    if rows:
        title = f"Distance from captured motion, {figures['clips']} clips, same captions and paths"
        made.append(figure_table(title, ("motion",), REALISM, [((row["label"],), row) for row in rows]))
        made.append(_what_is_off(rows))
    if figures.get("gaits"):
        said = [((row["way"], row["motion"]), row) for row in figures["gaits"]]
        made.append(figure_table("Straight walks and runs, medians", ("way", "motion"), GAITS, said))
    if figures.get("paths"):
        said = [((row["path"], row["motion"]), row) for row in figures["paths"]]
        made.append(figure_table("Paths", ("path", "motion"), WALKED, said))
    return made


def _what_is_off(rows: Sequence[dict[str, Any]]) -> Table:
    """The numbers whose means differ most and, clip by clip, the motions that differ most from their own capture."""
    table = plain_table("What differs most (deviations of the captured windows)")
    for name in ("motion", "caption", "by", "in"):
        table.add_column(name, overflow="fold")
    for row in (row for row in rows if "off" in row):
        table.add_row(row["label"], "all clips", "", _listed(row["off"]))
        for clip in row["worst"][:WORST_SHOWN]:
            table.add_row("", clip["caption"], f"{clip['off_by']:.2f}", _listed(dict(list(clip["off"].items())[:3])))
    return table


def _listed(off: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:+.1f}" for name, value in off.items())


def sentence_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Every sentence with the share of the motions that pass, a column for each kind of motion, and what is wrong with
    the engine's own by default, which are in the last ones.
    """
    table = plain_table("Sentence by sentence")
    table.add_column("sentence", overflow="fold")
    for row in rows:
        table.add_column(row["what"].replace(", ", " ").replace(" of the act", ""), justify="right", max_width=10)
    table.add_column("faults", overflow="fold")
    said = {text: fault for row in rows[1:] for text, fault in row.get("faults", {}).items()}
    for sentence in dict.fromkeys(text for row in rows for text in row["each"]):
        shares = (row["each"].get(sentence) for row in rows)
        table.add_row(sentence, *("" if share is None else f"{share:.2f}" for share in shares), said.get(sentence, ""))
    return table


def one_line(figures: dict[str, Any]) -> str:
    """The main figures of the part in one line of JSON."""
    short: dict[str, Any] = {key: figures[key] for key in ("clips",) if key in figures}
    short["rows"] = {
        row["row"]: {metric.name: round(row[metric.name], 3) for metric in REALISM if metric.name in row}
        for row in figures.get("rows", [])
    }
    for part, name in (("gaits", "way"), ("paths", "path")):
        if part in figures:
            short[part] = {
                f"{row[name]}: {row['motion']}": {
                    key: round(value, 3) for key, value in row.items() if isinstance(value, float)
                }
                for row in figures[part]
            }
    return json.dumps(short)
