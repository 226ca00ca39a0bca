# SPDX-License-Identifier: GPL-3.0-or-later
"""The finished takes as one data set in the form that ``training.data`` reads, with its statistics.

``clips.npz`` is written last: a folder that has it is complete.

Shapes: T frames, J = 22 joints, F = 263 features.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.shared.errors import BadFile
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.export.atomic import atomic_file

from ..data.clips import feature_statistics, load_clips
from .take import TakeClips

UNIT = 0.00025  # metres; positions are kept as whole multiples


@dataclass
class DataSet:
    """``clips``: a line each, with its split; ``joints``: (T, J, 3) each; ``rejected``: lines with the reason."""

    clips: list[dict[str, Any]]
    joints: list[np.ndarray]
    rejected: list[dict[str, Any]]


def collect(results: Collection[TakeClips], splits: Mapping[str, str]) -> DataSet:
    """One data set of all results. A take without a split is left out. Raises BadFile when no clip is left."""
    data = DataSet([], [], [line for result in results for line in result.rejected])
    for result in results:
        for about, joints in zip(result.clips, result.joints, strict=True):
            split = splits.get(about["take"])
            if split is None:
                data.rejected.append(about | {"reason": "in none of train.txt, val.txt and test.txt"})
            else:
                data.clips.append(about | {"split": split})
                data.joints.append(joints)
    if not data.clips:
        first = data.rejected[0]["reason"] if data.rejected else "there were no takes"
        raise BadFile(
            f"No clip was left. The first reason: {first}", "Check the files, or widen the limits (see --help)."
        )
    return data


def write(data: DataSet, folder: Path) -> None:
    """``captions.jsonl``, ``clips.npz`` and ``statistics.npz`` (mean and std (F,) of the train split)."""
    (folder / "clips.npz").unlink(missing_ok=True)
    with atomic_file(folder / "captions.jsonl") as file:
        file.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in data.clips).encode())
    whole = np.rint(np.concatenate(data.joints) / UNIT)
    # 16 bits reach 8.2 metres from the start of a clip.
    dtype = np.int16 if np.abs(whole).max() <= np.iinfo(np.int16).max else np.int32
    with atomic_file(folder / "clips.npz") as file:
        np.savez_compressed(
            file,
            pos=whole.astype(dtype),
            unit=np.float64(UNIT),
            offset=np.cumsum([0, *(len(joints) for joints in data.joints)]),
            ids=np.array([line["id"] for line in data.clips]),
            fps=np.float64(FPS),
            joints=np.array(SKELETON.names),
            parents=np.array(SKELETON.parents),
        )


def write_statistics(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean and std (F,) of the data set in ``folder``, over the train split or, without one, over all clips; kept as
    ``statistics.npz``.
    """
    splits = load_clips(folder)
    clips = splits.get("train") or [clip for some in splits.values() for clip in some]
    mean, std = feature_statistics(clips)
    with atomic_file(folder / "statistics.npz") as file:
        np.savez(file, mean=mean, std=std)
    return mean, std
