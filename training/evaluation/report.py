# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of an evaluation for people and programs: tables, JSON, and a report as an HTML page or a PNG picture.

``figures`` is the dictionary that :mod:`training.evaluate` makes; parts that were not measured are left out.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import image
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from engine.export.atomic import atomic_file
from engine.export.clip import ExportClip
from engine.export.picture import write_picture

from .control_accuracy import density_label
from .metric_table import CONTROL, DELIVERED, MOTION, MOVEMENT, POSITIONS, SECONDS, TEXT, Metric
from .realism.tables import realism_tables, sentence_table
from .report_charts import draw_charts
from .sentences import FAULTY, SENTENCES
from .table_layout import figure_table

Figures = dict[str, Any]

PAGE_WIDTH = 124  # characters of a table in a report


def tables(figures: Figures, intervals: bool = True) -> list[Table]:
    """One or two tables for each part that was measured, with confidence ``intervals`` or without."""
    made = []
    parts = {
        "real": "real motion",
        "reconstruction": "from mu",
        "reconstruction_sampled": "from a sampled latent",
    }
    rows = [((label,), figures[key]) for key, label in parts.items() if key in figures]
    if rows:
        coded = [(first, row) for first, row in rows if "mpjpe_mm" in row]
        if coded:
            made.append(figure_table("Reconstruction", ("what",), POSITIONS, coded, intervals))
        made.append(figure_table("Motion by itself", ("what",), MOTION, rows, intervals))
    if figures.get("control"):
        several = len({row["steps"] for row in figures["control"]}) > 1
        under = [
            (
                (row["joints"], density_label(row["density"]), *([str(row["steps"])] if several else []), row["kind"]),
                row,
            )
            for row in figures["control"]
        ]
        names = ("joints", "hints", *(["steps"] if several else []), "kind")
        made.append(figure_table("Control", names, CONTROL, under, intervals))
        made.append(figure_table("Motion under control", names, (*MOTION, SECONDS), under, intervals))
    if figures.get("delivered"):
        led = [((row["path"], row["kind"]), row) for row in figures["delivered"]]
        made.append(figure_table("What leaves the engine, pelvis led", ("path", "motion"), DELIVERED, led, intervals))
    if "text" in figures:
        text = figures["text"]
        about = f"{text['samples']} motions, groups of {text['group']}, replications: {text['replications']}"
        title = f"Text: {text['evaluator']} ({about})"
        made.append(figure_table(title, ("what",), TEXT, [((k,), text[k]) for k in ("real", "generated")], intervals))
    if figures.get("sentences"):
        said = [((row["what"],), row) for row in figures["sentences"]]
        judged: list[Metric[Any]] = [*SENTENCES, FAULTY]
        made.append(figure_table("Everyday sentences, share that passes", ("motions",), judged, said, intervals))
        made.append(sentence_table(figures["sentences"]))
    if "realism" in figures:
        made += realism_tables(figures["realism"])
    if figures.get("text_matters"):
        verbs = [((row["condition"], row["prompt"].rsplit(" ", 1)[-1]), row) for row in figures["text_matters"]]
        shown: list[Metric[Any]] = [*MOVEMENT, CONTROL[0]]
        made.append(figure_table("Text that matters", ("condition", "prompt"), shown, verbs, intervals))
    return made


def title_of(figures: Figures) -> str:
    about = figures["about"]
    return f"{about['model']}, {about['clips']} clips of the {about['split']} split, on {about['device']}"


def print_tables(figures: Figures, console: Console) -> None:
    """Where there is no room for them the confidence intervals are left to the JSON file and the report."""
    console.print(f"[bold]{title_of(figures)}[/]", highlight=False)
    for table in tables(figures, console.width >= PAGE_WIDTH):
        console.print(table)


def write_json(figures: Figures, path: Path) -> None:
    """Raises ExportError when it cannot be written."""
    with atomic_file(path) as stream:
        stream.write((json.dumps(figures, indent=1) + "\n").encode())


def write_report(figures: Figures, examples: Sequence[ExportClip], path: Path, strips: Sequence[Figure] = ()) -> None:
    """An .html page that needs no other file, or a .png picture: tables, curves, a stick-figure sheet for each example,
    and pages of ``strips``.

    Raises ExportError when it cannot be written.
    """
    pictures = [_png(lambda stream, example=example: write_picture(example, stream)) for example in examples]
    charts = draw_charts(figures)
    if charts is not None:
        pictures.insert(0, _figure_png(charts))
    pictures += [_figure_png(page) for page in strips]
    with atomic_file(path) as stream:
        stream.write(_page(figures, pictures) if path.suffix.lower() == ".html" else _sheet(figures, pictures))


def _png(write: Any) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def _figure_png(figure: Figure) -> bytes:
    return _png(lambda stream: figure.savefig(stream, format="png"))


def _as_text(figures: Figures) -> str:
    console = Console(record=True, width=PAGE_WIDTH, file=io.StringIO())
    for table in tables(figures):
        console.print(table)
    return console.export_text()


def _page(figures: Figures, pictures: Sequence[bytes]) -> bytes:
    images = "\n".join(
        f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}">' for picture in pictures
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title_of(figures))}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1240px; margin: 2em auto; color: #16324f; }}
pre {{ font-size: 12px; line-height: 1.25; overflow-x: auto; color: #3b424c; }}
img {{ width: 100%; margin: 1em 0; border: 1px solid #eceef1; }}
</style></head><body>
<h1>{html.escape(title_of(figures))}</h1>
<pre>{html.escape(_as_text(figures))}</pre>
{images}
</body></html>
""".encode()


def _sheet(figures: Figures, pictures: Sequence[bytes]) -> bytes:
    """The tables as text and the pictures below one another; all are 12 inches wide."""
    text = _as_text(figures)
    lines = text.count("\n") + 3
    page = Figure(figsize=(12, 0.135 * lines + 0.5), dpi=130, facecolor="white")
    top = page.get_figheight()
    page.text(0.03, 1 - 0.3 / top, title_of(figures), fontsize=15, color="#16324f", va="center", parse_math=False)
    page.text(0.03, 1 - 0.5 / top, text, family="monospace", fontsize=7.2, va="top", parse_math=False)
    parts = [image.imread(io.BytesIO(picture))[..., :3] for picture in (_figure_png(page), *pictures)]
    width = max(part.shape[1] for part in parts)
    padded = [np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0)), constant_values=1.0) for p in parts]
    return _png(lambda stream: image.imsave(stream, np.concatenate(padded), format="png"))
