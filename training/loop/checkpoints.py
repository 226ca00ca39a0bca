# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of a stage: written atomically, kept by age and the best by validation error, resumed from.

``<stage>.pt`` is the newest; ``checkpoints/<stage>-<step>.pt`` are the last few; ``<stage>_best.pt`` holds the weights
with the least validation error. Everything in them is tensors and plain values: they are read without unpickling code.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import torch
from torch import nn

from blender_addon.shared.errors import BadCheckpoint, ExportError, GaitwayError
from engine.export.atomic import atomic_file

Module = TypeVar("Module", bound=nn.Module)


class TrainingStopped(GaitwayError):
    """A run that cannot go on; its last good checkpoint is intact."""

    code = "training"


def disk_trouble(path: Path, error: BaseException) -> TrainingStopped:
    """What a full or broken disk is told as."""
    return TrainingStopped(
        f"{path} could not be written ({error}).",
        "Free some disk space and start the same command again; it resumes from the last checkpoint.",
    )


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A stream that becomes ``path`` when the block succeeds: a crash or a full disk leaves the previous file whole.
    Folders above it are created. Raises TrainingStopped.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as stream:
            yield stream
    except (OSError, RuntimeError, ExportError) as error:  # torch says RuntimeError where a disk is full
        raise disk_trouble(path, error.__cause__ or error) from error


def write_state(state: dict[str, Any], path: Path) -> None:
    """A checkpoint, whole or not at all. Raises TrainingStopped."""
    with whole_file(path) as stream:
        torch.save(state, stream)


def save(state: dict[str, Any], path: Path, keep_last: int) -> None:
    """The newest checkpoint at ``path``, and the last ``keep_last`` of them (it among them) in ``checkpoints/``."""
    write_state(state, path)
    if keep_last < 2:
        return
    aged = path.parent / "checkpoints"
    link = aged / f"{path.stem}-{state['step']:08d}.pt"
    try:
        aged.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        try:
            os.link(path, link)  # a second name costs no space
        except OSError:
            shutil.copyfile(path, link)
        for old in sorted(aged.glob(f"{path.stem}-*.pt"))[:-keep_last]:
            old.unlink()
    except OSError as error:
        raise disk_trouble(link, error) from error


def read(path: Path) -> dict[str, Any]:
    """A checkpoint's content. Raises BadCheckpoint when it is missing or damaged."""
    if not path.is_file():
        raise BadCheckpoint(f"{path} is missing.", "Run the stages in order: vae, mld, distill, control.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        aged = path.parent / "checkpoints"
        raise BadCheckpoint(
            f"{path} is damaged ({type(error).__name__}).",
            f"Copy the newest {path.stem}-*.pt of {aged} over it, or delete it to start the stage again.",
        ) from error


def resume(path: Path, parts: dict[str, Any]) -> dict[str, Any]:
    """Fill ``parts`` (objects with load_state_dict, by their name in the file) and return the file's content.

    An average or companion that the file does not hold starts as the module. Raises BadCheckpoint when the file belongs
    to something else.
    """
    state = read(path)
    try:
        for name, part in parts.items():
            if state.get(name) is not None:
                part.load_state_dict(state[name])
            elif name in ("ema", "companion"):
                part.load_state_dict(state["module"])
    except Exception as error:
        raise BadCheckpoint(
            f"{path} cannot be resumed from ({type(error).__name__}).",
            "It belongs to another recipe: choose another run folder or delete the file.",
        ) from error
    return state


def load_exported(path: Path, module: Module, use: str = "last") -> Module:
    """Fill ``module`` with a finished (or paused) stage's weights, the average's when it has one; with ``use`` 'best'
    those of the least validation error. Raises BadCheckpoint.
    """
    best = path.with_name(f"{path.stem}_best.pt")
    state = read(best if use == "best" and best.is_file() else path)
    try:
        module.load_state_dict(state.get("ema") or state["module"])
    except (RuntimeError, KeyError) as error:
        raise BadCheckpoint(
            f"The weights in {path} are not those of this recipe's networks.",
            "Use the recipe that the run was started with.",
        ) from error
    return module.eval()
