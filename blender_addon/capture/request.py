# SPDX-License-Identifier: GPL-3.0-or-later
"""The request of a motion, or of a quick preview of it, from the scene's settings and its captured controls."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from ..shared.skeleton import FPS
from . import obstacles, prompts
from .capture import CapturedScene
from .relative_targets import requested_targets
from .timing import scene_fps

if TYPE_CHECKING:
    from ..shared.protocol import Generate

STREAM_ABOVE_FRAMES = 10 * FPS
"""A longer motion is requested in parts, to be shown as they arrive."""


def build_request(scene: bpy.types.Scene, captured: CapturedScene) -> Generate:
    """The request that the scene's settings and its captured controls make. Raises BadRequest for an empty prompt."""
    from ..shared.protocol import Generate

    settings = scene.gaitway
    num_frames = captured.signal.num_frames
    return Generate(
        request_id=uuid.uuid4().hex,
        prompts=prompts.prompt_blocks(settings, num_frames, scene_fps(scene)),
        num_frames=num_frames,
        hint=captured.signal.hint,
        hint_mask=captured.signal.hint_mask,
        seed=settings.seed,
        num_inference_steps=settings.steps,
        refine=settings.refine,
        plant_feet=settings.plant_feet,
        num_variations=settings.variations,
        heading=captured.heading,
        free_height=captured.signal.free_height,
        tolerance=captured.tolerance,
        slack=captured.slack,
        relative=requested_targets(captured.relations, captured.body, num_frames, scene),
        obstacles=obstacles.requested_obstacles(captured.obstacles),
        loop=settings.loop,
        stream=num_frames > STREAM_ABOVE_FRAMES,
        closeness=settings.closeness,
        ground=captured.ground,
    )


def preview_request(request: Generate) -> Generate:
    """The same request at its fastest; only refining keeps joints out of obstacles and hands on hips."""
    refine = bool(request.obstacles or request.relative)
    return replace(
        request, num_inference_steps=1, refine=refine, exact=False, plant_feet=False, num_variations=1, stream=False
    )
