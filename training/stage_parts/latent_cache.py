# SPDX-License-Identifier: GPL-3.0-or-later
"""Latents of all clips, encoded once for an autoencoder: the latent stages draw from them instead of encoding crops.

A token stands for a patch of frames, so a crop of a motion is a part of its tokens. Every clip is encoded whole, from
its first frame and again from the middle of its first patch. Kept in the run folder as float16, clamped.

Shapes: B batch, N tokens, D latent width.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.models.build import build_vae
from engine.models.patch_vae import PatchVae

from ..data.clips import Clip
from ..data.sampling import CropSampler, pad
from ..loop import distributed
from ..loop.batch_split import Batch
from ..loop.checkpoints import disk_trouble, load_exported, whole_file
from ..loop.schedule import StageSchedule
from .latents import LatentBatch, LatentSampler, RunLike, clamped

_TOGETHER = 64  # clips that are encoded at a time


def latent_source(run: RunLike, stage: StageSchedule, device: torch.device, split: str = "train") -> LatentSource:
    """What a stage without hints draws its latents from."""
    patches = run.recipe.model.token_layout == "patch" and stage.sampling == "crops"
    return (CachedLatents if patches else LatentSampler)(run, stage, device, split)


class CachedLatents:
    """Draws latents and captions: random parts of random clips, in proportion to their frames and weights.

    Draws are of the stage's number of frames; those of a batch have one length unless a clip is shorter.
    """

    def __init__(self, run: RunLike, stage: StageSchedule, device: torch.device, split: str = "train") -> None:
        self.run, self.stage, self.device = run, stage, device
        vae = load_exported(run.folder / "vae.pt", build_vae(run.recipe.model), run.recipe.vae.use)
        assert isinstance(vae, PatchVae)
        self.vae = vae.requires_grad_(False).to(device)
        self.embeddings = run.text_embeddings()
        clips = [clip for clip in run.clips[split] if stage.carried or not clip.carried]
        mean, std = run.statistics
        with distributed.state().main_process_first():
            self._latents, self._starts = _opened(run.folder / "latents", split, clips, self.vae, mean, std)
        self._clips = CropSampler(clips, mean.numpy(), std.numpy(), run.texts)

    @property
    def uncond(self) -> Tensor:
        """(1, 1, W): the embedding of the empty text."""
        return self.embeddings[:1, None].to(self.device)

    def draw(self, generator: torch.Generator, step: int, text_dropout: float) -> Batch:
        """A batch's latent (B, N, D), latent_mask (B, N) and text (B, 1, W); captions become the empty text with
        probability ``text_dropout``.
        """
        stage, size = self.stage, self.vae.patch_size
        low, high = -(-stage.min_frames // size), stage.max_frames // size
        length = int(torch.randint(low, high + 1, (1,), generator=generator))
        chosen = torch.multinomial(self._clips.weights, stage.batch_size, replacement=True, generator=generator)
        uniform = torch.rand(stage.batch_size, 5, generator=generator).tolist()
        crops, captions = [], []
        for index, (where, half, which, drop, dropped) in zip(chosen.tolist(), uniform, strict=True):
            first, end = self._starts[2 * index + (half < 0.5) :][:2].tolist()
            take = min(length, end - first)
            start = first + int(where * (end - first - take + 1))
            crops.append(torch.from_numpy(self._latents[start : start + take].astype(np.float32)))
            caption = self._clips.caption(index, which, drop, self.run.recipe.weak_caption_dropout)
            captions.append(0 if dropped < text_dropout else max(caption, 0))
        latent, mask = pad(crops)
        scale = self.run.recipe.model.vae_scale_factor
        return {"latent": latent * scale, "latent_mask": mask, "text": self.embeddings[captions][:, None]}

    def shape_of(self, batch: Batch) -> torch.Size:
        """(B, N, D) of a batch's latents."""
        return batch["latent"].shape

    def encode(self, part: Batch) -> LatentBatch:
        """The latents of (a part of) a batch."""
        mask = part["latent_mask"]
        return LatentBatch(part["latent"], None if bool(mask.all()) else mask, part["text"])

    def token_counts(self, batch: Batch, *terms: str) -> dict[str, Tensor]:
        """For :mod:`training.loop.batch_split`: terms that are means over the real tokens of all samples."""
        return dict.fromkeys(terms, batch["latent_mask"].sum())


LatentSource = LatentSampler | CachedLatents
"""What a stage without hints draws from."""


def _opened(
    folder: Path, split: str, clips: list[Clip], vae: PatchVae, mean: Tensor, std: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """All tokens (tokens, D) float16, and where those of each clip begin, from its first frame and from the middle of
    its first patch: (2 clips + 1,). Made where they are not those of this autoencoder and these clips.
    """
    places, about = folder / f"{split}.json", _fingerprint(clips, vae, mean, std)
    if not places.is_file() or json.loads(places.read_text())["of"] != about:
        try:
            folder.mkdir(exist_ok=True)
            starts = _encode_all(folder / f"{split}.f16", clips, vae, mean, std)
        except OSError as error:
            raise disk_trouble(folder, error) from error
        with whole_file(places) as stream:
            stream.write(json.dumps({"of": about, "starts": starts}).encode())
    latents: np.ndarray = np.memmap(folder / f"{split}.f16", np.float16, "r").reshape(-1, vae.latent_width)
    return latents, np.array(json.loads(places.read_text())["starts"])


def _fingerprint(clips: list[Clip], vae: PatchVae, mean: Tensor, std: Tensor) -> str:
    digest = hashlib.sha256(json.dumps([(clip.name, clip.num_frames) for clip in clips]).encode())
    encoder = (value for name, value in vae.state_dict().items() if name.startswith("encoder"))
    for value in (*encoder, mean, std):
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


@torch.no_grad()
def _encode_all(path: Path, clips: list[Clip], vae: PatchVae, mean: Tensor, std: Tensor) -> list[int]:
    """Write the latents' means of all clips; returns where each begins. Clips of like length go together."""
    offsets = 0, vae.patch_size // 2
    frames = np.array([[(clip.num_frames - offset) // 4 * 4 for offset in offsets] for clip in clips])
    frames = np.maximum(frames, np.minimum(4, [[clip.num_frames] for clip in clips]))  # of the shortest: what there is
    starts = np.concatenate([[0], np.cumsum(-(-frames.ravel() // vae.patch_size))])
    kept = np.memmap(path, np.float16, "w+", shape=(int(starts[-1]), vae.latent_width))
    device = vae.encoder_linear.weight.device
    for group in np.array_split(frames[:, 0].argsort(kind="stable"), -(-len(clips) // _TOGETHER)):
        for half, offset in enumerate(offsets):
            parts = []
            for index in group:
                take = frames[index, half]
                first = min(offset, clips[index].num_frames - take)
                parts.append((torch.from_numpy(clips[index].crop(first, take)) - mean) / std)
            mu = clamped(vae.encode(*(value.to(device) for value in pad(parts)))[0])
            for index, latent in zip(group, mu.cpu().numpy(), strict=True):
                start, end = starts[2 * index + half :][:2]
                kept[start:end] = latent[: end - start]
    kept.flush()
    return [int(start) for start in starts]
