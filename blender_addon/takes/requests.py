# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that begin at a take: the same again, or a stretch of it made anew."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..capture import capture
from ..capture.capture import Capture
from ..capture.request import build_request
from ..capture.timing import scene_fps
from ..shared import space
from ..shared.errors import BadRequest
from .history import making_of

if TYPE_CHECKING:
    from ..properties.take import GaitwayTake
    from ..shared.protocol import Generate


def order_again(scene: bpy.types.Scene, take: GaitwayTake) -> tuple[Generate, Capture]:
    """The request that made ``take``, with an id of its own, for the character and the scene as they are now.

    Raises BadFile when what it was made of is gone, BadRequest when its character is.
    """
    making = making_of(take)
    if take.character is None or not take.character.users_scene:
        raise BadRequest(f"The character of '{take.name}' is gone.", "Choose another take, or generate a new one.")
    # The uids of a session mean nothing in the next.
    body = replace(making.captured.body, uid=take.character.session_uid, name=take.character.name)
    captured = replace(making.captured, body=body, scene_uid=scene.session_uid)
    return replace(making.order, request_id=uuid.uuid4().hex), captured


def order_of_range(
    scene: bpy.types.Scene, take: GaitwayTake, first: int, last: int
) -> Generator[None, None, tuple[Generate, Capture]]:
    """A request that makes ``take`` anew between the scene frames ``first`` and ``last`` and keeps the rest.

    The controls and options are the scene's when they still give a motion of that length, else the take's own; prompt
    and seed are the scene's, and another seed when that would make the same again. A generator, as
    :func:`.capture.reading`. Raises BadRequest for a range outside of the take, and as :func:`order_again`.
    """
    making = making_of(take)
    order, captured = order_again(scene, take)
    first, last = max(first, take.frame_start), min(last, take.frame_end)
    if last - first < 2:
        raise BadRequest(
            f"The range does not reach into the take, which goes from frame {take.frame_start} to {take.frame_end}.",
            "Set a range of at least three frames within the take.",
        )
    used, starts, ends = take.seed, first > take.frame_start, last < take.frame_end
    now = yield from capture.reading(scene)
    if now.signal.num_frames == order.num_frames and now.start_frame == captured.start_frame:
        order, captured = build_request(scene, now), now
    fps = scene_fps(scene)
    at = np.asarray(space.model_to_scene_frame(np.arange(order.num_frames), captured.start_frame, fps))
    # An end of the range within the take is a frame of both; the take's own first and last frame may be made anew.
    keep = (at <= first if starts else at < first) | (at >= last if ends else at > last)
    seed = scene.gaitway.seed if scene.gaitway.seed != used else used + 1
    base = making.joints.astype(np.float32)
    return replace(order, seed=seed, num_variations=1, base=base, base_mask=keep), captured
