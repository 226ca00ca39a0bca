# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of data preparation; see the package for what it reads and writes."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from blender_addon.shared.errors import ExportError, GaitwayError

from .captions import captions_of
from .options import Options
from .parallel import process_takes
from .sources import KINDS, find_sources, read_split_lists
from .take import TakeJob, load_result


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    defaults = Options()
    parser = argparse.ArgumentParser(
        prog="python -m training.prepare", description="Prepare motion capture for training."
    )
    parser.add_argument("data", type=Path, help="HumanML3D folder, or folder with .bvh or .asf and .amc files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the prepared data; run again to resume")
    parser.add_argument("--kind", choices=KINDS, help="use only files of this kind (default: all)")
    parser.add_argument(
        "--captions", type=Path, metavar="FILE.jsonl", help="captions as JSON lines (default: a NAME.txt per take)"
    )
    parser.add_argument(
        "--min-frames", type=int, default=defaults.min_frames, help="shortest clip in frames, at 20 a second"
    )
    parser.add_argument(
        "--max-frames", type=int, default=defaults.max_frames, help="longest clip in frames; longer ones are cut"
    )
    parser.add_argument(
        "--max-speed",
        type=float,
        default=defaults.max_speed,
        help="highest speed of a joint in m/s; faster is a glitch",
    )
    parser.add_argument(
        "--max-stretch", type=float, default=defaults.max_stretch, help="largest change of a bone's length, as a share"
    )
    parser.add_argument(
        "--max-depth", type=float, default=defaults.max_depth, help="largest depth below the floor in metres"
    )
    parser.add_argument("--amc-fps", type=float, default=defaults.amc_fps, help="frame rate of .amc files")
    parser.add_argument(
        "--shares", type=float, nargs=3, default=defaults.shares, metavar=("TRAIN", "VAL", "TEST"),
        help="shares of the takes per split, if there is no train.txt, val.txt and test.txt",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--pictures", type=int, default=12, help="clips on the picture sheet; 0 for no sheet")
    return parser.parse_args(argv)


def prepare(arguments: argparse.Namespace, console: Console) -> None:
    """All of it: find the takes, make the clips, write the data set. Raises GaitwayError for what a user can mend."""
    options = Options(
        arguments.min_frames, arguments.max_frames, arguments.max_speed, arguments.max_stretch, arguments.max_depth,
        arguments.amc_fps, tuple(arguments.shares),
    )  # fmt: skip
    sources = find_sources(arguments.data, arguments.kind)
    lists = read_split_lists(arguments.data)
    captions = captions_of(sources, arguments.data, arguments.captions)
    kept = arguments.out / "takes"
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(
            f"The folder '{kept}' cannot be created: {error.strerror}.", "Choose another --out."
        ) from error
    for left_over in kept.glob(".*.part"):  # by a run that was killed
        left_over.unlink(missing_ok=True)
    jobs = [TakeJob(source, tuple(captions[source.name]), options, kept / f"{source.name}.npz") for source in sources]
    reused = _run(jobs, arguments.jobs, Console(stderr=True))

    # The rest needs torch, which the processes that make the clips do without.
    from . import dataset, report, sheet, splits

    assigned = splits.assign({source.take for source in sources}, lists, options.shares)
    data = dataset.collect([load_result(job.result) for job in jobs], assigned)
    dataset.write(data, arguments.out)
    mean, std = dataset.write_statistics(arguments.out)
    told = report.summary(data, options, reused)
    told["statistics"] = report.compare_statistics(arguments.data, mean, std)
    report.write_preparation_report(told, arguments.out)
    if arguments.pictures > 0:
        sheet.write_sheet(data, arguments.out / "sheet.png", arguments.pictures)
    report.show(told, arguments.out, console)


def _run(jobs: list[TakeJob], processes: int, console: Console) -> int:
    """Do the jobs that are not done yet, with a progress bar; returns how many were done before."""
    waiting = [job for job in jobs if not job.is_done()]
    columns = (
        TextColumn("Preparing takes"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(jobs), completed=len(jobs) - len(waiting))
        process_takes(waiting, max(processes, 1), lambda: progress.advance(task))
    return len(jobs) - len(waiting)


def main(argv: list[str] | None = None) -> None:
    arguments = _arguments(argv)
    try:
        prepare(arguments, Console())
    except GaitwayError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("Stopped. Run the same command again to go on; finished takes are kept.", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways of stopping end alike
    main()
