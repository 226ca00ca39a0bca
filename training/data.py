# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion clips with captions: reading, mirroring, features, statistics, and random crops for training.

Shapes: B batch, T frames, J = 22 joints, F = 263 features. Metres, Y up, 20 fps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from blender_addon.shared import features as feature_set
from blender_addon.shared.errors import BadFile

from .augment import CARRIED, NO_VARIANTS, Variants
from .paraphrase import paraphrases
from .recipes import Stage

SMALLEST_STD = 1e-3
"""A group of features that never changes in the data is not divided by nothing."""


@dataclass(frozen=True, eq=False)
class Clip:
    """One motion: ``features`` (T, 263) float32, not normalised; ``weak`` marks captions that say little about it."""

    name: str
    split: str
    features: np.ndarray
    captions: tuple[str, ...]
    weak: bool = False
    weight: float = 1.0  # how often it is drawn, a frame, beside the others

    @property
    def carried(self) -> bool:
        """Whether only a path explains where this motion goes (see :func:`training.augment.carry`)."""
        return CARRIED in self.name

    @property
    def num_frames(self) -> int:
        return self.features.shape[0]

    @property
    def joints(self) -> np.ndarray:
        """(T, 22, 3) metres, frame 0 over the origin with heading +Z."""
        return feature_set.features_to_joints(self.features)


