# SPDX-License-Identifier: GPL-3.0-or-later
"""Ground that is not level: the order as if it were, and the ground of hips that are drawn off the floor.

On a ground that was given a motion is made as on a level floor, in an order whose heights are those over the ground,
smoothed as hips go over steps (:func:`on_level`); finishing brings it onto the ground.

Shapes: T frames, J = 22 joints, n places. Metres, Y up.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.ground import ground_along, heights_at
from blender_addon.shared.protocol import Ground, Obstacle
from blender_addon.shared.series import gaussian_smooth
from blender_addon.shared.skeleton import SKELETON

from ..motion_order import MotionOrder

DRAWN_FRAMES = 10.0  # over which drawn hips are smoothed: a jump is higher, but soon over
HIGHEST_HIPS_M, LOWEST_HIPS_M = 1.15, 0.0  # of who is on the floor
STANDING_HIPS_M, USUAL_HIPS_M = (0.75, 1.1), 0.93  # over the ground
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


def drawn_ground(signal: ControlSignal, base: np.ndarray, base_mask: np.ndarray) -> Ground | None:
    """The ground under hips whose hints, or kept frames (T, J, 3) of ``base``, lead off the floor at their height; None
    where they stay on it, or their height is not asked for.
    """
    told = np.flatnonzero(signal.hint_mask[:, _PELVIS] | base_mask)
    if signal.free_height or len(told) < 2:
        return None
    hips = np.where(base_mask[:, None], base[:, _PELVIS], signal.hint[:, _PELVIS])[told].astype(np.float64)
    x, y, z = (np.interp(np.arange(signal.num_frames), told, hips[:, axis]) for axis in range(3))
    slow = gaussian_smooth(y[:, None], DRAWN_FRAMES)[:, 0]
    if slow.max() <= HIGHEST_HIPS_M and slow.min() >= LOWEST_HIPS_M:
        return None
    stands = STANDING_HIPS_M[0] < slow[0] < STANDING_HIPS_M[1]
    return ground_along(np.stack([x, z], -1), slow - (slow[0] if stands else USUAL_HIPS_M))


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
