# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of a request before any work is done: whether it can be run, and if not, why and what to change."""

from __future__ import annotations

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.errors import BadRequest
from blender_addon.shared.protocol import Generate
from blender_addon.shared.skeleton import FPS

from .control.goals import check_goals
from .longform.motion import MAX_FRAMES
from .models.config import ModelConfig
from .sampling.scheduler import timesteps_of

MAX_VARIATIONS = 16
MAX_TOTAL_FRAMES = 8 * MAX_FRAMES  # of all variations together: what a message can carry
MAX_PROMPT_CHARACTERS = 1000


def check(request: Generate, config: ModelConfig, has_control: bool) -> ControlSignal:
    """The request's control signal. Raises BadRequest or BadControl for what cannot be run, before any work is
    done.
    """
    low = config.min_frames
    if not low <= request.num_frames <= MAX_FRAMES:
        raise BadRequest(
            f"A motion of {request.num_frames} frames ({request.num_frames / FPS:.1f} s) was asked for.",
            f"This model makes {low} to {MAX_FRAMES} frames ({low / FPS:.1f} to {MAX_FRAMES / FPS:.0f} s): change the "
            "length.",
        )
    _check_prompts(request)
    if request.num_inference_steps < 0:
        raise BadRequest(f"{request.num_inference_steps} sampling steps were asked for.", "Use 1, 2 or 4 steps.")
    timesteps_of(config, request.num_inference_steps or config.default_num_inference_steps)
    if not 1 <= request.num_variations <= MAX_VARIATIONS:
        raise BadRequest(f"{request.num_variations} variations were asked for.", f"Ask for 1 to {MAX_VARIATIONS}.")
    if request.num_variations * request.num_frames > MAX_TOTAL_FRAMES:
        most = MAX_TOTAL_FRAMES // request.num_frames
        raise BadRequest(
            f"{request.num_variations} variations of {request.num_frames / FPS:.0f} s were asked for.",
            f"At this length ask for 1 to {most}.",
        )
    if request.guidance_scale is not None and not 0 <= request.guidance_scale <= 100:
        raise BadRequest(f"A guidance scale of {request.guidance_scale} was asked for.", "Use a number from 1 to 20.")
    if request.heading is not None and not np.isfinite(request.heading):
        raise BadRequest("The start heading is not a finite number.", "Leave it out to take it from the path.")
    check_goals(request)
    _check_base(request)
    signal = ControlSignal(request.hint, request.hint_mask, request.free_height)
    if signal.hint.shape[0] != request.num_frames:
        raise BadRequest(
            f"The controls cover {signal.hint.shape[0]} frames, the motion {request.num_frames}.",
            "Both must have the same length.",
        )
    signal = signal.validate()
    if signal.hint_mask.any() and not has_control:
        raise BadRequest(
            f"The model '{config.name}' takes no controls.",
            "Remove the controls or load a model with a ControlNet.",
        )
    return signal


def _check_prompts(request: Generate) -> None:
    """Sentences of a sound length, in blocks that follow each other over the whole motion."""
    if not request.prompts:
        raise BadRequest("The request has 0 prompts.", "Say in a sentence what the character does.")
    frame = 0
    for block in request.prompts:
        prompt = block.text.strip()
        if not prompt:
            raise BadRequest(
                "The prompt is empty.", "Say in a sentence what the character does, such as 'a person walks'."
            )
        if len(prompt) > MAX_PROMPT_CHARACTERS:
            raise BadRequest(
                f"The prompt has {len(prompt)} characters.", f"Say it in at most {MAX_PROMPT_CHARACTERS} characters."
            )
        if block.num_frames < 1 or block.start_frame != frame:
            raise BadRequest(
                f"The prompt '{prompt[:50]}' holds for {block.num_frames} frames from frame {block.start_frame}, but "
                f"the one before ends at frame {frame}.",
                "Let the prompts follow each other without a gap, the first from frame 0.",
            )
        frame += block.num_frames
    if frame != request.num_frames:
        raise BadRequest(
            f"The prompts hold for {frame} frames, the motion has {request.num_frames}.",
            "Let the last prompt end where the motion does.",
        )


def _check_base(request: Generate) -> None:
    """A motion to keep in part: all there, finite, and something left to make."""
    base, mask = request.base, request.base_mask
    if base is None and mask is None:
        return
    if base is None or mask is None:
        raise BadRequest("Of the motion to keep, the frames or their mask are missing.", "Give both, or neither.")
    if len(base) != request.num_frames or len(mask) != request.num_frames:
        raise BadRequest(
            f"The motion to keep has {len(base)} frames with a mask of {len(mask)}, the new one {request.num_frames}.",
            "All must have the same length.",
        )
    if mask.all():
        raise BadRequest("All frames of the motion are to be kept.", "Leave some frames to be made anew.")
    if not np.isfinite(base[mask]).all():
        raise BadRequest("The motion to keep holds values that are not finite numbers.", "Send one that was generated.")
    if request.in_place and mask.any():
        raise BadRequest(
            "A motion in place cannot be kept in part: the way that was walked is not in it any more.",
            "Make the range anew with the motion that travels, and take it in place afterwards.",
        )
