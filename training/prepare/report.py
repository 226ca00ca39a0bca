# SPDX-License-Identifier: GPL-3.0-or-later
"""What was made and what was left out: tables on screen, and the same as ``report.json``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from blender_addon.shared.errors import BadFile
from blender_addon.shared.skeleton import FPS
from engine.export.atomic import atomic_file

from .dataset import DataSet
from .options import SPLITS, Options

MAX_ROWS = 200


def summary(data: DataSet, options: Options, reused: int) -> dict[str, Any]:
    """The report: counts by split, and every clip that was left out with its reason."""
    rows = {split: _counts([line for line in data.clips if line["split"] == split]) for split in SPLITS}
    return {
        "options": dataclasses.asdict(options),
        "splits": rows | {"all": _counts(data.clips)},
        "takes_kept_from_before": reused,
        "rejected": sorted(data.rejected, key=lambda line: line.get("id", line["take"])),
    }


def _counts(lines: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = sum(line["n"] for line in lines) / FPS
    skating = [line["stats"]["skate"] for line in lines]
    return {
        "takes": len({line["take"] for line in lines}),
        "clips": len(lines),
        "minutes": round(seconds / 60, 2),
        "captions": sum(len(line["captions"]) for line in lines),
        "clips_without_caption": sum(not line["captions"] for line in lines),
        "skating": round(float(np.mean(skating)), 3) if skating else None,
    }


def compare_statistics(folder: Path, mean: np.ndarray, std: np.ndarray) -> dict[str, float] | None:
    """How far the makers' Mean.npy and Std.npy in ``folder`` lie from ours; None where there are none.

    Raises BadFile when they are not 263 finite numbers above zero.
    """
    if not (folder / "Mean.npy").is_file() or not (folder / "Std.npy").is_file():
        return None
    theirs = [np.load(folder / name, allow_pickle=False) for name in ("Mean.npy", "Std.npy")]
    if any(a.shape != mean.shape or not np.isfinite(a).all() for a in theirs) or theirs[1].min() <= 0:
        raise BadFile(f"Mean.npy or Std.npy in '{folder}' does not match 263 features.", "Copy them again.")
    return {
        "mean_apart_in_std": round(float(np.abs((mean - theirs[0]) / theirs[1]).max()), 3),
        "largest_std_ratio": round(float(np.exp(np.abs(np.log(std / theirs[1])).max())), 3),
    }


def write_preparation_report(report: dict[str, Any], folder: Path) -> None:
    with atomic_file(folder / "report.json") as file:
        file.write(json.dumps(report, indent=1, ensure_ascii=False).encode())


def show(report: dict[str, Any], folder: Path, console: Console) -> None:
    """The report as tables."""
    table = Table(title=f"Prepared data in {folder}")
    for column in ("split", "takes", "clips", "minutes", "captions", "clips without caption", "foot skating"):
        table.add_column(column, justify="left" if column == "split" else "right")
    for split, counts in report["splits"].items():
        table.add_row(split, *("-" if value is None else f"{value}" for value in counts.values()))
    console.print(table)
    if report["rejected"]:
        console.print(_rejected(report["rejected"]))
    hidden = len(report["rejected"]) - MAX_ROWS
    if hidden > 0:
        console.print(f"{hidden} more are listed in {folder / 'report.json'}.")
    if report["splits"]["all"]["clips_without_caption"]:
        console.print("Clips without a caption train the motion VAE and, as motion without text, the diffusion model.")
    if report.get("statistics"):
        apart = report["statistics"]
        console.print(
            f"Mean.npy and Std.npy of the data set: means at most {apart['mean_apart_in_std']} deviations apart, "
            f"deviations at most {apart['largest_std_ratio']} times each other."
        )


def _rejected(lines: list[dict[str, Any]]) -> Table:
    table = Table(title=f"Left out: {len(lines)}")
    table.add_column("clip or take")
    table.add_column("frames", justify="right")
    table.add_column("reason")
    for line in lines[:MAX_ROWS]:
        frames = f"{line['start']}-{line['end']}" if "start" in line else ""
        table.add_row(line.get("id", line["take"]), frames, line["reason"])
    return table
