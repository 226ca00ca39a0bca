# SPDX-License-Identifier: GPL-3.0-or-later
"""The clips of a data folder and their variants, made once and kept on disk.

Making the variants of eight hours of motion takes minutes, and their features do not fit into memory: so they are made
in several processes, written as int16 into one array, and read from there through a memory map. A folder
``variants/<key>`` belongs to one state of the data, the :class:`training.data.augment.Variants` and the code that makes
them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from rich.console import Console
from rich.progress import track

from blender_addon.shared import features as feature_set
from blender_addon.shared.errors import ExportError
from engine.export.atomic import atomic_folder

from ..loop.checkpoints import disk_trouble, whole_file
from . import augment, plant_feet
from . import sentences as sentence_rules
from .augment import Variants
from .clips import Clip, data_hash, packed, read_captures, variants_of
from .sentences import sentences

PROCESSES = min(2, os.cpu_count() or 1)
_GROUP = 32  # motions that a process is given at a time
_FEW = 64  # motions that are not worth starting a process for

Capture = tuple[dict[str, Any], np.ndarray]


def open_clips(data: Path, variants: Variants, keep_in: Path, described: bool = False) -> dict[str, list[Clip]]:
    """Clips by split, the train split with its ``variants``; made where ``keep_in`` does not hold them yet.

    ``described``: training clips also have captions by rule (see :mod:`training.data.sentences`).
    Raises BadFile when the data cannot be used, TrainingStopped when the disk is full.
    """
    folder = keep_in / "variants" / _key(data, variants)
    if not (folder / "clips.json").is_file():
        try:
            with atomic_folder(folder) as made:
                _make(data, variants, made)
        except ExportError as error:
            raise disk_trouble(folder, error.__cause__ or error) from error
    lines = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
    clips: list[Clip] = []
    frames: np.ndarray = np.zeros((0, feature_set.NUM_FEATURES), np.int16)
    if lines:
        frames = np.memmap(folder / "features.i16", np.int16, "r").reshape(-1, feature_set.NUM_FEATURES)
    start = 0
    for length, about in lines:
        captions = tuple(about["captions"])
        weight = variants.weight_of(captions) if about["split"] == "train" else 1.0
        part = frames[start : start + length]
        clips.append(Clip(about["name"], about["split"], part, captions, about["weak"], weight))
        start += length
    if described:
        clips = _with_sentences(clips, folder)
    splits: dict[str, list[Clip]] = {}
    for clip in clips:
        splits.setdefault(clip.split, []).append(clip)
    return splits


def _with_sentences(clips: list[Clip], folder: Path) -> list[Clip]:
    """The clips, those for training with their sentences, which are kept beside the features."""
    code = hashlib.sha256(inspect.getsource(sentence_rules).encode()).hexdigest()[:16]
    path = folder / f"sentences_{code}.json"
    if not path.is_file():
        added = [
            sentences(clip.name, clip.captions, clip.features) if clip.split == "train" and not clip.weak else ()
            for clip in clips
        ]
        with whole_file(path) as stream:
            stream.write(json.dumps(added).encode())
    kept = json.loads(path.read_text(encoding="utf-8"))
    return [dataclasses.replace(clip, captions=(*clip.captions, *more)) for clip, more in zip(clips, kept, strict=True)]


def _key(data: Path, variants: Variants) -> str:
    code = "".join(inspect.getsource(part) for part in (augment, plant_feet, feature_set, packed))
    words = (
        f"{data_hash(data)} {dataclasses.replace(variants, weights=())!r} {code}"  # weights are taken as they are now
    )
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _make(data: Path, variants: Variants, folder: Path) -> None:
    """``features.i16``, all frames one after the other, and ``clips.json``: [frames, the clip's other fields] each."""
    captures = list(read_captures(data))
    lines: list[tuple[int, dict[str, Any]]] = []
    with open(folder / "features.i16", "wb") as file:
        for made in _all_variants(captures, variants):
            lines += _written(made, file)
    (folder / "clips.json").write_text(json.dumps(lines), encoding="utf-8")


def _written(clips: Sequence[Clip], file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    for clip in clips:
        file.write(clip.frames.tobytes())
        fields = ("name", "split", "captions", "weak")
        yield clip.num_frames, {field: getattr(clip, field) for field in fields}


def _all_variants(captures: Sequence[Capture], variants: Variants) -> Iterator[list[Clip]]:
    """The clips of a group of motions after the other, in order."""
    groups = [captures[first : first + _GROUP] for first in range(0, len(captures), _GROUP)]
    if len(captures) < _FEW or PROCESSES == 1:
        yield from (_variants(group, variants) for group in groups)
        return
    console = Console(stderr=True)
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        todo = iter(groups)
        waiting: list[Future[list[Clip]]] = []
        for _ in track(groups, "Making variants", console=console, disable=not console.is_terminal):
            waiting += [pool.submit(_variants, group, variants) for group in islice(todo, 2 * PROCESSES - len(waiting))]
            yield waiting.pop(0).result()


def _variants(captures: Sequence[Capture], variants: Variants) -> list[Clip]:
    return [
        dataclasses.replace(clip, frames=packed(clip.frames))
        for about, joints in captures
        for clip in variants_of(about, joints, variants)
    ]
