# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of a run's losses and validation figures. ``python -m training.loop.curves --run FOLDER``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from blender_addon.shared.errors import BadFile, GaitwayError

_COLUMNS = 3


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a stage's log; one that a crash cut short is left out."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def draw_curves(folder: Path, name: str) -> Path:
    """``<name>_curves.png`` from the log of a stage: a small chart for each loss and figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = read_log(folder / f"{name}_log.jsonl")
    keys = [key for key in dict.fromkeys(key for line in lines for key in line) if "/" in key]
    rows = max(1, -(-len(keys) // _COLUMNS))
    figure = Figure(figsize=(4 * _COLUMNS, 2.5 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{folder.name}: {name}")
    for place, key in enumerate(keys, 1):
        axes = figure.add_subplot(rows, _COLUMNS, place)
        points = [(line["step"], line[key]) for line in lines if key in line]
        axes.plot(*zip(*points, strict=True), color="C0" if key.startswith("train/") else "C1", linewidth=1.2)
        axes.set_title(key, fontsize=9)
        axes.grid(alpha=0.3)
        if min(value for _, value in points) > 0:
            axes.set_yscale("log")
    path = folder / f"{name}_curves.png"
    figure.savefig(path, dpi=100, format="png")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the curves of a run")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    folder = parser.parse_args().run
    try:
        logs = sorted(folder.glob("*_log.jsonl"))
        if not logs:
            raise BadFile(f"{folder} has no log of a stage.", "Give the --run folder of a run that has started.")
        for log in logs:
            print(f"Wrote {draw_curves(folder, log.name.removesuffix('_log.jsonl'))}")
    except GaitwayError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
