# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a model is on held-out motion. ``python -m training.evaluate --checkpoint FOLDER --data FOLDER --split
test``.

Reconstruction, raw control error (the network alone, nothing refined), foot skating and jerk, beside the same figures
of the real motions. Prints a table and one JSON line.

Shapes: B batch, T frames, J = 22 joints, N tokens.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from blender_addon.shared.errors import GaitwayError
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.metrics import foot_skating_ratio, mpjpe
from engine.networks import Networks
from engine.sampler import sample

from .control_masks import SIX_JOINTS
from .data import Clip, load_clips, pad
from .latents import latent_mask_of
from .losses import joints_of

MAX_FRAMES = 196


def jerk_percentile(joints: np.ndarray, percentile: float = 99) -> float:
    """Percentile of the third derivative's length over frames and joints of (T, J, 3), in m/s^3."""
    if len(joints) < 4:
        return 0.0
    return float(np.percentile(np.linalg.norm(np.diff(joints, 3, axis=0), axis=-1) * FPS**3, percentile))


@torch.no_grad()
def reconstruction(networks: Networks, clips: list[Clip]) -> dict[str, float]:
    """Means over whole clips, reconstructed from mu: mpjpe (mm, pelvis-aligned), path error (cm, on the ground),
    skating, jerk.
    """
    mean, std = _statistics(networks)
    errors, paths, skating, jerk = [], [], [], []
    for clip in clips:
        features, mask = pad([(torch.from_numpy(clip.features[:MAX_FRAMES]) - mean) / std])
        decoded = networks.vae.decode(networks.vae.encode(features, mask)[0], mask)
        joints, target = (joints_of(x, mean, std)[0].numpy() for x in (decoded, features))
        errors.append(mpjpe(joints, target, align_root=True) * 1000)
        paths.append(float(np.linalg.norm((joints - target)[:, 0, [0, 2]], axis=-1).mean()) * 100)
        skating.append(foot_skating_ratio(joints))
        jerk.append(jerk_percentile(joints))
    return {
        "mpjpe_mm": float(np.mean(errors)),
        "path_cm": float(np.mean(paths)),
        "skating": float(np.mean(skating)),
        "jerk_p99": float(np.mean(jerk)),
    }


