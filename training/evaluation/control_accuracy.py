# SPDX-License-Identifier: GPL-3.0-or-later
"""How near a model's joints come to their hints: the network alone (raw), and after refining.

The hints are held-out motions' own joints at the published densities. Shapes: B batch, T frames, J = 22 joints, N
tokens, D latent width, W text width.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from blender_addon.shared.errors import BadCheckpoint
from blender_addon.shared.skeleton import SKELETON
from engine.checkpoints.networks import Networks
from engine.control.goals import hint_goals
from engine.control.refine import can_refine, refine
from engine.metrics import ControlMetrics, control_metrics
from engine.sampling.correct import correct

from ..data.clips import Clip
from ..data.drawn_hints import drawn_paths
from ..data.hint_masks import SIX_JOINTS
from ..stage_parts.losses import joints_of
from .metric_table import CONTROL, SECONDS, measured
from .motion_quality import Motions, estimates, motions_of, quality, sample_latent, statistics_of

DENSITIES = (1, 2, 5, 25, 100)
"""Of hints: 1, 2 or 5 frames, or 25 or 100 percent of them."""

CONTROLS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in SIX_JOINTS},
    "six joints": SIX_JOINTS,
    "all 22": SKELETON.names,
}
QUICK_CONTROLS = ("pelvis", "six joints")
QUICK_DENSITIES = (5, 100)

_BATCH = 32  # motions sampled at a time


def hint_mask_for(mask: Tensor, joints: Sequence[str], density: int, generator: torch.Generator) -> Tensor:
    """(B, T, J): ``joints`` in 1, 2 or 5 random frames, or in 25 or 100 percent of them (the published densities)."""
    lengths = mask.sum(1)
    count = torch.full_like(lengths, density) if density in (1, 2, 5) else (lengths * density // 100).clamp(min=1)
    ranks = torch.rand(mask.shape, generator=generator).to(mask.device).masked_fill(~mask, 2.0)
    shown = (ranks.argsort(1).argsort(1) < count[:, None]) & mask
    chosen = torch.zeros(SKELETON.num_joints, dtype=torch.bool, device=mask.device)
    chosen[SKELETON.indices(*joints)] = True
    return shown[..., None] & chosen


@torch.no_grad()
def embed_hints(networks: Networks, hint: Tensor, hint_mask: Tensor) -> Tensor:
    """The trajectory encoder's output for hints (B, T, J, 3) in metres. Raises BadCheckpoint when there is none."""
    statistics, encoder = networks.statistics, networks.trajectory_encoder
    if encoder is None or statistics is None or statistics.hint_mean is None or statistics.hint_std is None:
        raise BadCheckpoint(
            f"The model '{networks.config.name}' takes no controls, or lacks the statistics of its hints.",
            "Evaluate it with --parts reconstruction text, or import it again with --spatial-stats.",
        )
    mean, std = (torch.from_numpy(value).to(hint) for value in (statistics.hint_mean, statistics.hint_std))
    return encoder((hint - mean) / std * hint_mask[..., None], hint_mask)


def refined_joints(networks: Networks, latent: Tensor, motions: Motions, hint_mask: Tensor) -> Tensor:
    """(B, T, J, 3): each latent moved onto its motion's hints, decoded; zero beyond a motion's length."""
    mean, std = statistics_of(networks)
    result = torch.zeros_like(motions.joints)
    for b, length in enumerate(motions.lengths):
        own = latent[b : b + 1, : networks.config.num_tokens(length)]
        mask = motions.mask[b : b + 1, :length]
        hint, shown = motions.joints[b, :length], hint_mask[b, :length, :, None].expand(-1, -1, 3)
        *_, own = refine(networks, own, mask, hint_goals(hint.cpu().numpy(), shown.cpu().numpy()))
        with torch.no_grad():
            result[b, :length] = joints_of(networks.decode(own, mask), mean, std)[0]
    return result


@dataclass(frozen=True, eq=False)
class CaptionedClips:
    """Held-out clips with the embeddings (B, W) of their captions; ``uncond`` (1, W) is the empty text's, which
    diffusion models need.
    """

    clips: Sequence[Clip]
    embeddings: Tensor
    uncond: Tensor | None = None


@dataclass(frozen=True)
class ControlProtocol:
    """Hints for ``joints`` at a density (see :data:`DENSITIES`), answered in ``steps`` of sampling. ``refining``:
    answers are refined too, where the model can be; ``drawn``: the pelvis's track is as a hand would draw it (see
    :mod:`training.data.drawn_hints`).
    """

    joints: Sequence[str]
    density: int
    steps: int
    seed: int = 0
    refining: bool = True
    drawn: bool = False


