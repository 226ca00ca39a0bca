# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that begin at a take: the same again, or a stretch of it generated again."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..capture import capture
from ..capture.capture import CapturedScene
from ..capture.request import build_request
from ..capture.timing import scene_fps
from ..shared import space
from ..shared.errors import BadRequest
from .history import source_of

if TYPE_CHECKING:
    from ..properties.take import GaitwayTake
    from ..shared.protocol import Generate


def repeat_request(scene: bpy.types.Scene, take: GaitwayTake) -> tuple[Generate, CapturedScene]:
    """The request that made ``take``, with an id of its own, for the character and the scene as they are now.

    Raises BadFile when what it was made of is gone, BadRequest when its character is.
    """
    source = source_of(take)
    if take.character is None or not take.character.users_scene:
        raise BadRequest(f"The character of '{take.name}' is gone.", "Choose another take, or generate a new one.")
    # The uids of a session mean nothing in the next.
    body = replace(source.captured.body, uid=take.character.session_uid, name=take.character.name)
    captured = replace(source.captured, body=body, scene_uid=scene.session_uid)
    return replace(source.request, request_id=uuid.uuid4().hex), captured


def range_request(
    scene: bpy.types.Scene, take: GaitwayTake, first: int, last: int
) -> Generator[None, None, tuple[Generate, CapturedScene]]:
    """A request that generates ``take`` again between the scene frames ``first`` and ``last`` and keeps the rest.

    The controls and options are the scene's when they still give a motion of that length, else the take's own; prompt
    and seed are the scene's, and another seed when that would make the same again. A generator, as
    :func:`.capture.read_scene`. Raises BadRequest for a range outside of the take, and as :func:`repeat_request`.
    """
    source = source_of(take)
    request, captured = repeat_request(scene, take)
    first, last = max(first, take.frame_start), min(last, take.frame_end)
    if last - first < 2:
        raise BadRequest(
            f"Fewer than three frames of the range are in the take (frames {take.frame_start} to {take.frame_end}).",
            "Set a range of at least three frames within the take.",
        )
    last_seed, starts, ends = take.seed, first > take.frame_start, last < take.frame_end
    now = yield from capture.read_scene(scene)
    if now.signal.num_frames == request.num_frames and now.start_frame == captured.start_frame:
        request, captured = build_request(scene, now), now
    fps = scene_fps(scene)
    frames = np.asarray(space.model_to_scene_frame(np.arange(request.num_frames), captured.start_frame, fps))
    # An end of the range within the take is a frame of both; the take's own first and last frame may change.
    keep = (frames <= first if starts else frames < first) | (frames >= last if ends else frames > last)
    seed = scene.gaitway.seed if scene.gaitway.seed != last_seed else last_seed + 1
    moved = source.captured.body.origin_in_model(captured.unit_scale) - captured.body.origin_in_model(
        captured.unit_scale
    )
    base = (source.joints + moved if moved.any() else source.joints).astype(np.float32)
    return replace(request, seed=seed, num_variations=1, base=base, base_mask=keep), captured
