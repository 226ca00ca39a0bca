# SPDX-License-Identifier: GPL-3.0-or-later
"""What the latent of a window is refined onto: after sampling and, for models that say so, between its steps.

Shapes: V variations, T frames, N latent tokens, D latent width, J = 22 joints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from blender_addon.shared import features as feature_set
from blender_addon.shared.skeleton import SKELETON

from ..checkpoints.networks import Networks
from ..control.goals import Goals, goals_of
from ..control.key_timing import retime_hints
from ..control.refine import can_refine, refine
from ..control.turn_latent import turn_latent
from ..finishing.step_over import is_step_over
from ..motion_order import MotionOrder
from ..sampling.latents import decode_features
from .facing_on_its_way import facing_on_its_way
from .window_request import WindowRequest

BETWEEN_STEPS_M = 0.005
"""Mean residual at which refining between steps stops: the next step changes more."""
WAY_TOLERANCE_M = 0.3  # from the straight way between two positions of the pelvis
_PELVIS = SKELETON.index("pelvis")


def window_goals(networks: Networks, request: WindowRequest, latent: Tensor) -> tuple[Goals, MotionOrder, np.ndarray]:
    """The goals in the canonical frame of the window, the order with its hints in the frames in which a motion with
    this ``latent`` (1, N, D) is to meet them, and those frames (T, J).
    """
    order, met = request.order, request.order.own_frames
    if order.slack.any():
        joints = feature_set.features_to_joints(decode_features(networks, latent, request.frames(latent.device)))
        order, met = retime_hints(order, request.frame.to_world(joints))
    if order.plant_feet and order.obstacles:  # feet that are planted step over what lies low
        order = replace(order, obstacles=tuple(o for o in order.obstacles if not is_step_over(o)))
    goals = goals_of(order, request.frame)
    if goals or request.has_path:
        goals = goals_of(request.context.hold(order), request.frame)
    return goals, order, met


def _with_way(goals: Goals) -> Goals:
    """The goals, and between positions of the pelvis roughly the straight way: no step is to wander off. What only says
    where to steer is a goal as well; the result may miss both.
    """
    hint, requested = goals.hint.copy(), goals.requested.copy()
    tolerance = np.where(np.isinf(goals.tolerance), 0.0, goals.tolerance)
    frames = np.flatnonzero(requested[:, _PELVIS, 0])
    if len(frames) > 1:
        between = np.setdiff1d(np.arange(frames[0], frames[-1]), frames)
        for axis in (0, 2):
            hint[between, _PELVIS, axis] = np.interp(between, frames, hint[frames, _PELVIS, axis])
            requested[between, _PELVIS, axis] = True
        tolerance[between, _PELVIS] = WAY_TOLERANCE_M
    return replace(goals, hint=hint, requested=requested, tolerance=tolerance)


class RefiningBetweenSteps:
    """Brings the clean latents of V variations onto their goals, by a few steps each."""

    def __init__(self, networks: Networks, requests: Sequence[WindowRequest]) -> None:
        self.networks, self.requests = networks, requests

    @classmethod
    def of(cls, networks: Networks, requests: Sequence[WindowRequest]) -> RefiningBetweenSteps | None:
        """None for a model that does not refine between steps, or where it is not to be refined."""
        wanted = networks.config.refining_steps and can_refine(networks) and requests[0].order.refine
        return cls(networks, requests) if wanted else None

    def __call__(self, latents: Tensor) -> Iterator[Tensor]:
        """Yield latents (V, N, D) after each step of a variation."""
        made = list(latents.split(1))
        for place, request in enumerate(self.requests):
            goals = _with_way(window_goals(self.networks, request, made[place])[0])
            if not goals:
                continue
            mask, steps = request.frames(latents.device), self.networks.config.refining_steps
            facing = facing_on_its_way(goals, request.order)
            if facing is not None:
                made[place] = turn_latent(self.networks, made[place], mask, facing)
                goals = replace(goals, facing=facing)
            for better in refine(self.networks, made[place], mask, goals, steps=steps, tolerance=BETWEEN_STEPS_M):
                made[place] = better
                yield torch.cat(made)
