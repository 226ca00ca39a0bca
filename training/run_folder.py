# SPDX-License-Identifier: GPL-3.0-or-later
"""A run: its recipe, data, statistics and folder, opened the same way by every stage.

The folder holds ``run.json`` (recipe, seed, versions, data hash, what it began from), ``statistics.npz``, caption
embeddings, and what the stages write: checkpoints, logs and curves. Only the main process writes; the others read after
it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

import engine
from blender_addon.shared.errors import BadFile, GaitwayError

from . import processes, statistics
from .checkpoints import disk_trouble
from .data import Clip, clips_within, data_hash, feature_statistics
from .overrides import with_changes
from .paraphrase import paraphrases
from .recipes import Recipe, Stage, get_recipe
from .variant_cache import open_clips

STAGES = ("vae", "mld", "distill", "control", "correct")

_VALIDATED = 64  # clips; more would say little more and take long


def stages_of(recipe: Recipe) -> list[str]:
    """The stages that a recipe's model goes through, in their order."""
    left_out = set()
    if recipe.control_base == "mld":
        left_out.add("distill")  # the ControlNet of a diffusion model needs no consistency model
    if recipe.control_base == "mld" or not recipe.model.has_corrector:
        left_out.add("correct")
    return [name for name in STAGES if name not in left_out]


@dataclass(frozen=True, eq=False)
class Run:
    """``clips`` by split, ``statistics`` mean and std (263,), ``hint_statistics`` (J, 3) where they were given,
    ``seed`` of all random draws.
    """

    recipe: Recipe
    clips: dict[str, list[Clip]]
    statistics: tuple[Tensor, Tensor]
    folder: Path
    seed: int
    hint_statistics: tuple[Tensor, Tensor] | None = None
    swanlab: bool = False

    @property
    def device(self) -> torch.device:
        """Where this process trains."""
        return processes.state().device

    @property
    def validation(self) -> list[Clip]:
        """Clips of the split 'val' that are looked at while training: all, or evenly chosen ones of many."""
        clips = self.clips["val"]
        places = np.linspace(0, len(clips) - 1, min(len(clips), _VALIDATED)).round().astype(int)
        return [clips[i] for i in places]

    @property
    def texts(self) -> list[str]:
        """Every caption, with its paraphrases where the recipe takes them, sorted; index 0 is the empty text."""
        captions = {text for clips in self.clips.values() for clip in clips for text in clip.captions}
        if self.recipe.paraphrased:
            captions = {other for text in captions for other in paraphrases(text)}
        return ["", *sorted(captions - {""})]

    def text_embeddings(self) -> Tensor:
        """(number of texts, W) embeddings of :attr:`texts`, computed once and kept in the run folder."""
        with processes.state().main_process_first():
            return self._kept_embeddings()

    def _kept_embeddings(self) -> Tensor:
        path = self.folder / "text_embeddings.npz"
        texts = self.texts
        if path.is_file():
            kept = np.load(path)
            if [str(text) for text in kept["texts"]] == texts:
                return torch.from_numpy(kept["embeddings"])
        from engine.models.text_encoder import load_text_encoder

        model = self.recipe.model
        encoder = load_text_encoder(model.text_encoder, model.text_width, torch.device("cpu"))
        embeddings = encoder.encode(texts)
        write_arrays(path, {"texts": np.array(texts), "embeddings": embeddings.numpy()})
        return embeddings


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """An .npz, whole or not at all. Raises TrainingStopped when the disk is full."""
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    _write(path, packed.getvalue())


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_trouble(path, error) from error


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
    with processes.state().main_process_first():
        keep_in = data if os.access(data, os.W_OK) else folder
        clips = open_clips(data, recipe.variants, keep_in, recipe.paraphrased)
    for split in ("train", "val"):
        if not clips.get(split):
            raise BadFile(f"The data has no clips in the split '{split}'.", "Check captions.jsonl.")
    recipe = with_steps(recipe, clips)
    with processes.state().main_process_first():
        started = _record(recipe, data, folder, seed)
        if start_from is not None and started is None and (folder / "statistics.npz").is_file():
            raise BadFile(f"{folder} has begun without a checkpoint.", "Choose another --run folder.")
        numbers = _statistics(folder, clips["train"], None if started else start_from, statistics_folder)
        if start_from is not None and started is None:
            _begin(recipe, folder, seed, start_from)
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
                    "Cut the motions into clips of that length, or take a recipe that crops them.",
                )
        if stage.epochs:
            stages[name] = _counted(stage, len(clips_within(clips["train"], stage)))
    return dataclasses.replace(recipe, **stages)