def hint_mask_for(mask: Tensor, joints: tuple[str, ...], density: int, generator: torch.Generator) -> Tensor:
    """(B, T, J): ``joints`` in 1, 2 or 5 random frames, or in 25 or 100 percent of them (the published densities)."""
    lengths = mask.sum(1)
    count = torch.full_like(lengths, density) if density in (1, 2, 5) else (lengths * density // 100).clamp(min=1)
    ranks = torch.rand(mask.shape, generator=generator).masked_fill(~mask, 2.0).argsort(1).argsort(1)
    shown = (ranks < count[:, None]) & mask
    chosen = torch.zeros(SKELETON.num_joints, dtype=torch.bool)
    chosen[SKELETON.indices(*joints)] = True
    return shown[..., None] & chosen


@torch.no_grad()
def control_error(
    networks: Networks,
    clips: list[Clip],
    embeddings: Tensor,
    joints: tuple[str, ...],
    density: int,
    steps: int,
    seed: int = 0,
) -> dict[str, float]:
    """Raw error (cm, mean over clips of the mean over hints) when the clips' own joints are the hints; skating; jerk;
    seconds.

    embeddings (B, W): the clips' captions.
    """
    mean, std = _statistics(networks)
    generator = torch.Generator().manual_seed(seed)
    features, mask = pad([(torch.from_numpy(clip.features[:MAX_FRAMES]) - mean) / std for clip in clips])
    target = joints_of(features, mean, std)
    hint_mask = hint_mask_for(mask, joints, density, generator)
    began = time.perf_counter()
    hint_mean, hint_std = (
        torch.from_numpy(networks.statistics.hint_mean),
        torch.from_numpy(networks.statistics.hint_std),
    )
    hint = (target - hint_mean) / hint_std * hint_mask[..., None]
    control = networks.trajectory_encoder(hint, hint_mask)
    tokens = networks.config.num_tokens(mask.shape[1])
    *_, latent = sample(
        networks,
        embeddings[:, None],
        num_inference_steps=steps,
        control_embedding=control,
        num_tokens=tokens,
        latent_mask=latent_mask_of(networks.vae, mask),
        generator=generator,
    )
    result = joints_of(networks.decode(latent, mask), mean, std)
    seconds = time.perf_counter() - began
    distance = (result - target).norm(dim=-1)
    errors = [float(distance[b][hint_mask[b]].mean()) for b in range(len(clips))]
    motions = [result[b, : int(mask[b].sum())].numpy() for b in range(len(clips))]
    return {
        "error_cm": float(np.mean(errors)) * 100,
        "worst_cm": float(np.max(errors)) * 100,
        "skating": float(np.mean([foot_skating_ratio(m) for m in motions])),
        "jerk_p99": float(np.mean([jerk_percentile(m) for m in motions])),
        "seconds": seconds,
    }


def caption_embeddings(clips: list[Clip], texts: list[str], embeddings: Tensor) -> Tensor:
    """(B, W): each clip's first caption, from the table of all of them."""
    places = {text: i for i, text in enumerate(texts)}
    return embeddings[[places[clip.captions[0]] if clip.captions else 0 for clip in clips]]


def quick_control_figures(
    networks: Networks, clips: list[Clip], texts: list[str], embeddings: Tensor
) -> dict[str, float]:
    """What a training run watches: pelvis, all frames and five keys, one step; five other joints; skating."""
    text = caption_embeddings(clips, texts, embeddings)
    dense = control_error(networks, clips, text, ("pelvis",), 100, 1)
    sparse = control_error(networks, clips, text, ("pelvis",), 5, 1)
    others = control_error(networks, clips, text, SIX_JOINTS, 100, 1)
    return {
        "pelvis_cm": dense["error_cm"],
        "keys5_cm": sparse["error_cm"],
        "six_cm": others["error_cm"],
        "skating": dense["skating"],
        "jerk_p99": dense["jerk_p99"],
    }


def _statistics(networks: Networks) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(networks.statistics.feature_mean), torch.from_numpy(networks.statistics.feature_std)


def evaluate(
    networks: Networks, clips: list[Clip], embeddings: Tensor, steps: tuple[int, ...], seeds: int
) -> dict[str, object]:
    """All figures; control errors are means over ``seeds`` draws of noise and frames."""
    real = [clip.joints[:MAX_FRAMES] for clip in clips]
    figures: dict[str, object] = {
        "clips": len(clips),
        "real": {
            "skating": float(np.mean([foot_skating_ratio(j) for j in real])),
            "jerk_p99": float(np.mean([jerk_percentile(j) for j in real])),
        },
        "reconstruction": reconstruction(networks, clips),
    }
    rows = []
    for joints, label in (
        (("pelvis",), "pelvis"),
        (("left_wrist",), "left_wrist"),
        (("right_foot",), "right_foot"),
        (SIX_JOINTS, "six joints"),
    ):
        for density in (100, 25, 5, 2, 1):
            for count in steps:
                draws = [
                    control_error(networks, clips, embeddings, joints, density, count, seed) for seed in range(seeds)
                ]
                rows.append(
                    {"joints": label, "density": density, "steps": count}
                    | {key: float(np.mean([draw[key] for draw in draws])) for key in draws[0]}
                )
    figures["control"] = rows
    return figures


def _print(figures: dict, title: str) -> None:
    console = Console()
    real, code = figures["real"], figures["reconstruction"]
    table = Table(title=f"{title}: {figures['clips']} clips")
    for column in ("what", "hints", "steps", "error cm", "worst cm", "skating", "jerk p99", "s a clip"):
        table.add_column(column, justify="left" if column == "what" else "right")
    table.add_row("real motion", "", "", "", "", f"{real['skating']:.3f}", f"{real['jerk_p99']:.0f}", "")
    table.add_row(
        f"reconstruction, mpjpe {code['mpjpe_mm']:.1f} mm",
        "",
        "",
        f"{code['path_cm']:.2f}",
        "",
        f"{code['skating']:.3f}",
        f"{code['jerk_p99']:.0f}",
        "",
    )
    for row in figures["control"]:
        hints = f"{row['density']} keys" if row["density"] in (1, 2, 5) else f"{row['density']} %"
        table.add_row(
            f"raw control, {row['joints']}",
            hints,
            str(row["steps"]),
            f"{row['error_cm']:.1f}",
            f"{row['worst_cm']:.1f}",
            f"{row['skating']:.3f}",
            f"{row['jerk_p99']:.0f}",
            f"{row['seconds'] / figures['clips']:.3f}",
        )
    console.print(table)
    print(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description="Evaluate a checkpoint on held-out clips")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint folder (default: the embedded model)")
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.npz and captions.jsonl")
    parser.add_argument("--split", default="val", choices=("val", "test"))
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    from engine.checkpoint import load_default, load_folder
    from engine.models.text_encoder import load_text_encoder

    try:
        networks = (load_folder(arguments.checkpoint) if arguments.checkpoint else load_default()).eval()
        clips = load_clips(arguments.data)[arguments.split]
        encoder = load_text_encoder(networks.config.text_encoder, networks.config.text_width, torch.device("cpu"))
        embeddings = encoder.encode([clip.captions[0] if clip.captions else "" for clip in clips])
        figures = evaluate(networks, clips, embeddings, tuple(arguments.steps), arguments.seeds)
    except GaitwayError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from None
    _print(figures, f"{networks.config.name}, {arguments.split} split")


if __name__ == "__main__":
    main()