def control_figures(
    networks: Networks, held_out: CaptionedClips, protocol: ControlProtocol
) -> dict[str, dict[str, float]]:
    """Figures 'raw' and 'refined' when the clips' own joints are the hints: the rows
    :data:`training.evaluation.metric_table.CONTROL`, ``MOTION`` and ``SECONDS``, where refined seconds are the whole.
    """
    generator = torch.Generator().manual_seed(protocol.seed)
    mean, std = statistics_of(networks)
    judged: dict[str, list[tuple[ControlMetrics, np.ndarray]]] = {"raw": []}
    seconds = {"raw": 0.0, "refined": 0.0}
    for start in range(0, len(held_out.clips), _BATCH):
        motions = motions_of(networks, held_out.clips[start : start + _BATCH])
        if protocol.drawn:
            motions = dataclasses.replace(motions, joints=drawn_paths(motions.joints, motions.mask))
        hint_mask = hint_mask_for(motions.mask, protocol.joints, protocol.density, generator)
        started_at = time.perf_counter()
        control = embed_hints(networks, motions.joints, hint_mask)
        text = held_out.embeddings[start : start + _BATCH]
        latent = sample_latent(networks, motions.mask, text, protocol.steps, generator, held_out.uncond, control)
        hinted = hint_mask[..., None].expand_as(motions.joints)
        latent = correct(networks, latent, motions.mask, motions.joints, hinted)
        with torch.no_grad():
            raw = joints_of(networks.decode(latent, motions.mask), mean, std).cpu()  # waits for the device
        seconds["raw"] += time.perf_counter() - started_at
        judged["raw"] += _judged(raw, motions, hint_mask)
        if protocol.refining and can_refine(networks):
            started_at = time.perf_counter()
            refined = refined_joints(networks, latent, motions, hint_mask).cpu()
            seconds["refined"] += time.perf_counter() - started_at
            judged.setdefault("refined", []).extend(_judged(refined, motions, hint_mask))
    seconds["refined"] += seconds["raw"]
    return {kind: _summary(own, networks, seconds[kind] / len(held_out.clips)) for kind, own in judged.items()}


def _judged(joints: Tensor, motions: Motions, hint_mask: Tensor) -> list[tuple[ControlMetrics, np.ndarray]]:
    distance = (joints - motions.joints.cpu()).norm(dim=-1)
    mask = hint_mask.cpu()
    metrics = [control_metrics(d[m].numpy()) for d, m in zip(distance, mask, strict=True)]
    return list(zip(metrics, motions.of(joints), strict=True))


def _summary(judged: list[tuple[ControlMetrics, np.ndarray]], networks: Networks, seconds: float) -> dict[str, float]:
    errors, motions = zip(*judged, strict=True)
    return measured(CONTROL, errors) | quality(motions, networks.config) | measured((SECONDS,), seconds)


@dataclass(frozen=True)
class ControlGrid:
    """What control is measured for: every set of joints (names of :data:`CONTROLS`) at every density and number of
    steps, ``replications`` times with other noise and frames.
    """

    steps: Sequence[int]
    replications: int = 1
    controls: Sequence[str] = tuple(CONTROLS)
    densities: Sequence[int] = DENSITIES

    def __len__(self) -> int:
        return len(self.controls) * len(self.densities) * len(self.steps) * self.replications


def control_table(
    networks: Networks,
    held_out: CaptionedClips,
    grid: ControlGrid,
    advance: Callable[[str], None] = lambda doing: None,
) -> list[dict]:
    """A row for each set of joints, density, number of steps, raw and refined: means over replications, with
    intervals.
    """
    rows = []
    for label, density, steps in itertools.product(grid.controls, grid.densities, grid.steps):
        draws = []
        for seed in range(grid.replications):
            advance(f"control: {label}, {density_label(density)}")
            draws.append(control_figures(networks, held_out, ControlProtocol(CONTROLS[label], density, steps, seed)))
        about = {"joints": label, "density": density, "steps": steps}
        rows += [about | {"kind": kind} | estimates([draw[kind] for draw in draws]) for kind in draws[0]]
    return rows


def density_label(density: int) -> str:
    if density in (1, 2, 5):
        return "1 key" if density == 1 else f"{density} keys"
    return f"{density} %"


def caption_embeddings(clips: Sequence[Clip], texts: list[str], embeddings: Tensor) -> Tensor:
    """(B, W): each clip's first caption, from the table of all of them."""
    places = {text: i for i, text in enumerate(texts)}
    return embeddings[[places[clip.captions[0]] if clip.captions else 0 for clip in clips]]


def quick_control_figures(
    networks: Networks, clips: list[Clip], texts: list[str], embeddings: Tensor
) -> dict[str, float]:
    """What a training run watches, nothing refined: pelvis, all frames and five keys, one step; all six joints; paths
    as drawn, by the model's own number of steps; skating.
    """
    held_out = CaptionedClips(clips, caption_embeddings(clips, texts, embeddings), embeddings[:1])
    steps = 1 if networks.kind == "lcm" else networks.config.default_num_inference_steps

    def raw(joints: Sequence[str], density: int, steps: int = steps, drawn: bool = False) -> dict[str, float]:
        protocol = ControlProtocol(joints, density, steps, refining=False, drawn=drawn)
        return control_figures(networks, held_out, protocol)["raw"]

    dense, sparse, others = raw(("pelvis",), 100), raw(("pelvis",), 5), raw(SIX_JOINTS, 100)
    drawn = raw(("pelvis",), 100, networks.config.default_num_inference_steps, drawn=True)
    return {
        "pelvis_cm": dense["error_cm"],
        "keys5_cm": sparse["error_cm"],
        "six_cm": others["error_cm"],
        "drawn_cm": drawn["error_cm"],
        "drawn_skating": drawn["skating"],
        "skating": dense["skating"],
        "jerk_p99": dense["jerk_p99"],
    }
