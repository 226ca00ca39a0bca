# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of what was made: stick figures over time, a row for each of some clips, to be looked over at a glance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from engine.export.atomic import atomic_file
from engine.export.clip import ExportClip
from engine.export.picture import MIDDLE, draw_side

from .dataset import DataSet

WIDTH_INCHES, MARGIN_INCHES = 14.0, 0.3


def write_sheet(data: DataSet, path: Path, rows: int) -> None:
    """Draw ``rows`` clips, evenly spread over the data set, as a png file."""
    chosen = np.unique(np.linspace(0, len(data.clips) - 1, min(rows, len(data.clips))).round().astype(int))
    figure = Figure(figsize=(WIDTH_INCHES, 2 * len(chosen)), dpi=110, facecolor="white")
    drawn = figure.subplots(len(chosen), 1, squeeze=False)[:, 0]
    for axes, index in zip(drawn, chosen, strict=True):
        draw_side(axes, ExportClip(data.joints[index]))
        axes.set_title(_title(data.clips[index]), x=0.012, loc="left", fontsize=8.5, color=MIDDLE, parse_math=False)
    _scale_alike(figure, drawn)
    with atomic_file(path) as file:
        figure.savefig(file, format="png")


def _scale_alike(figure: Figure, drawn: np.ndarray) -> None:
    """As many inches a metre in every row, and a figure just high enough for that."""
    widths = [np.ptp(axes.get_xlim()) for axes in drawn]
    heights = [np.ptp(axes.get_ylim()) for axes in drawn]
    scale = WIDTH_INCHES / max(widths)
    inches = [height * scale + MARGIN_INCHES for height in heights]
    figure.set_size_inches(WIDTH_INCHES, sum(inches))
    top = sum(inches)
    for axes, width, height, high in zip(drawn, widths, heights, inches, strict=True):
        top -= high
        axes.set_position((0, top / sum(inches), width * scale / WIDTH_INCHES, height * scale / sum(inches)))


def _title(line: dict[str, Any]) -> str:
    text = f"“{line['captions'][0]['text'][:90]}”" if line["captions"] else "no caption"
    return "   ·   ".join(
        [line["id"], line["split"], f"{line['n']} frames", f"fastest joint {line['stats']['vmax']:.1f} m/s", text]
    )
