# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves the engine: its own pipeline along held-out paths, switch by switch.

Each kind of motion adds one of the engine's means: the network alone (raw), refined, brought exactly onto the hints,
feet planted; and last what an animator gets, which is captured motion where the pipeline has a library.

Shapes: T frames, J = 22 joints.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.protocol import Generate, PromptBlock, Result
from engine.metrics import control_metrics
from engine.pipeline import Pipeline

from ..data.clips import Clip
from ..data.drawn_hints import drawn_paths
from .control_accuracy import hint_mask_for
from .metric_table import DELIVERED, Delivered, measured
from .motion_quality import estimates, quality

KINDS: dict[str, dict[str, Any]] = {
    "raw": {"refine": False, "exact": False, "plant_feet": False, "closeness": 0.0},
    "refined": {"refine": True, "exact": False, "plant_feet": False, "closeness": 0.0},
    "exact": {"refine": True, "exact": True, "plant_feet": False, "closeness": 0.0},
    "planted": {"refine": True, "exact": True, "plant_feet": True, "closeness": 0.0},
    "delivered": {},
}
PATHS = {"captured, all frames": (100, False), "captured, 5 keys": (5, False), "drawn, all frames": (100, True)}
"""Density, and whether the path is smoothed and level as a hand draws it, its height left to the model."""


def path_of(clip: Clip, density: int, drawn: bool, num_frames: int, seed: int = 0) -> ControlSignal:
    """The clip's own pelvis as hints, in its first ``num_frames`` frames."""
    joints = torch.from_numpy(clip.joints[:num_frames])[None]
    mask = torch.ones(joints.shape[:2], dtype=torch.bool)
    hints = drawn_paths(joints, mask) if drawn else joints
    shown = hint_mask_for(mask, ("pelvis",), density, torch.Generator().manual_seed(seed))
    return ControlSignal(hints[0].numpy(), shown[0].numpy(), free_height=drawn)


def delivered_rows(
    pipeline: Pipeline,
    clips: Sequence[Clip],
    replications: int = 1,
    seed: int = 0,
    advance: Callable[[str], None] = lambda doing: None,
) -> list[dict]:
    """A row for each path and kind: error and worst key (cm, means over clips), quality and its ratio to the captured
    motions', seconds; the model's own number of steps.
    """
    rows = []
    longest = pipeline.config.max_frames
    own = [clip for clip in clips if clip.num_frames >= pipeline.config.min_frames]
    real = quality([clip.joints[:longest] for clip in own])
    for path, (density, drawn) in PATHS.items():
        for kind, switches in KINDS.items():
            draws = []
            for replication in range(replications):
                advance(f"delivered: {path}, {kind}")
                delivered = _deliver(pipeline, own, _Path(density, drawn, seed + replication), switches, real)
                draws.append(measured(DELIVERED, delivered))
            rows.append({"path": path, "kind": kind} | estimates(draws))
    return rows


@dataclass(frozen=True)
class _Path:
    density: int
    drawn: bool
    seed: int


def _deliver(
    pipeline: Pipeline, clips: Sequence[Clip], path: _Path, switches: dict[str, Any], real: dict[str, float]
) -> Delivered:
    """Each clip's own path, followed by the engine."""
    motions, errors, seconds = [], [], 0.0
    for number, clip in enumerate(clips):
        signal = path_of(clip, path.density, path.drawn, pipeline.config.max_frames, path.seed + number)
        prompt = clip.captions[0] if clip.captions else "a person moves."
        request = Generate(
            "evaluation",
            (PromptBlock(prompt, 0, signal.num_frames),),
            signal.num_frames,
            signal.hint,
            signal.hint_mask,
            seed=path.seed,
            heading=0.0,
            free_height=signal.free_height,
            **switches,
        )
        started_at = time.perf_counter()
        *_, result = pipeline.generate(request)
        seconds += time.perf_counter() - started_at
        assert isinstance(result, Result)  # the last item always is
        motions.append(result.joints[0])
        errors.append(control_metrics(control_errors(result.joints[0], signal)))
    return Delivered(motions, errors, seconds / len(clips), real)
