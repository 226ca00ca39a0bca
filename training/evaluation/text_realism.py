# SPDX-License-Identifier: GPL-3.0-or-later
"""How like captured motion a diffusion model in training moves: ``python -m training.evaluation.text_realism
--recipe small --data DATA --run RUN``.

Motions of as many seconds as the captured ones are made from their captions alone, for training captions and for those
of the validation split, by a few guided steps of DDIM (arXiv 2010.02502), and compared with the captured ones (see
:mod:`training.evaluation.realism.kinematics`). Figures are added to ``realism.jsonl`` in the run folder.

Shapes: B batch, T frames, J = 22 joints, N tokens, D latent width, W text width.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.models.build import build_vae
from engine.models.denoiser import Denoiser
from engine.models.patch_vae import PatchVae
from engine.models.vae import MldVae
from engine.sampling import scheduler

from ..data.clips import Clip
from ..data.sampling import pad
from ..loop.checkpoints import load_exported, read
from ..runs.command_line import argument_parser, open_from, reporting_errors
from ..runs.run import Run
from ..stage_parts.latents import latent_mask_of
from ..stage_parts.losses import joints_of
from ..stage_parts.modules import mld_config
from .realism.kinematics import agreement, chosen, distance, floor

CLIPS = 96  # of a split
LONGEST = 196  # frames
TIMES = (999, 749, 499, 249)
GUIDANCE = 2.5
_TOGETHER = 16


@dataclass(frozen=True, eq=False)
class TextModel:
    """A run's networks as far as they are trained, on the CPU; statistics mean and std (F,); texts and their
    embeddings (number of texts, W), the empty one first.
    """

    vae: MldVae | PatchVae
    denoiser: Denoiser
    statistics: tuple[Tensor, Tensor]
    places: dict[str, int]
    embeddings: Tensor


def load_text_model(run: Run) -> TextModel:
    """Raises BadCheckpoint when a stage has not been run."""
    model = run.recipe.model
    vae = load_exported(run.folder / "vae.pt", build_vae(model), run.recipe.vae.use)
    denoiser = load_exported(run.folder / "mld.pt", Denoiser(mld_config(model)), run.recipe.mld.use)
    places = {text: place for place, text in enumerate(run.texts)}
    return TextModel(vae, denoiser, run.statistics, places, run.text_embeddings())


@torch.no_grad()
def answers(
    model: TextModel, clips: Sequence[Clip], times: Sequence[int] = TIMES, guidance: float = GUIDANCE, seed: int = 0
) -> list[np.ndarray]:
    """Joints (T, J, 3) of a motion for each clip's first caption, as long as the clip."""
    generator, made = torch.Generator().manual_seed(seed), []
    mean, std = model.statistics
    for first in range(0, len(clips), _TOGETHER):
        group = clips[first : first + _TOGETHER]
        lengths = [min(clip.num_frames, LONGEST) for clip in group]
        mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
        text = model.embeddings[[model.places[clip.captions[0]] for clip in group]][:, None]
        latent = _sampled(model, text, mask, times, guidance, generator)
        joints = joints_of(model.vae.decode(latent, mask), mean, std).numpy()
        made += [motion[:length] for motion, length in zip(joints, lengths, strict=True)]
    return made


def _sampled(
    model: TextModel, text: Tensor, mask: Tensor, times: Sequence[int], guidance: float, generator: torch.Generator
) -> Tensor:
    """Latents (B, N, D) for text (B, 1, W) and mask (B, T)."""
    real, kind = latent_mask_of(model.vae, mask), model.denoiser.config.prediction_type
    count = model.denoiser.config.num_tokens(mask.shape[1])
    latent = torch.randn(len(text), count, model.denoiser.config.latent_width, generator=generator)
    both = torch.cat([text, model.embeddings[:1, None].expand_as(text)])
    for time, after in zip(times, (*times[1:], None), strict=True):
        now = torch.full((2 * len(text),), time)
        output = model.denoiser(
            latent.repeat(2, 1, 1), now, both, latent_mask=None if real is None else real.repeat(2, 1)
        )
        said, unsaid = output.chunk(2)
        output = unsaid + guidance * (said - unsaid)
        clean = scheduler.predict_clean(latent, output, time, kind)
        if after is None:
            return clean
        latent = scheduler.add_noise(clean, scheduler.predict_noise(latent, output, time, kind), after)
    return latent


@torch.no_grad()
def decoded(model: TextModel, clips: Sequence[Clip]) -> list[np.ndarray]:
    """Joints (T, J, 3) of the clips after encoding and decoding."""
    made = []
    mean, std = model.statistics
    for clip in clips:
        features, mask = pad([(torch.from_numpy(clip.crop(0, LONGEST)) - mean) / std])
        made.append(joints_of(model.vae.decode(model.vae.encode(features, mask)[0], mask), mean, std)[0].numpy())
    return made


def figures(model: TextModel, clips: Sequence[Clip], times: Sequence[int], guidance: float) -> dict[str, float]:
    """Frechet distance and agreement of the motions from text; distance of the autoencoder's, and the real floor."""
    real = [clip.joints[:LONGEST] for clip in clips]
    made = answers(model, clips, times, guidance)
    return {
        "clips": len(clips),
        "floor": floor(real),
        "autoencoder": distance(decoded(model, clips), real),
        "text": distance(made, real),
        "agreement": agreement(made, real),
    }


def main() -> None:
    parser = argument_parser("Measure how similar the diffusion model in training is to captured motion")
    parser.add_argument("--times", type=int, nargs="+", default=TIMES, help="steps of DDIM, from noise to motion")
    parser.add_argument("--guidance", type=float, default=GUIDANCE)
    arguments = parser.parse_args()
    with reporting_errors():
        run = open_from(arguments)
        model = load_text_model(run)
        steps = {stage: int(read(run.folder / f"{stage}.pt")["step"]) for stage in ("vae", "mld")}
        line = {"step": steps, "times": list(arguments.times), "guidance": arguments.guidance} | {
            split: figures(model, chosen(run.clips[split], CLIPS), arguments.times, arguments.guidance)
            for split in ("train", "val")
        }
        with open(run.folder / "realism.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line, indent=1))


if __name__ == "__main__":
    main()
