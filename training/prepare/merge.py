# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepared data sets made into one: ``python -m training.prepare.merge SET SET ... --out DATA``.

Each set is a folder with ``clips.npz`` and ``captions.jsonl``. Lines marked ``excluded`` are left out. A capture may be
known under several names: lines say so with ``same_as``, a set with ``dups.json``, lists of takes that are one capture.
No clip may teach what another tests: of a take or capture with clips in several splits the test clips stay, else those
for validation, and the others are left out. Known faults of the sources are mended (see
:mod:`training.prepare.source_faults`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.shared.errors import BadFile, ExportError, GaitwayError
from blender_addon.shared.skeleton import FPS

from .dataset import DataSet, write, write_statistics
from .source_faults import at_true_tempo

STRICTEST = ("test", "val", "train")


@dataclass
class Captures:
    """Which takes are one capture: sets of names that are joined one by one."""

    parents: dict[str, str]

    def of(self, take: str) -> str:
        """The name that stands for the take's capture."""
        while self.parents.setdefault(take, take) != take:
            take = self.parents[take]
        return take

    def join(self, takes: Sequence[str]) -> None:
        for other in takes[1:]:
            self.parents[self.of(other)] = self.of(takes[0])


def read_set(folder: Path) -> tuple[list[dict[str, Any]], list[np.ndarray], list[list[str]]]:
    """Lines, joints (T, 22, 3) float32 of each, and lists of takes that are one capture. Raises BadFile."""
    try:
        lines = [json.loads(line) for line in (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()]
        with np.load(folder / "clips.npz") as archive:
            positions, unit = archive["pos"], np.float32(archive["unit"])
            places = {str(name): i for i, name in enumerate(archive["ids"])}
            offsets = archive["offset"]
        groups = json.loads((folder / "dups.json").read_text()) if (folder / "dups.json").is_file() else []
        joints = [
            positions[offsets[i] : offsets[i + 1]].astype(np.float32) * unit
            for i in (places[line["id"]] for line in lines)
        ]
    except (OSError, KeyError, ValueError) as error:
        raise BadFile(
            f"{folder} is not a prepared data set ({type(error).__name__}: {error}).",
            "Each folder needs clips.npz and captions.jsonl of the same release.",
        ) from error
    groups += [[line["take"], *line["same_as"]] for line in lines if line.get("same_as")]
    return lines, joints, groups


def merge(folders: Iterable[Path]) -> DataSet:
    """All sets as one; what is left out stands in its ``rejected`` with the reason. Raises BadFile."""
    lines: list[dict[str, Any]] = []
    joints: list[np.ndarray] = []
    captures = Captures({})
    for folder in folders:
        some, motions, groups = read_set(Path(folder))
        lines += some
        joints += motions
        for group in groups:
            captures.join(group)
    twice = [name for name, count in Counter(line["id"] for line in lines).items() if count > 1]
    if twice:
        raise BadFile(f"Two clips are called {twice[0]}.", "Give each set once; clip names must be unique.")
    held: dict[str, str] = {}
    for line in lines:
        if line["split"] in STRICTEST:
            capture = captures.of(line["take"])
            held[capture] = min(held.get(capture, "train"), line["split"], key=STRICTEST.index)
    data = DataSet([], [], [])
    for line, motion in zip(lines, joints, strict=True):
        stays = line["split"] in STRICTEST and line["split"] == held[captures.of(line["take"])]
        if not stays:
            known = line["split"] in STRICTEST
            reason = "its capture is held out in another split" if known else f"marked {line['split']}"
            data.rejected.append(line | {"reason": reason})
            continue
        mended = at_true_tempo(line["id"], motion)
        data.clips.append(line | {"n": len(mended)})
        data.joints.append(mended)
    if not data.clips:
        raise BadFile("No clip was left.", "Give folders with clips in the splits train, val or test.")
    return data


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.prepare.merge", description="Merge several prepared data sets into one."
    )
    parser.add_argument("sets", type=Path, nargs="+", help="folders with clips.npz and captions.jsonl")
    parser.add_argument("--out", type=Path, required=True, help="folder for the merged data set")
    arguments = parser.parse_args(argv)
    try:
        data = merge(arguments.sets)
        try:
            arguments.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportError(
                f"'{arguments.out}' cannot be created: {error.strerror}.", "Choose another --out."
            ) from error
        write(data, arguments.out)
        write_statistics(arguments.out)
    except GaitwayError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from None
    for split in STRICTEST[::-1]:
        lengths = [len(j) for line, j in zip(data.clips, data.joints, strict=True) if line["split"] == split]
        print(f"{split}: {len(lengths)} clips, {sum(lengths) / FPS / 60:.1f} minutes")
    for reason, count in Counter(line["reason"] for line in data.rejected).most_common():
        print(f"left out: {count} ({reason})")


if __name__ == "__main__":
    main()
