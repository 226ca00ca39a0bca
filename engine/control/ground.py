# SPDX-License-Identifier: GPL-3.0-or-later
"""Ground that is not level: the order as if it were, and what feet stand on where a found motion climbs by itself.

On a ground that was given a motion is made as on a level floor, in an order whose heights are those over the ground,
smoothed as hips go over steps (:func:`on_level`); finishing brings it onto the ground.

Where a path leads off the floor and no ground was given, the footing is known under the pelvis, frame by frame. A foot
is ahead of it or behind, so its footing is read where on the path it stands: a foot that stands does not rise with the
body.

Shapes: T frames, J = 22 joints, n places. Metres, Y up.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from blender_addon.shared.ground import heights_at
from blender_addon.shared.protocol import Ground, Obstacle
from blender_addon.shared.series import gaussian_smooth
from blender_addon.shared.skeleton import SKELETON

from ..motion_order import MotionOrder

DIRECTION_FRAMES = 4.0  # over which the direction of the path is read
STANDS_M = 1e-3  # a frame; where the pelvis moves less, no place is ahead of it
SMOOTH_FRAMES = 5.0  # over which hips rise where the ground has a step
_PELVIS = SKELETON.index("pelvis")


def on_level(order: MotionOrder) -> MotionOrder:
    """``order`` with all its heights taken over its ground instead of over height 0; itself without a ground."""
    ground = order.ground
    if ground is None:
        return order
    path = order_path(order)
    under = under_path(ground, path)
    hint, base = order.signal.hint.copy(), order.base.copy()
    hint[..., 1] -= under[:, None]
    if order.signal.free_height:  # a height over the ground that nobody insists on: without the ground's own steps
        hint[:, _PELVIS, 1] += under - heights_at(ground, np.arange(len(path)), path[:, None])[:, 0]
    hint[~order.signal.hint_mask] = 0.0
    base[..., 1] -= under[:, None]
    base[~order.base_mask] = order.base[~order.base_mask]
    return replace(
        order,
        signal=replace(order.signal, hint=hint),
        base=base,
        obstacles=obstacles_on_level(order, path),
        ground=None,
    )


def obstacles_on_level(order: MotionOrder, path: np.ndarray) -> tuple[Obstacle, ...]:
    """The order's obstacles as high over the floor as they are over its ground, where the ``path`` (T, 2) is near."""
    ground = order.ground
    if ground is None:
        return order.obstacles
    moved = []
    for obstacle in order.obstacles:
        x, y, z = obstacle.centre
        frame = int(np.linalg.norm(path - (x, z), axis=-1).argmin())
        height = float(heights_at(ground, np.array([frame]), np.array([[[x, z]]]))[0, 0])
        moved.append(replace(obstacle, centre=(x, y - height, z)))
    return tuple(moved)


def order_path(order: MotionOrder) -> np.ndarray:
    """Places (T, 2) of the pelvis as ``order`` leads it, or of the joint that it leads most; straight between hints."""
    mask, hint = order.signal.hint_mask, order.signal.hint
    led, places = mask[:, _PELVIS] | order.base_mask, hint[:, _PELVIS][:, [0, 2]]
    places = np.where(order.base_mask[:, None], order.base[:, _PELVIS][:, [0, 2]], places)
    if not led.any():
        joint = int(mask.sum(0).argmax())
        led, places = mask[:, joint], hint[:, joint][:, [0, 2]]
    told = np.flatnonzero(led)
    if not len(told):
        return np.zeros((order.num_frames, 2))
    frames = np.arange(order.num_frames)
    return np.stack([np.interp(frames, told, places[told, axis].astype(np.float64)) for axis in range(2)], -1)


def under_path(ground: Ground, path: np.ndarray) -> np.ndarray:
    """Heights (T,) of the ground under a ``path`` (T, 2), smooth over steps."""
    heights = heights_at(ground, np.arange(len(path)), path[:, None])[:, 0]
    return gaussian_smooth(heights[:, None], SMOOTH_FRAMES)[:, 0]


def footing_at(pelvis: np.ndarray, footing: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Heights (T, n) of the footing at ``places`` (T, n, 2), x and z, along the path of the ``pelvis`` (T, 2), under
    which it has the heights ``footing`` (T,).
    """
    if len(pelvis) < 2:
        return np.broadcast_to(footing[:, None], places.shape[:2])
    way = gaussian_smooth(pelvis, DIRECTION_FRAMES)
    velocity = np.gradient(way, axis=0)
    speed = np.linalg.norm(velocity, axis=-1)
    along = velocity / np.maximum(speed, STANDS_M)[:, None]
    gone = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2)])
    ahead = ((places - way[:, None]) * along[:, None]).sum(-1)
    return np.interp(gone[:, None] + ahead, gone, footing)
