# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of a request before any work is done: whether it can be run, and if not, why and what to change."""

from __future__ import annotations

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.errors import BadRequest
from blender_addon.shared.ground import check_ground, heights_at, steepest, too_steep
from blender_addon.shared.protocol import Generate
from blender_addon.shared.skeleton import FPS, SKELETON
from blender_addon.shared.solids import check_obstacle

from .control.ground import drawn_ground, order_path
from .longform.motion import MAX_FRAMES
from .models.config import ModelConfig
from .motion_order import DEFAULT_CLOSENESS, MotionOrder
from .sampling import timesteps_of

MAX_VARIATIONS = 16
MAX_TOTAL_FRAMES = 8 * MAX_FRAMES  # of all variations together: what a message can carry
MAX_PROMPT_CHARACTERS = 1000


def validate(request: Generate, config: ModelConfig, has_control: bool) -> MotionOrder:
    """The request as the engine works on it. Raises BadRequest or BadControl for what cannot be run, before any work
    is done.
    """
    low = config.min_frames
    if not low <= request.num_frames <= MAX_FRAMES:
        raise BadRequest(
            f"A motion of {request.num_frames} frames ({request.num_frames / FPS:.1f} s) was asked for.",
            f"This model makes {low} to {MAX_FRAMES} frames ({low / FPS:.1f} to {MAX_FRAMES / FPS:.0f} s): change the "
            "length.",
        )
    _check_prompts(request)
    _check_sampling(request, config)
    if not 1 <= request.num_variations <= MAX_VARIATIONS:
        raise BadRequest(f"{request.num_variations} variations were asked for.", f"Ask for 1 to {MAX_VARIATIONS}.")
    if request.num_variations * request.num_frames > MAX_TOTAL_FRAMES:
        most = MAX_TOTAL_FRAMES // request.num_frames
        raise BadRequest(
            f"{request.num_variations} variations of {request.num_frames / FPS:.0f} s were asked for.",
            f"At this length ask for 1 to {most}.",
        )
    if request.heading is not None and not np.isfinite(request.heading):
        raise BadRequest("The start heading is not a finite number.", "Leave it out to take it from the path.")
    _check_goals(request)
    _check_base(request)
    if request.hint.shape[0] != request.num_frames:
        raise BadRequest(
            f"The controls cover {request.hint.shape[0]} frames, the motion {request.num_frames}.",
            "Both must have the same length.",
        )
    order = order_of(request)
    _check_ground(order)
    if order.signal.hint_mask.any() and not has_control:
        raise BadRequest(
            f"The model '{config.name}' takes no controls.",
            "Remove the controls or load a model with a ControlNet.",
        )
    return order


def order_of(request: Generate) -> MotionOrder:
    """A request whose fields are sound as the engine works on it. Raises BadControl for hints that are not."""
    joints = request.hint_mask.shape
    nothing = np.zeros(joints, np.float32)
    signal = ControlSignal(request.hint, request.hint_mask, request.free_height).validate()
    base = np.zeros((*joints, 3), np.float32) if request.base is None else request.base
    base_mask = np.zeros(joints[0], bool) if request.base_mask is None else request.base_mask
    return MotionOrder(
        prompts=request.prompts,
        signal=signal,
        tolerance=nothing if request.tolerance is None else request.tolerance,
        slack=np.zeros(joints, np.int32) if request.slack is None else request.slack,
        base=base,
        base_mask=base_mask,
        ground=drawn_ground(signal, base, base_mask) if request.ground is None else request.ground,
        relative=request.relative,
        obstacles=request.obstacles,
        seed=request.seed,
        num_variations=request.num_variations,
        num_inference_steps=request.num_inference_steps,
        guidance_scale=request.guidance_scale,
        heading=request.heading,
        refine=request.refine,
        plant_feet=request.plant_feet,
        exact=request.exact,
        loop=request.loop,
        in_place=request.in_place,
        closeness=DEFAULT_CLOSENESS if request.closeness is None else request.closeness,
        from_standing=request.from_standing,
        to_standing=request.to_standing,
    )


