# SPDX-License-Identifier: GPL-3.0-or-later
"""What a motion order asks of the pelvis: its path, and where the body faces.

Shapes: T frames, J = 22 joints. Metres, radians about +Y; Y up.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared.control import canonical_frame
from blender_addon.shared.series import dilate, gaussian_smooth
from blender_addon.shared.skeleton import SKELETON

from ..motion_order import MotionOrder
from .route import Route, Way

FACING_FRAMES = 8  # around a target of the hips, in which the body faces as it tells
HEADING_FRAMES = 10  # at the start of a path, in which the body faces where it was told to start
LED_FRAMES = 8.0  # of a led joint's own swing
LED_M = 1.0  # a joint that is led farther over the ground takes the body along
_PELVIS = SKELETON.index("pelvis")
_HIPS = SKELETON.indices("left_hip", "right_hip")


def wanted_route(order: MotionOrder) -> Route:
    """What ``order`` asks of the pelvis in all its frames: its hints and what is kept, and the way between them; else
    the way of another joint that is led far. The facing is that of the hips' hints, or ``order.heading`` at the start.
    """
    hint, mask = order.signal.hint, order.signal.hint_mask
    led = mask[:, _PELVIS] | order.base_mask
    places = np.where(order.base_mask[:, None], order.base[:, _PELVIS], hint[:, _PELVIS]).astype(np.float64)
    heading = canonical_frame(order.signal, order.heading).heading
    if led.any():
        way = Way.of(Route(places, led), None)
        if way.known.any():
            places, led = np.insert(way.path, 1, 0.0, axis=-1), way.known
    else:
        places, led = _led_along(order)
    return Route(places, led, _asked_facing(order, bool(led.any())), heading)


def _led_along(order: MotionOrder) -> tuple[np.ndarray, np.ndarray]:
    """Places (T, 3) and their mask (T,) along the way of the joint that has the most hints, if it goes far."""
    hint, mask = order.signal.hint, order.signal.hint_mask
    nothing = np.zeros((order.num_frames, 3)), np.zeros(order.num_frames, bool)
    joint = int(mask.sum(0).argmax())
    frames = np.flatnonzero(mask[:, joint])
    if len(frames) < 2 or np.linalg.norm(np.ptp(hint[frames, joint][:, [0, 2]], axis=0)) < LED_M:
        return nothing
    way = Way.of(Route(hint[:, joint].astype(np.float64), mask[:, joint]), None)
    return np.insert(gaussian_smooth(way.path, LED_FRAMES), 1, 0.0, axis=-1), way.known


def _asked_facing(order: MotionOrder, has_path: bool) -> np.ndarray | None:
    """(T,) radians, NaN where it is free; None where it is free everywhere."""
    facing = np.full(order.num_frames, np.nan)
    if has_path and order.heading is not None:
        facing[:HEADING_FRAMES] = order.heading
    told = np.flatnonzero(order.signal.hint_mask[:, _HIPS].all(1))
    if len(told):
        left, right = (order.signal.hint[told, hip].astype(np.float64) for hip in _HIPS)
        across = left - right
        angles = np.unwrap(np.arctan2(-across[:, 2], across[:, 0]))
        frames = np.arange(order.num_frames)
        near = dilate(order.signal.hint_mask[:, _HIPS].all(1), FACING_FRAMES)
        facing[near] = np.interp(frames, told, angles)[near]
    return facing if np.isfinite(facing).any() else None
