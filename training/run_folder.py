# SPDX-License-Identifier: GPL-3.0-or-later
"""A run: its recipe, data, statistics and folder, opened the same way by every stage.

The folder holds ``run.json`` (recipe, seed, versions, data hash), ``statistics.npz``, caption embeddings, and what the
stages write: checkpoints, logs and curves.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import engine
from blender_addon.shared.errors import BadFile, GaitwayError

from .data import Clip, data_hash, feature_statistics, load_clips
from .paraphrase import paraphrases
from .recipes import Recipe, get_recipe


@dataclass(frozen=True, eq=False)
class Run:
    """``clips`` by split, ``statistics`` mean and std (263,), ``seed`` of all random draws."""

    recipe: Recipe
    clips: dict[str, list[Clip]]
    statistics: tuple[Tensor, Tensor]
    folder: Path
    seed: int

    @property
    def texts(self) -> list[str]:
        """Every caption and its paraphrases, sorted; index 0 is the empty text."""
        captions = {
            other
            for clips in self.clips.values()
            for clip in clips
            for text in clip.captions
            for other in paraphrases(text)
        }
        return ["", *sorted(captions - {""})]

    def text_embeddings(self) -> Tensor:
        """(number of texts, W) embeddings of :attr:`texts`, computed once and kept in the run folder."""
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
        np.savez(path, texts=np.array(texts), embeddings=embeddings.numpy())
        return embeddings


def open_run(recipe: Recipe, data: Path, folder: Path, seed: int = 0) -> Run:
    """Read the data and make or check the run folder. Raises BadFile when the folder belongs to another recipe or
    data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "recipe": json.loads(json.dumps(dataclasses.asdict(recipe), default=str)),
        "data": data_hash(data),
        "seed": seed,
    }
    record = folder / "run.json"
    if record.is_file():
        before = json.loads(record.read_text(encoding="utf-8"))
        if before["data"] != about["data"] or before["recipe"]["name"] != recipe.name or before["seed"] != seed:
            raise BadFile(f"{folder} belongs to another recipe, seed or data set.", "Choose another --run folder.")
    clips = load_clips(data, recipe.variants)
    for split in ("train", "val"):
        if not clips.get(split):
            raise BadFile(f"The data has no clips in the split '{split}'.", "Check captions.jsonl.")
    versions = {"python": platform.python_version(), "torch": torch.__version__, "gaitway": engine.__version__}
    record.write_text(json.dumps(about | {"versions": versions}, indent=1), encoding="utf-8")
    statistics = folder / "statistics.npz"
    if not statistics.is_file():
        mean, std = feature_statistics(clips["train"])
        np.savez(statistics, mean=mean, std=std)
    kept = np.load(statistics)
    return Run(recipe, clips, (torch.from_numpy(kept["mean"]), torch.from_numpy(kept["std"])), folder, seed)


def argument_parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--recipe", default="small", help="named recipe (small, debug)")
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.npz and captions.jsonl")
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of this run; an unfinished stage in it is resumed"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: torch decides)")
    return parser


def open_from(arguments: argparse.Namespace) -> Run:
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    return open_run(get_recipe(arguments.recipe), arguments.data, arguments.run, arguments.seed)


def command_line(train: Callable[[Run, float | None], Any], description: str) -> None:
    """Entry of ``python -m training.<stage>``; what a user can mend is told in two sentences, without a traceback."""
    parser = argument_parser(description)
    parser.add_argument("--minutes", type=float, help="stop (resumably) after this many minutes")
    arguments = parser.parse_args()
    try:
        train(open_from(arguments), arguments.minutes)
    except GaitwayError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from None
