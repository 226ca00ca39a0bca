# SPDX-License-Identifier: GPL-3.0-or-later
"""A run: its recipe, data, statistics and folder, opened the same way by every stage.

The folder holds ``run.json`` (recipe, seed, versions, data hash, what it was initialised from), ``statistics.npz``,
caption embeddings, and what the stages write: checkpoints, logs and curves. Only the main process writes; the others
read after it.
"""

from __future__ import annotations

import dataclasses
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import engine
from blender_addon.shared.errors import BadFile

from ..data import statistics
from ..data.clips import Clip, data_hash, feature_statistics
from ..data.paraphrase import paraphrases
from ..loop import distributed
from ..loop.checkpoints import whole_file
from ..recipes import Recipe
from .finetune import read_checkpoint

_VALIDATED = 64  # clips; more would say little more and take long


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
        return distributed.state().device

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
        with distributed.state().main_process_first():
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
    with whole_file(path) as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def write_record(folder: Path, about: dict[str, Any]) -> None:
    """``run.json`` of a run folder. Raises TrainingStopped when the disk is full."""
    with whole_file(folder / "run.json") as stream:
        stream.write(json.dumps(about, indent=1).encode())


def open_record(recipe: Recipe, data: Path, folder: Path, seed: int) -> dict[str, Any] | None:
    """Write run.json, or check it against this recipe, data and seed; returns what the run was initialised from
    (None: nothing).
    """
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
    if distributed.state().is_main_process:
        write_record(folder, about | {"versions": versions})
    return about.get("from")


def run_statistics(folder: Path, clips: list[Clip], start_from: Path | None, given: Path | None) -> statistics.Numbers:
    """The run's statistics: kept ones, else the given ones, else the checkpoint's, else the data's."""
    kept = folder / "statistics.npz"
    if kept.is_file():
        return statistics.read_npz(kept)
    numbers: statistics.Numbers = {}
    if given is not None:
        numbers = statistics.read_folder(given)
    elif start_from is not None:
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
