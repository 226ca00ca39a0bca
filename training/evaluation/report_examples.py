# SPDX-License-Identifier: GPL-3.0-or-later
"""ExportClip motions for the stick-figure sheets of a report, made by the engine's own pipeline.

Shapes: T frames, J = 22 joints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from blender_addon.shared.control import ControlSignal
from engine.export.clip import ExportClip
from engine.pipeline import Pipeline

from ..data.clips import Clip
from .control_accuracy import hint_mask_for
from .text_sensitivity import generate

SHEETS = 3
_CONTROLS = ((("pelvis",), 100), (("pelvis",), 5), (("left_wrist",), 5))


def draw_examples(pipeline: Pipeline, clips: Sequence[Clip], seed: int = 0) -> list[ExportClip]:
    """Held-out captions with the hints of their own motion, one kind of control each, and one with no hints."""
    chosen = [clips[i] for i in np.unique(np.linspace(0, len(clips) - 1, SHEETS + 1).round().astype(int))]
    examples = []
    for number, clip in enumerate(chosen):
        control = _CONTROLS[number] if pipeline.has_control and number < len(_CONTROLS) else None
        signal = _signal_of(clip.joints[: pipeline.config.max_frames], control, seed)
        prompt = clip.captions[0] if clip.captions else "a person moves"
        joints = generate(pipeline, prompt, signal, 1, seed).joints[0]
        hints = (None, None) if control is None else (signal.hint, signal.hint_mask)
        examples.append(ExportClip(joints, prompt=prompt, seed=seed, model=pipeline.config.name, hint=hints[0],
                                hint_mask=hints[1]))  # fmt: skip
    return examples


def _signal_of(joints: np.ndarray, control: tuple[tuple[str, ...], int] | None, seed: int) -> ControlSignal:
    if control is None:
        return ControlSignal.empty(len(joints))
    names, density = control
    mask = torch.ones(1, len(joints), dtype=torch.bool)
    shown = hint_mask_for(mask, names, density, torch.Generator().manual_seed(seed))[0].numpy()
    return ControlSignal(np.where(shown[..., None], joints, 0).astype(np.float32), shown)
