# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the sentence matter? The same requests with other verbs: speed, height of the pelvis, footfalls.

The motions are made by the engine's own pipeline, as the add-on gets them. Shapes: T frames, J = 22 joints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Generate, PromptBlock, Result
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.pipeline import Pipeline
from engine.validate import MAX_VARIATIONS

from ..data.clips import Clip
from .metric_table import CM, MOVEMENT, Moving, measured
from .motion_quality import estimates

PROMPTS = {
    "a person walks": r"\bwalk",
    "a person runs": r"\b(run|jog|sprint)",
    "a person sneaks": r"\b(sneak|tiptoe|creep|stealth)",
    "a person jumps": r"\b(jump|hop|leap)",
    "a person dances": r"\b(danc|ballet|salsa)",
}
"""Each prompt with a pattern of the captions of real motions to compare with."""

CONDITIONS = {
    "no path": None,
    "5 keys at the ends": (0, 1, 2, -2, -1),
    "path in every frame": slice(None),
}
NUM_FRAMES = 120
PATH_SPEED_M_S = 1.2  # m/s, straight ahead
VARIATIONS = 8


def movement(joints: np.ndarray) -> dict[str, float]:
    """:data:`training.evaluation.metric_table.MOVEMENT` of a motion (T, J, 3)."""
    return measured(MOVEMENT, Moving(joints))


def straight_path(num_frames: int, frames: Sequence[int] | slice | None) -> ControlSignal:
    """The pelvis on a straight line at ``PATH_SPEED_M_S`` in ``frames``, its height left to the model."""
    empty = ControlSignal.empty(num_frames)
    if frames is None:
        return empty
    pelvis = SKELETON.index("pelvis")
    chosen = np.arange(num_frames)[frames if isinstance(frames, slice) else list(frames)]
    empty.hint[chosen, pelvis, 1] = SKELETON.standing_height
    empty.hint[chosen, pelvis, 2] = PATH_SPEED_M_S * chosen / FPS
    empty.hint_mask[chosen, pelvis] = True
    return ControlSignal(empty.hint, empty.hint_mask, free_height=True)


def generate(
    pipeline: Pipeline,
    prompt: str,
    signal: ControlSignal,
    variations: int,
    seed: int = 0,
    closeness: float | None = None,
) -> Result:
    """What the engine answers, so close to captured motion or as close as it is by default."""
    frames = signal.num_frames
    request = Generate(
        "text",
        (PromptBlock(prompt, 0, frames),),
        frames,
        signal.hint,
        signal.hint_mask,
        seed=seed,
        num_variations=variations,
        heading=0.0,
        free_height=signal.free_height,
        closeness=closeness,
    )
    *_, result = pipeline.generate(request)
    assert isinstance(result, Result)  # the last item always is
    return result


def real_rows(clips: Sequence[Clip]) -> list[dict]:
    """The same figures of real clips, each under the prompt whose pattern alone one of its captions matches."""
    rows = []
    for prompt in PROMPTS:
        own = [clip for clip in clips if _verbs(clip) == {prompt} and clip.num_frames >= FPS]
        if own:
            figures = [movement(clip.joints[:NUM_FRAMES]) for clip in own]
            rows.append({"condition": "real motion", "prompt": prompt, "motions": len(own)} | estimates(figures))
    return rows


def _verbs(clip: Clip) -> set[str]:
    return {prompt for prompt, pattern in PROMPTS.items() if any(re.search(pattern, text) for text in clip.captions)}


def text_matters(
    pipeline: Pipeline,
    clips: Sequence[Clip] = (),
    variations: int = VARIATIONS,
    seed: int = 0,
    advance: Callable[[str], None] = lambda doing: None,
) -> list[dict]:
    """A row for each condition and prompt: means over variations with intervals; real ``clips`` first."""
    rows = real_rows(clips)
    frames = min(NUM_FRAMES, pipeline.config.max_frames)
    for condition, chosen in CONDITIONS.items():
        if chosen is not None and not pipeline.has_control:
            continue
        signal = straight_path(frames, chosen)
        for prompt in PROMPTS:
            advance(f"text matters: {condition}, {prompt}")
            result = generate(pipeline, prompt, signal, min(variations, MAX_VARIATIONS), seed)
            figures = [movement(joints) for joints in result.joints]
            if chosen is not None:
                for row, error in zip(figures, result.control_errors, strict=True):
                    row["error_cm"] = CM * error.average
            rows.append({"condition": condition, "prompt": prompt, "motions": len(figures)} | estimates(figures))
    return rows
