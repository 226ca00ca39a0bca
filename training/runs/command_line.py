# SPDX-License-Identifier: GPL-3.0-or-later
"""A run opened from a command line: what ``python -m training.<stage>`` and the export have in common."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from blender_addon.shared.errors import BadFile, GaitwayError

from ..data.clips import Clip
from ..data.sampling import clips_within
from ..data.variant_cache import open_clips
from ..loop import distributed
from ..loop.schedule import StageSchedule
from ..recipes import Recipe, get_recipe
from ..stage_parts.modules import STAGES
from .finetune import initialise_from_checkpoint, read_checkpoint
from .overrides import with_changes
from .run import Run, open_record, run_statistics, write_record


# The options of the command line, one by one.
def open_run(
    recipe: Recipe,
    data: Path,
    folder: Path,
    seed: int = 0,
    start_from: Path | None = None,
    statistics_folder: Path | None = None,
    swanlab: bool = False,
) -> Run:
    """Read the data and make or check the run folder. ``start_from``: a checkpoint whose weights, and statistics when
    it is a folder, the run begins with; ``statistics_folder``: Mean.npy and Std.npy to normalise with.

    Raises BadFile when the folder belongs to another recipe or data, or when the data cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with distributed.state().main_process_first():
        keep_in = data if os.access(data, os.W_OK) else folder
        clips = open_clips(data, recipe.variants, keep_in, recipe.paraphrased)
    for split in ("train", "val"):
        if not clips.get(split):
            raise BadFile(f"The data has no clips in the split '{split}'.", "Check captions.jsonl.")
    recipe = with_steps(recipe, clips)
    with distributed.state().main_process_first():
        started = open_record(recipe, data, folder, seed)
        if start_from is not None and started is None and (folder / "statistics.npz").is_file():
            raise BadFile(f"The run in {folder} was started without --from.", "Choose another --run folder.")
        numbers = run_statistics(folder, clips["train"], None if started else start_from, statistics_folder)
        if start_from is not None and started is None:
            _initialise(recipe, folder, seed, start_from)
    mean, std = (torch.from_numpy(numbers[name]) for name in ("mean", "std"))
    hints = None
    if "hint_mean" in numbers and "hint_std" in numbers:
        hints = torch.from_numpy(numbers["hint_mean"]), torch.from_numpy(numbers["hint_std"])
    return Run(recipe, clips, (mean, std), folder, seed, hints, swanlab)


def with_steps(recipe: Recipe, clips: dict[str, list[Clip]]) -> Recipe:
    """The recipe with the steps that its epochs make of this data. Raises BadFile when no clip is of a length it
    takes.
    """
    stages = {name: getattr(recipe, name) for name in STAGES}
    for name, stage in stages.items():
        if stage.sampling != "clips":
            continue
        for split in ("train", "val"):
            if not clips_within(clips[split], stage):
                raise BadFile(
                    f"No clip of the split '{split}' has {stage.min_frames} to {stage.max_frames} frames.",
                    "Cut the motions into clips of that length, or use a recipe that crops them.",
                )
        if stage.epochs:
            stages[name] = _counted(stage, len(clips_within(clips["train"], stage)))
    return dataclasses.replace(recipe, **stages)


def _counted(stage: StageSchedule, num_clips: int) -> StageSchedule:
    return dataclasses.replace(stage, steps=stage.epochs * -(-num_clips // stage.batch_size))


def _initialise(recipe: Recipe, folder: Path, seed: int, source: Path) -> None:
    """Put the checkpoint's weights into the run folder, and tell and record what did not fit."""

    if not distributed.state().is_main_process:
        return
    problems = initialise_from_checkpoint(read_checkpoint(source)[0], recipe, folder, seed, source.name)
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    about["from"] = {"checkpoint": source.name, "did_not_fit": problems}
    write_record(folder, about)
    console = Console(stderr=True)
    console.print(f"Initialised from {source}: " + ("everything fits." if not problems else "what did not fit:"))
    for line in problems:
        console.print(f"  {line}", highlight=False, markup=False)


def argument_parser(description: str) -> argparse.ArgumentParser:
    """The options that all stages and the export have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--recipe", default="small", help="named recipe (small, debug, paper_v1, paper_v2, ...)")
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.npz and captions.jsonl")
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of this run; an unfinished stage in it is resumed"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: torch decides)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes",
                        help="change a value of the recipe, such as vae.batch_size=64; repeat for more")  # fmt: skip
    parser.add_argument("--from", type=Path, metavar="CHECKPOINT", dest="start_from",
                        help="start from the weights of a published file or a checkpoint folder")  # fmt: skip
    parser.add_argument("--statistics", type=Path, metavar="FOLDER",
                        help="normalise with Mean.npy and Std.npy of this folder, not with the data's")  # fmt: skip
    parser.add_argument("--mixed-precision", choices=("no", "bf16", "fp16"),
                        help="as for `accelerate launch`, whose setting is the default")  # fmt: skip
    parser.add_argument("--swanlab", action="store_true", help="log to SwanLab as well as TensorBoard")
    return parser


def open_from(arguments: argparse.Namespace) -> Run:
    """The run that a command line describes. Raises GaitwayError."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    recipe = with_changes(get_recipe(arguments.recipe), arguments.changes)
    if arguments.mixed_precision:
        recipe = dataclasses.replace(recipe, mixed_precision=arguments.mixed_precision)
    return open_run(
        recipe, arguments.data, arguments.run, arguments.seed, arguments.start_from, arguments.statistics,
        arguments.swanlab,
    )  # fmt: skip


def command_line(train: Callable[[Run, float | None], Any], description: str) -> None:
    """Entry of ``python -m training.<stage>``; errors that a user can mend are reported in two sentences."""
    parser = argument_parser(description)
    parser.add_argument("--minutes", type=float, help="stop (resumably) after this many minutes")
    read = parser.parse_args()
    with reporting_errors():
        train(open_from(read), read.minutes)


@contextlib.contextmanager
def reporting_errors() -> Iterator[None]:
    """Turns an error that a user can mend into two sentences and exit code 2."""
    try:
        yield
    except GaitwayError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from None
