# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway bench``: the measurements as a table, then as one line of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from engine.bench import Row, cold_start, measure_all, summary

from .terminal import progress_bar

_NEGLIGIBLE = 0.02  # share of all the time; stages below it get no column (the JSON line has them)


def run(checkpoint: Path | None, device: str, repeats: int, as_json: bool) -> None:
    """Measure and print; with ``as_json`` the JSON line alone. Raises GaitwayError."""
    with progress_bar("Cold start in a new process") as show:
        cold = cold_start(checkpoint, device)
        show("Loading the model", 0.0)
        from engine.pipeline import Pipeline

        pipeline = Pipeline.load(checkpoint, device=device)
        rows = list(measure_all(pipeline, repeats, show))
    welcome = pipeline.describe()
    facts = summary(cold, rows, welcome.model, welcome.device, _video_memory_mb())
    if not as_json:
        _print_tables(facts, rows)
    typer.echo(json.dumps(facts))


def _video_memory_mb() -> float | None:
    import torch

    return torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else None


def _print_tables(facts: dict[str, Any], rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    spent = {
        stage: sum(r.stages.get(stage, 0.0) for r in rows) for stage in dict.fromkeys(s for r in rows for s in r.stages)
    }
    stages = [stage for stage, seconds in spent.items() if seconds >= _NEGLIGIBLE * sum(spent.values())]
    table = Table(title=f"{facts['model']} on {facts['device']}, milliseconds", title_justify="left", box=None)
    table.padding = (0, 1, 0, 0)
    for title in (
        "frames",
        "steps",
        "control",
        "total",
        *(stage.split()[-1].lower() for stage in stages),
        "wait",
        "speed",
    ):
        table.add_column(title, justify="left" if title == "control" else "right", no_wrap=True)
    for row in rows:
        cells = [f"{1000 * row.stages[stage]:.0f}" if stage in row.stages else "" for stage in stages]
        middle = [str(row.frames), str(row.steps), row.control, f"[bold]{1000 * row.seconds:.0f}[/bold]", *cells]
        table.add_row(*middle, f"{1000 * row.longest_wait:.0f}", f"{row.times_real_time:.0f}x")
    console, cold = Console(), facts["cold_start"]
    console.print(table)
    video = facts["video_memory_mb"]
    console.print(
        "wait: the longest time until a cancel is seen; speed: seconds of motion a second; "
        "control: text alone, a path, a path with refinement.\n"
        f"Cold start {cold['total']:.1f} s (imports {cold['importing']:.1f}, loading {cold['loading']:.1f}, "
        f"first motion {cold['first_motion']:.1f}). "
        f"A cancel waits at most {1000 * facts['longest_wait_for_cancel']:.0f} ms. "
        f"Peak memory {facts['peak_memory_mb']:.0f} MB"
        f"{'' if video is None else f', on the card {video:.0f} MB'}.",
        highlight=False,
    )
