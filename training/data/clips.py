# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion clips with captions: reading, their variants, features and statistics.

Shapes: B batch, T frames, J = 22 joints, F = 263 features. Metres, Y up, 20 fps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.shared import features as feature_set
from blender_addon.shared.errors import BadFile

from .augment import CARRIED, NO_VARIANTS, Variants

SMALLEST_STD = 1e-3
"""A group of features that never changes in the data is not divided by nothing."""

_UNITS = np.full(feature_set.NUM_FEATURES, 1 / 32767, np.float32)
_UNITS[feature_set.YAW_VELOCITY] = 2 / 32767  # half a turn
_UNITS[feature_set.ROOT_HEIGHT] = _UNITS[feature_set.JOINT_POSITIONS] = 4 / 32767


def packed(features: np.ndarray) -> np.ndarray:
    """Features (T, 263) as int16: heights and joints in steps of 0.12 mm up to 4 m, velocities to 20 m/s; where heading
    and path add up to is off by no more than a step, however long the motion.
    """
    steps = features / _UNITS.astype(np.float64)
    way = slice(0, feature_set.GROUND_VELOCITY.stop)
    numbers = np.rint(steps)
    numbers[:, way] = np.diff(np.rint(np.cumsum(steps[:, way], axis=0)), axis=0, prepend=0.0)
    return np.clip(numbers, -32767, 32767).astype(np.int16)


def unpacked(numbers: np.ndarray) -> np.ndarray:
    """Features (T, 263) float32 of what :func:`packed` gave."""
    return numbers.astype(np.float32) * _UNITS


@dataclass(frozen=True, eq=False)
class Clip:
    """One motion: ``frames`` (T, 263), its features, not normalised, as they are or as :func:`packed` holds them;
    ``weak`` marks captions that say little about it.
    """

    name: str
    split: str
    frames: np.ndarray
    captions: tuple[str, ...]
    weak: bool = False
    weight: float = 1.0  # how often it is drawn, a frame, beside the others

    @property
    def carried(self) -> bool:
        """Whether only a path explains where this motion goes (see :func:`training.data.augment.carry`)."""
        return CARRIED in self.name

    @property
    def captured(self) -> bool:
        """Whether it is a captured motion or its mirror image, and not made of one."""
        return "@" not in self.name

    @property
    def num_frames(self) -> int:
        return len(self.frames)

    @property
    def features(self) -> np.ndarray:
        """(T, 263) float32."""
        return self.crop(0, self.num_frames)

    def crop(self, start: int, frames: int) -> np.ndarray:
        """Features (frames, 263) float32 from frame ``start`` on."""
        part = self.frames[start : start + frames]
        return unpacked(part) if part.dtype == np.int16 else part.astype(np.float32, copy=False)

    @property
    def joints(self) -> np.ndarray:
        """(T, 22, 3) metres, frame 0 over the origin with heading +Z."""
        return feature_set.features_to_joints(self.features)


def read_captures(folder: Path) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """The line of ``captions.jsonl`` and the joints (T, 22, 3) float32 of every clip of ``clips.npz``.

    ``clips.npz`` holds pos (all frames, 22, 3) x unit, offset (clips+1,) and ids. Raises BadFile when a file is missing
    or does not fit.
    """
    for name in ("clips.npz", "captions.jsonl"):
        if not (folder / name).is_file():
            raise BadFile(f"{folder} has no {name}.", "Point --data at a folder with clips.npz and captions.jsonl.")
    archive = np.load(folder / "clips.npz")
    positions, unit = archive["pos"], np.float32(archive["unit"])
    offsets, ids = archive["offset"], [str(i) for i in archive["ids"]]
    lines = (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    described = {line["id"]: line for line in map(json.loads, lines)}
    for name, start, end in zip(ids, offsets[:-1], offsets[1:], strict=True):
        if name not in described:
            raise BadFile(f"captions.jsonl has no entry for the clip {name}.", "Take both files from the same release.")
        yield described[name], positions[start:end].astype(np.float32) * unit


def variants_of(about: dict[str, Any], joints: np.ndarray, variants: Variants) -> Iterator[Clip]:
    """The clips that a captured motion (T, 22, 3) gives: itself, and in the train split its variants."""
    captions = tuple(caption["text"] for caption in about["captions"])
    use = variants if about["split"] == "train" else NO_VARIANTS
    weight = use.weight_of(captions)
    for label, vectors, texts in use.of(about["id"], joints, captions):
        yield Clip(label, about["split"], vectors.astype(np.float32), texts, about["weak"], weight)


def load_clips(folder: Path, variants: Variants = NO_VARIANTS, only: str | None = None) -> dict[str, list[Clip]]:
    """All clips of a data folder, or ``only`` those of one split, in memory by split; the train split with its
    ``variants``. Raises BadFile. See :func:`training.data.variant_cache.open_clips` for many.
    """
    splits: dict[str, list[Clip]] = {}
    for about, joints in read_captures(Path(folder)):
        if only is not None and about["split"] != only:
            continue
        for clip in variants_of(about, joints, variants):
            splits.setdefault(clip.split, []).append(clip)
    return splits


def data_hash(folder: Path) -> str:
    """Hash of the data files, for run folders and model cards."""
    digest = hashlib.sha256()
    for name in ("clips.npz", "captions.jsonl"):
        digest.update((Path(folder) / name).read_bytes())
    return digest.hexdigest()[:16]


def feature_statistics(clips: list[Clip]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (263,) over all frames; one deviation a group of features, as the data set's makers
    did.
    """
    count, total, squares = 0, np.zeros(feature_set.NUM_FEATURES), np.zeros(feature_set.NUM_FEATURES)
    for clip in clips:  # a clip at a time: all of them do not fit into memory
        frames = clip.features.astype(np.float64)
        count, total, squares = count + len(frames), total + frames.sum(0), squares + np.square(frames).sum(0)
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - np.square(mean), 0.0))
    for group in (feature_set.YAW_VELOCITY, feature_set.GROUND_VELOCITY, feature_set.ROOT_HEIGHT,
                  feature_set.JOINT_POSITIONS, feature_set.JOINT_ROTATIONS, feature_set.JOINT_VELOCITIES,
                  feature_set.FOOT_CONTACTS):  # fmt: skip
        std[group] = max(std[group].mean(), SMALLEST_STD)
    return mean.astype(np.float32), std.astype(np.float32)
