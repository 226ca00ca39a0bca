# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's sentences as blocks of model frames. No bpy: ``settings`` is read as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..shared import space
from ..shared.errors import BadRequest

if TYPE_CHECKING:
    from ..shared.protocol import PromptBlock


def texts(settings: Any) -> list[str]:
    """The sentences in the order in which they begin, white space tidied; an empty one is an empty text."""
    if settings.prompt_mode == "BLOCKS":
        return [" ".join(block.text.split()) for block in _in_order(settings)]
    return [" ".join(settings.prompt.split())]


def holding(settings: Any, frames: np.ndarray) -> np.ndarray:
    """Which of :func:`texts` (K,) holds at scene frames (K,)."""
    if settings.prompt_mode != "BLOCKS":
        return np.zeros(len(frames), int)
    starts = [block.frame_start for block in _in_order(settings)]
    return np.maximum(np.searchsorted(starts, frames, side="right") - 1, 0)


def last_frame(settings: Any) -> float | None:
    """The scene frame at which the last prompt of a list ends; None when one prompt holds for all."""
    if settings.prompt_mode != "BLOCKS" or not settings.prompt_blocks:
        return None
    return float(max(block.frame_end for block in settings.prompt_blocks))


def prompt_blocks(settings: Any, num_frames: int, scene_fps: float) -> tuple[PromptBlock, ...]:
    """Blocks that cover model frames 0 to ``num_frames`` without a gap: each prompt holds until the next begins, the
    first from the beginning and the last to the end. Raises BadRequest for prompts that are empty or overlap.
    """
    from ..shared.protocol import PromptBlock

    sentences = texts(settings)
    if not sentences:
        raise BadRequest("The list of prompts is empty.", "Add a prompt, or choose One Prompt.")
    if not all(sentences):
        which = f"Prompt {sentences.index('') + 1}" if len(sentences) > 1 else "The prompt"
        raise BadRequest(f"{which} is empty.", "Describe what the character does: a person walks forward.")
    starts = [0]
    if settings.prompt_mode == "BLOCKS":
        starts += _later_starts(settings, num_frames, scene_fps)
    ends = [*starts[1:], num_frames]
    return tuple(
        PromptBlock(text, start, end - start) for text, start, end in zip(sentences, starts, ends, strict=True)
    )


def _in_order(settings: Any) -> list[Any]:
    return sorted(settings.prompt_blocks, key=lambda block: block.frame_start)


def _later_starts(settings: Any, num_frames: int, scene_fps: float) -> list[int]:
    """Model frames at which the second and the further prompts begin."""
    starts: list[int] = []
    for number, block in enumerate(_in_order(settings), 1):
        if block.frame_end <= block.frame_start:
            raise BadRequest(
                f"Prompt {number} ends at frame {block.frame_end}, but starts at {block.frame_start}.",
                "Set the end later than the start.",
            )
        start = round(float(space.scene_to_model_frame(block.frame_start, settings.start_frame, scene_fps)))
        if number > 1 and start <= max([0, *starts]):
            raise BadRequest(
                f"Prompts {number - 1} and {number} begin together, or before the motion starts at frame "
                f"{settings.start_frame}.",
                "Start each prompt later than the one before it, or remove one.",
            )
        if start >= num_frames:
            raise BadRequest(
                f"Prompt {number} begins at frame {block.frame_start}, after the motion has ended.",
                "Make the motion longer, or start the prompt earlier.",
            )
        if number > 1:
            starts.append(start)
    return starts