def _counted(stage: Stage, num_clips: int) -> Stage:
    return dataclasses.replace(stage, steps=stage.epochs * -(-num_clips // stage.batch_size))


def _record(recipe: Recipe, data: Path, folder: Path, seed: int) -> dict[str, Any] | None:
    """Write run.json, or check it against what is asked now; returns what the run began from (None: nothing)."""
    record = folder / "run.json"
    about: dict[str, Any] = {
        "recipe": json.loads(json.dumps(dataclasses.asdict(recipe), default=str)),
        "data": data_hash(data),
        "seed": seed,
    }
    if record.is_file():
        try:
            before = json.loads(record.read_text(encoding="utf-8"))
            known = before["data"], before["recipe"]["name"], before["seed"], before["recipe"]["model"]
        except (ValueError, KeyError, TypeError) as error:
            raise BadFile(f"{record} is damaged.", "Choose another --run folder, or delete the file.") from error
        model = {key: value for key, value in about["recipe"]["model"].items() if key in known[3]}
        if known != (about["data"], recipe.name, seed, model):
            raise BadFile(f"{folder} belongs to another recipe, seed or data set.", "Choose another --run folder.")
        about["from"] = before.get("from")
    versions = {"python": platform.python_version(), "torch": torch.__version__, "gaitway": engine.__version__}
    if processes.state().is_main_process:
        _write(record, json.dumps(about | {"versions": versions}, indent=1).encode())
    return about.get("from")


def _statistics(folder: Path, clips: list[Clip], start_from: Path | None, given: Path | None) -> statistics.Numbers:
    """The run's statistics: kept ones, else the given ones, else the checkpoint's, else the data's."""
    kept = folder / "statistics.npz"
    if kept.is_file():
        return statistics.read_npz(kept)
    numbers: statistics.Numbers = {}
    if given is not None:
        numbers = statistics.read_folder(given)
    elif start_from is not None:
        from .start import read_checkpoint

        numbers = read_checkpoint(start_from)[1]
        if not numbers:
            raise BadFile(
                f"{start_from} comes without the statistics of its data.",
                "Give the folder of its Mean.npy and Std.npy (and Mean_raw.npy, Std_raw.npy) with --statistics.",
            )
    if not numbers:
        mean, std = feature_statistics([clip for clip in clips if clip.captured])
        numbers = {"mean": mean, "std": std}
    numbers = statistics.checked(numbers, given or start_from or folder)
    write_arrays(kept, numbers)
    return numbers


def _begin(recipe: Recipe, folder: Path, seed: int, source: Path) -> None:
    """Put the checkpoint's weights into the run folder, and tell and record what did not fit."""
    from .start import begin_from, read_checkpoint

    if not processes.state().is_main_process:
        return
    problems = begin_from(read_checkpoint(source)[0], recipe, folder, seed, source.name)
    record = folder / "run.json"
    about = json.loads(record.read_text(encoding="utf-8"))
    about["from"] = {"checkpoint": source.name, "did_not_fit": problems}
    _write(record, json.dumps(about, indent=1).encode())
    console = Console(stderr=True)
    console.print(f"Began from {source}: " + ("everything fits." if not problems else "what did not fit:"))
    for line in problems:
        console.print(f"  {line}", highlight=False, markup=False)


def argument_parser(description: str) -> argparse.ArgumentParser:
    """What all stages and the export are told on the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--recipe", default="small", help="named recipe (small, debug, paper_v1, paper_v2, ...)")
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.npz and captions.jsonl")
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of this run; an unfinished stage in it is resumed"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: torch decides)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes",
                        help="change a value of the recipe, such as vae.batch_size=64; may be given again")  # fmt: skip
    parser.add_argument("--from", type=Path, metavar="CHECKPOINT", dest="start_from",
                        help="begin the run with the weights of a published file or a checkpoint folder")  # fmt: skip
    parser.add_argument("--statistics", type=Path, metavar="FOLDER",
                        help="normalise with Mean.npy and Std.npy of this folder, not with the data's")  # fmt: skip
    parser.add_argument("--mixed-precision", choices=("no", "bf16", "fp16"),
                        help="as of `accelerate launch`, which decides when this is not given")  # fmt: skip
    parser.add_argument("--swanlab", action="store_true", help="log to SwanLab beside TensorBoard")
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
    """Entry of ``python -m training.<stage>``; what a user can mend is told in two sentences, without a traceback."""
    parser = argument_parser(description)
    parser.add_argument("--minutes", type=float, help="stop (resumably) after this many minutes")
    read = parser.parse_args()
    with told():
        train(open_from(read), read.minutes)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turns an error that a user can mend into two sentences and exit code 2."""
    try:
        yield
    except GaitwayError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from None