def load_clips(folder: Path, variants: Variants = NO_VARIANTS) -> dict[str, list[Clip]]:
    """Clips of ``clips.npz`` and ``captions.jsonl`` by split; the train split with its ``variants``.

    ``clips.npz`` holds pos (all frames, 22, 3) x unit, offset (clips+1,) and ids. Raises BadFile when a file is missing
    or does not fit.
    """
    folder = Path(folder)
    for name in ("clips.npz", "captions.jsonl"):
        if not (folder / name).is_file():
            raise BadFile(f"{folder} holds no {name}.", "Point --data at a folder with clips.npz and captions.jsonl.")
    archive = np.load(folder / "clips.npz")
    positions = archive["pos"].astype(np.float32) * np.float32(archive["unit"])
    offsets, ids = archive["offset"], [str(i) for i in archive["ids"]]
    lines = (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    described = {line["id"]: line for line in map(json.loads, lines)}
    splits: dict[str, list[Clip]] = {}
    for name, start, end in zip(ids, offsets[:-1], offsets[1:], strict=True):
        about = described.get(name)
        if about is None:
            raise BadFile(
                f"captions.jsonl says nothing about the clip {name}.", "Take both files from the same release."
            )
        captions = tuple(caption["text"] for caption in about["captions"])
        use = variants if about["split"] == "train" else NO_VARIANTS
        weight = use.weight_of(captions)
        for label, vectors, texts in use.of(name, positions[start:end], captions):
            clip = Clip(label, about["split"], vectors.astype(np.float32), texts, about["weak"], weight)
            splits.setdefault(about["split"], []).append(clip)
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
    frames = np.concatenate([clip.features for clip in clips]).astype(np.float64)
    mean, std = frames.mean(0), frames.std(0)
    for group in (feature_set.YAW_VELOCITY, feature_set.GROUND_VELOCITY, feature_set.ROOT_HEIGHT,
                  feature_set.JOINT_POSITIONS, feature_set.JOINT_ROTATIONS, feature_set.JOINT_VELOCITIES,
                  feature_set.FOOT_CONTACTS):  # fmt: skip
        std[group] = max(std[group].mean(), SMALLEST_STD)
    return mean.astype(np.float32), std.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Batch:
    """``features`` (B, T, 263) normalised and zero-padded, ``mask`` (B, T) True where real, ``captions`` (B,) caption
    indices (-1: none).
    """

    features: torch.Tensor
    mask: torch.Tensor
    captions: torch.Tensor


class CropSampler:
    """Random crops of random clips; every draw comes from the generator that is passed in, so a step can be repeated.

    Clips are drawn in proportion to their frames and weights. The frames of a batch have one common length unless a
    clip is shorter.
    """

    def __init__(self, clips: list[Clip], mean: np.ndarray, std: np.ndarray, texts: list[str] | None = None) -> None:
        if not clips:
            raise BadFile("There are no clips to train on.", "Check the split and the length limits of the data.")
        self.mean, self.std = mean, std
        self.clips = [torch.from_numpy((clip.features - mean) / std) for clip in clips]
        lengths = torch.tensor([clip.weight * clip.num_frames for clip in clips])
        self.weights = lengths / lengths.sum()
        places = {text: i for i, text in enumerate(texts or [])}
        self.captions = [
            [places[other] for text in clip.captions for other in paraphrases(text) if other in places] or [-1]
            for clip in clips
        ]
        self.weak = [clip.weak for clip in clips]

    def draw(
        self, batch_size: int, min_frames: int, max_frames: int, generator: torch.Generator, weak_drop: float = 0.5
    ) -> Batch:
        """A batch; captions of weak clips are left out with probability ``weak_drop``. Lengths are multiples of 4."""
        length = 4 * int(torch.randint(min_frames // 4, max_frames // 4 + 1, (1,), generator=generator))
        chosen = torch.multinomial(self.weights, batch_size, replacement=True, generator=generator).tolist()
        uniform = torch.rand(batch_size, 3, generator=generator).tolist()
        crops, captions = [], []
        for index, (where, which, drop) in zip(chosen, uniform, strict=True):
            clip = self.clips[index]
            take = min(length, len(clip) // 4 * 4)
            start = int(where * (len(clip) - take + 1))
            crops.append(clip[start : start + take])
            captions.append(self.caption(index, which, drop, weak_drop))
        return Batch(*pad(crops), torch.tensor(captions))

    def caption(self, index: int, which: float, drop: float, weak_drop: float) -> int:
        """A caption of clip ``index`` by two uniform draws; -1 where a weak one is dropped."""
        options = self.captions[index]
        weak = self.weak[index] and drop < weak_drop
        return -1 if weak else options[int(which * len(options))]


def clips_within(clips: list[Clip], stage: Stage) -> list[Clip]:
    """The clips that a stage with 'clips' sampling takes."""
    return [clip for clip in clips if stage.min_frames <= clip.num_frames <= stage.max_frames]


class ClipSampler:
    """Whole clips in a new order every epoch, the last batch of an epoch as short as it comes, as published.

    A clip is cropped to a multiple of 4 frames, one time in three 4 frames shorter, at a random offset.
    """

    def __init__(self, clips: list[Clip], mean: np.ndarray, std: np.ndarray, texts: list[str], stage: Stage) -> None:
        kept = clips_within(clips, stage)
        self._crops, self._stage = CropSampler(kept, mean, std, texts), stage

    def draw(self, generator: torch.Generator, step: int, seed: int, weak_drop: float) -> Batch:
        """The batch of a step: its place in its epoch's order, which ``seed`` and the epoch give."""
        crops, size = self._crops, self._stage.batch_size
        epoch, place = divmod(step, -(-len(crops.clips) // size))
        order = torch.randperm(len(crops.clips), generator=torch.Generator().manual_seed(seed * 7_368_787 + epoch))
        chosen = order[place * size : (place + 1) * size].tolist()
        parts, captions = [], []
        for index, (where, which, drop, coin) in zip(
            chosen, torch.rand(len(chosen), 4, generator=generator).tolist(), strict=True
        ):
            clip = crops.clips[index]
            take = len(clip) // 4 * 4 - (4 if coin < 1 / 3 and len(clip) >= 8 else 0)
            start = int(where * (len(clip) - take + 1))
            parts.append(clip[start : start + take])
            captions.append(crops.caption(index, which, drop, weak_drop))
        return Batch(*pad(parts, self._stage.pad_to), torch.tensor(captions))


def motion_sampler(
    clips: list[Clip], mean: np.ndarray, std: np.ndarray, texts: list[str], stage: Stage, weak_drop: float, seed: int
) -> Callable[[torch.Generator, int], Batch]:
    """A function (generator, step) -> batch, as the stage samples."""
    clips = [clip for clip in clips if stage.carried or not clip.carried]
    if stage.sampling == "clips":
        whole = ClipSampler(clips, mean, std, texts, stage)
        return lambda generator, step: whole.draw(generator, step, seed, weak_drop)
    crops = CropSampler(clips, mean, std, texts)
    return lambda generator, step: crops.draw(
        stage.batch_size, stage.min_frames, stage.max_frames, generator, weak_drop
    )


def pad(sequences: list[torch.Tensor], at_least: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T, F) zero-padded to the longest or to ``at_least`` frames, and its mask (B, T)."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    padded = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
    if padded.shape[1] < at_least:
        padded = torch.nn.functional.pad(padded, (0, 0, 0, at_least - padded.shape[1]))
    return padded, torch.arange(padded.shape[1])[None] < lengths[:, None]
