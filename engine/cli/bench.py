# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway bench``: the measurements as tables, then as one line of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blender_addon.shared.errors import BadRequest

from .options import AsJson, Checkpoint, Device
from .terminal import progress_bar

if TYPE_CHECKING:
    from ..bench.bench import Row

_NEGLIGIBLE = 0.02  # share of the total time; stages below it get no column (the JSON line has them)


def bench(
    checkpoint: Checkpoint = None,
    device: Device = "auto",
    repeats: Annotated[
        int, typer.Option(metavar="N", help="Runs of each measurement, of which the median is shown.", min=1, max=100)
    ] = 3,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare with the times in this file: the output of an earlier bench, or another program's times.",
        ),
    ] = None,
    published_sizes: Annotated[
        bool,
        typer.Option(
            "--published-sizes",
            help="Measure the networks of MotionLCM-V2 at their published sizes instead, with random weights.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure how long everything takes on this machine. The last line is JSON."""
    if checkpoint and published_sizes:
        raise BadRequest("--checkpoint and --published-sizes cannot be used together.", "Give one of them.")
    with progress_bar("Cold start in a new process") as show:
        from ..bench.bench import (
            PUBLISHED_SIZES,
            bench_summary,
            cold_start,
            load_pipeline,
            measure_all,
            measure_variations,
        )
        from ..bench.reference_times import compare, read_reference_times

        reference = read_reference_times(against) if against else None
        source = PUBLISHED_SIZES if published_sizes else checkpoint
        cold = cold_start(source, device)
        show("Loading the model", 0.0)
        pipeline = load_pipeline(source, device)
        rows = list(measure_all(pipeline, repeats, show, networks_only=published_sizes))
        show("Several variations at once", 1.0)
        several = list(measure_variations(pipeline, repeats, networks_only=published_sizes))
    welcome = pipeline.describe()
    facts = bench_summary(cold, rows, welcome.model, welcome.device, _video_memory_mb())
    facts["variations"] = [row.to_dict() for row in several]
    if reference:
        compared = compare(reference, rows)
        facts["against"] = {"name": reference.name, "matrix_gflops": reference.matrix_gflops, "rows": compared}
    if not as_json:
        _print_tables(facts, rows, several)
    typer.echo(json.dumps(facts))


def _video_memory_mb() -> float | None:
    import torch

    return torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else None


def _print_tables(facts: dict[str, Any], rows: list[Row], several: list[Row]) -> None:
    from rich.console import Console

    console, cold, video = Console(), facts["cold_start"], facts["video_memory_mb"]
    console.print(_settings_table(facts, rows))
    console.print(
        "wait: the longest time until a cancel takes effect; speed: seconds of motion per second; "
        "control: only text, a path, a path with refinement.\n"
        f"Cold start {cold['total']:.1f} s (imports {cold['importing']:.1f}, loading {cold['loading']:.1f}, "
        f"first motion {cold['first_motion']:.1f}). "
        f"A cancel takes at most {1000 * facts['longest_wait_for_cancel']:.0f} ms. "
        f"Peak memory {facts['peak_memory_mb']:.0f} MB"
        f"{'' if video is None else f', on the card {video:.0f} MB'}.\n",
        highlight=False,
    )
    longest = max(row.frames for row in rows)
    whole = [row for row in rows if row.frames == longest][-1]
    console.print(_costs_table(whole))
    console.print(
        "floor: the time of all matrix products, convolutions and attention at the rate of large products, "
        f"{whole.rate.engine / 1e9:.0f} GFLOPS (torch's own product: {whole.rate.torch / 1e9:.0f}), measured between "
        "the runs. The rest is small operations, memory, and whatever else this machine does.\n",
        highlight=False,
    )
    console.print(_variations_table(several))
    console.print(
        "each: time per variation; the first row is one alone, the others are generated together.\n", highlight=False
    )
    if "against" in facts:
        _print_comparison(console, facts["against"])


def _settings_table(facts: dict[str, Any], rows: list[Row]) -> Any:
    """A line for each setting, milliseconds."""
    spent = {
        stage: sum(r.stages[stage].seconds for r in rows if stage in r.stages)
        for stage in dict.fromkeys(s for r in rows for s in r.stages)
    }
    stages = [stage for stage, seconds in spent.items() if seconds >= _NEGLIGIBLE * sum(spent.values())]
    names = [stage.split()[-1].lower() for stage in stages]
    table = _table(
        f"{facts['model']} on {facts['device']}, milliseconds",
        ["frames", "steps", "control", "total", *names, "floor", "wait", "speed"],
    )
    for row in rows:
        cells = [f"{1000 * row.stages[stage].seconds:.0f}" if stage in row.stages else "" for stage in stages]
        middle = [str(row.frames), str(row.steps), row.control, f"[bold]{1000 * row.seconds:.0f}[/bold]", *cells]
        end = [f"{1000 * row.floor_seconds:.0f}", f"{1000 * row.longest_wait:.0f}", f"{row.times_real_time:.0f}x"]
        table.add_row(*middle, *end)
    return table


def _costs_table(row: Row) -> Any:
    """A line for each stage of one setting."""
    table = _table(
        f"Stages of {row.frames} frames, {row.steps} steps, control: {row.control}",
        ["stage", "ms", "processor ms", "peak MB", "GFLOP", "floor ms"],
    )
    for name, stage in row.stages.items():
        peak = "" if stage.peak_memory_mb is None else f"{stage.peak_memory_mb:.0f}"
        floor = f"{1000 * stage.operations / row.rate.engine:.1f}"
        seconds = [f"{1000 * stage.seconds:.1f}", f"{1000 * stage.cpu_seconds:.1f}"]
        table.add_row(name, *seconds, peak, f"{stage.operations / 1e9:.2f}", floor)
    return table


def _variations_table(rows: list[Row]) -> Any:
    """A line for each number of variations, milliseconds."""
    one = rows[0]
    table = _table(
        f"Variations of {one.frames} frames, {one.steps} steps, control: {one.control}",
        ["variations", "total", "each", "processor", "wait", "sampling"],
    )
    for row in rows:
        sampling = row.stages["Sampling"].seconds
        seconds = (row.seconds, row.seconds / row.variations, row.cpu_seconds, row.longest_wait, sampling)
        table.add_row(str(row.variations), *(f"{1000 * value:.0f}" for value in seconds))
    return table


def _print_comparison(console: Any, against: dict[str, Any]) -> None:
    if not against["rows"]:
        console.print(f"{against['name']} has none of these settings.", highlight=False)
        return
    titles = ["frames", "steps", "control", "theirs", "here", "processor", "times faster", "at equal rate"]
    table = _table(f"Against {against['name']}, milliseconds", titles)
    for row in against["rows"]:
        times = [f"{1000 * row[key]:.0f}" for key in ("reference_seconds", "seconds", "cpu_seconds")]
        equal = row["ratio_at_equal_rate"]
        ratios = [f"[bold]{row['ratio']:.2f}[/bold]", "" if equal is None else f"{equal:.2f}"]
        table.add_row(str(row["frames"]), str(row["steps"]), row["control"], *times, *ratios)
    console.print(table)
    console.print(
        "processor: time that all cores spent; at equal rate: if torch multiplied matrices as fast there as here.\n",
        highlight=False,
    )


def _table(title: str, columns: list[str]) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None)
    table.padding = (0, 1, 0, 0)
    for column in columns:
        table.add_column(column, justify="left" if column in ("control", "stage") else "right", no_wrap=True)
    return table