def _check_sampling(request: Generate, config: ModelConfig) -> None:
    """A number of steps that this model has, and a guidance scale that is one."""
    if request.num_inference_steps < 0:
        raise BadRequest(
            f"{request.num_inference_steps} sampling steps were asked for.", "Use 1 or more, or 0 for the model's own."
        )
    timesteps_of(config, request.num_inference_steps or config.default_num_inference_steps)
    if request.guidance_scale is not None and not 0 <= request.guidance_scale <= 100:
        raise BadRequest(f"A guidance scale of {request.guidance_scale} was asked for.", "Use a number from 1 to 20.")
    if request.closeness is not None and not 0 <= request.closeness <= 1:
        raise BadRequest(
            f"A closeness to captured motion of {request.closeness} was asked for.",
            "Use a number from 0, the network alone, to 1.",
        )


def _check_prompts(request: Generate) -> None:
    """Sentences of a sound length, in blocks that follow each other over the whole motion."""
    if not request.prompts:
        raise BadRequest("The request has no prompt.", "Say in a sentence what the character does.")
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
                f"The prompt '{prompt[:50]}' covers {block.num_frames} frames from frame {block.start_frame}, but "
                f"the one before ends at frame {frame}.",
                "Let the prompts follow each other without a gap, the first from frame 0.",
            )
        frame += block.num_frames
    if frame != request.num_frames:
        raise BadRequest(
            f"The prompts cover {frame} frames, the motion has {request.num_frames}.",
            "Let the last prompt end where the motion does.",
        )


def _check_goals(request: Generate) -> None:
    """Raise BadRequest or BadControl for tolerances, slack, relative targets or obstacles that mean nothing."""
    if request.tolerance is not None and (np.isnan(request.tolerance).any() or (request.tolerance < 0).any()):
        raise BadRequest(
            "A tolerance is negative or not a number.",
            "Give metres: 0 to reach the target, infinity to only steer towards it.",
        )
    if request.slack is not None and (request.slack < 0).any():
        raise BadRequest(
            "The time slack of a target is less than 0 frames.", "Give 0 for a target that must be reached on time."
        )
    for target in request.relative:
        joint, base = SKELETON.indices(target.joint, target.to_joint)
        if joint == base or not np.isfinite(target.offset).all():
            raise BadRequest(
                f"{target.joint} cannot be {target.offset} away from {target.to_joint}.",
                "Name two joints, and an offset in metres.",
            )
        if target.start_frame < 0 or target.num_frames < 1 or target.start_frame >= request.num_frames:
            raise BadRequest(
                f"{target.joint} is set to follow {target.to_joint} for {target.num_frames} frames from frame "
                f"{target.start_frame}, but the motion has {request.num_frames}.",
                "Choose frames within the motion.",
            )
    for obstacle in request.obstacles:
        check_obstacle(obstacle)


def _check_ground(order: MotionOrder) -> None:
    """A ground that can be read, and that can be walked where the path leads."""
    if order.ground is None:
        return
    check_ground(order.ground, order.num_frames)
    path = order_path(order)
    steep = steepest(path, heights_at(order.ground, np.arange(len(path)), path[:, None])[:, 0])
    if steep is not None:
        raise too_steep(f"{steep[0] / FPS:.1f} s", steep[1])


def _check_base(request: Generate) -> None:
    """A motion to keep in part: all there, finite, and something left to make."""
    base, mask = request.base, request.base_mask
    if base is None and mask is None:
        return
    if base is None or mask is None:
        raise BadRequest("The frames of the motion to keep or their mask are missing.", "Give both, or neither.")
    if len(base) != request.num_frames or len(mask) != request.num_frames:
        raise BadRequest(
            f"The motion to keep has {len(base)} frames with a mask of {len(mask)}, the new one {request.num_frames}.",
            "All must have the same length.",
        )
    if mask.all():
        raise BadRequest("All frames of the motion are to be kept.", "Leave some frames to be generated.")
    if not np.isfinite(base[mask]).all():
        raise BadRequest(
            "The motion to keep contains values that are not finite numbers.", "Send one that was generated."
        )
    if request.in_place and mask.any():
        raise BadRequest(
            "A motion in place cannot be kept in part: its travel over the ground is no longer in it.",
            "Regenerate the range in the motion that travels, then make it in place.",
        )
