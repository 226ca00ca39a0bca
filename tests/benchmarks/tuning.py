# SPDX-License-Identifier: GPL-3.0-or-later
"""Latent tuning as published beside refining: how near, after how much time.

    python -m tests.benchmarks.tuning [--data FOLDER] [--clips 3] [--steps 100]

On the embedded model: the published rule (Adam on the noise, through one sampling step and the decoder, ControlNet on
or off) and Gauss-Newton on the sampled latent, along held-out paths, all frames and five keys. On the published sizes,
whose latents are not local in time: the seconds of a step of the published rule, with random weights. Prints a table.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import torch

from engine.checkpoints.folder import load_default
from engine.checkpoints.networks import Networks, build_networks
from engine.control.goals import hint_goals
from engine.control.latent_tuning import tune_latent
from engine.control.refine import refine
from engine.models.config import PAPER_V2
from engine.models.text_encoder import load_text_encoder
from engine.sampling import sample
from training.data.clips import Clip, load_clips
from training.evaluation.control_accuracy import embed_hints, hint_mask_for
from training.evaluation.motion_quality import motions_of, statistics_of
from training.stage_parts.losses import joints_of

from ..shared_folder import needed


def compare(networks: Networks, clip: Clip, text: torch.Tensor, density: int, steps: int) -> dict[str, tuple]:
    """Mean miss in cm and processor seconds of each way, by its name."""
    motion = motions_of(networks, [clip])
    mean, std = statistics_of(networks)
    shown = hint_mask_for(motion.mask, ("pelvis",), density, torch.Generator().manual_seed(0))
    asked = shown[..., None].expand(-1, -1, -1, 3)
    control = embed_hints(networks, motion.joints, shown)
    tokens = networks.config.num_tokens(motion.mask.shape[1])
    noise = torch.randn(1, tokens, networks.config.latent_width, generator=torch.Generator().manual_seed(1))

    @torch.no_grad()
    def miss(latent: torch.Tensor) -> float:
        joints = joints_of(networks.decode(latent, motion.mask), mean, std)
        return 100 * float((joints - motion.joints).norm(dim=-1)[shown].mean())

    def sampled(noise: torch.Tensor, control: torch.Tensor | None, steps: int = 1) -> torch.Tensor:
        *_, latent = sample(
            networks, text, latent=noise, control_embedding=control, num_inference_steps=steps
        )  # fmt: skip
        return latent

    result: dict[str, tuple] = {}
    for name, given in (("tuned, text alone", None), ("tuned, ControlNet", control)):
        began = time.process_time()
        *_, tuned = tune_latent(networks, text, motion.joints, asked, noise, steps, control_embedding=given, warmup=10)
        spent = time.process_time() - began
        result[name] = (miss(sampled(noise, given)), miss(sampled(tuned, given)), spent)
    latent = sampled(noise, control)
    began = time.process_time()
    *_, refined = refine(networks, latent, motion.mask, hint_goals(motion.joints[0].numpy(), asked[0].numpy()))
    result["Gauss-Newton"] = (miss(latent), miss(refined), time.process_time() - began)
    return result


def published_step(frames: int = 196, steps: int = 3) -> float:
    """Processor seconds of a step of the published rule on networks of the published sizes."""
    torch.manual_seed(0)
    networks = build_networks(PAPER_V2).freeze()
    networks = dataclasses.replace(networks, statistics=load_default().statistics)
    hint, asked = torch.zeros(1, frames, 22, 3), torch.ones(1, frames, 22, dtype=torch.bool)
    text = torch.randn(1, 1, networks.config.text_width)
    noise = torch.randn(1, networks.config.num_latent_tokens, networks.config.latent_width)
    began = time.process_time()
    list(tune_latent(networks, text, hint, asked, noise, steps))
    return (time.process_time() - began) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with clips.npz and captions.jsonl")
    parser.add_argument("--clips", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100, help="of the published rule, which takes 400")
    options = parser.parse_args()
    networks = load_default()
    for network in networks.parts.values():
        network.requires_grad_(False)
    encoder = load_text_encoder(networks.config.text_encoder, networks.config.text_width, torch.device("cpu"))
    folder = options.data or needed("data/cmu")
    clips = [clip for clip in load_clips(folder)["test"] if clip.num_frames >= 60][: options.clips]
    print(f"{'pelvis':<12}{'':<20}{'before, cm':>12}{'after, cm':>12}{'cpu, s':>10}")
    for density, label in ((100, "all frames"), (5, "five keys")):
        rows = [compare(networks, c, encoder.encode([c.captions[0]])[:, None], density, options.steps) for c in clips]
        for name in rows[0]:
            before, after, spent = (sum(row[name][i] for row in rows) / len(rows) for i in range(3))
            print(f"{label:<12}{name:<20}{before:>12.2f}{after:>12.3f}{spent:>10.2f}", flush=True)
    print(f"published sizes, 196 frames: {published_step():.2f} s a step of the published rule, processor time")


if __name__ == "__main__":
    main()
