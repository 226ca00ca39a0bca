# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches of clips: random crops, or whole clips by epochs, with their captions.

Shapes: B batch, T frames, F = 263 features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from blender_addon.shared.errors import BadFile

from ..loop.schedule import StageSchedule
from .clips import Clip
from .paraphrase import paraphrases


@dataclass(frozen=True, eq=False)
class MotionBatch:
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
        self.clips, self._mean, self._std = clips, mean, std
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
    ) -> MotionBatch:
        """A batch; captions of weak clips are left out with probability ``weak_drop``. Lengths are multiples of 4."""
        length = 4 * int(torch.randint(min_frames // 4, max_frames // 4 + 1, (1,), generator=generator))
        chosen = torch.multinomial(self.weights, batch_size, replacement=True, generator=generator).tolist()
        uniform = torch.rand(batch_size, 3, generator=generator).tolist()
        crops, captions = [], []
        for index, (where, which, drop) in zip(chosen, uniform, strict=True):
            take = min(length, self.clips[index].num_frames // 4 * 4)
            crops.append(self.crop(index, where, take))
            captions.append(self.caption(index, which, drop, weak_drop))
        return MotionBatch(*pad(crops), torch.tensor(captions))

    def crop(self, index: int, where: float, frames: int) -> torch.Tensor:
        """Normalised features (frames, 263) of clip ``index``, from where the uniform draw ``where`` says."""
        clip = self.clips[index]
        part = clip.crop(int(where * (clip.num_frames - frames + 1)), frames)
        return torch.from_numpy((part - self._mean) / self._std)

    def caption(self, index: int, which: float, drop: float, weak_drop: float) -> int:
        """A caption of clip ``index`` by two uniform draws; -1 where a weak one is dropped."""
        options = self.captions[index]
        weak = self.weak[index] and drop < weak_drop
        return -1 if weak else options[int(which * len(options))]


def clips_within(clips: list[Clip], stage: StageSchedule) -> list[Clip]:
    """The clips that a stage with 'clips' sampling takes."""
    return [clip for clip in clips if stage.min_frames <= clip.num_frames <= stage.max_frames]


class ClipSampler:
    """Whole clips in a new order every epoch, the last batch of an epoch as short as it comes, as published.

    A clip is cropped to a multiple of 4 frames, one time in three 4 frames shorter, at a random offset.
    """

    def __init__(
        self, clips: list[Clip], mean: np.ndarray, std: np.ndarray, texts: list[str], stage: StageSchedule
    ) -> None:
        kept = clips_within(clips, stage)
        self._crops, self._stage = CropSampler(kept, mean, std, texts), stage

    def draw(self, generator: torch.Generator, step: int, seed: int, weak_drop: float) -> MotionBatch:
        """The batch of a step: its place in its epoch's order, which ``seed`` and the epoch give."""
        crops, size = self._crops, self._stage.batch_size
        epoch, place = divmod(step, -(-len(crops.clips) // size))
        order = torch.randperm(len(crops.clips), generator=torch.Generator().manual_seed(seed * 7_368_787 + epoch))
        chosen = order[place * size : (place + 1) * size].tolist()
        parts, captions = [], []
        for index, (where, which, drop, coin) in zip(
            chosen, torch.rand(len(chosen), 4, generator=generator).tolist(), strict=True
        ):
            length = crops.clips[index].num_frames
            take = length // 4 * 4 - (4 if coin < 1 / 3 and length >= 8 else 0)
            parts.append(crops.crop(index, where, take))
            captions.append(crops.caption(index, which, drop, weak_drop))
        return MotionBatch(*pad(parts, self._stage.pad_to), torch.tensor(captions))


# Data, statistics and texts; a stage, its two numbers: they come from three places and meet here only.
def motion_sampler(
    clips: list[Clip],
    mean: np.ndarray,
    std: np.ndarray,
    texts: list[str],
    stage: StageSchedule,
    weak_drop: float,
    seed: int,
) -> Callable[[torch.Generator, int], MotionBatch]:
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
