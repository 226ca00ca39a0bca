# SPDX-License-Identifier: GPL-3.0-or-later
"""Lead a path around the obstacles on it, before the model sees it.

Joints that are pushed out of a solid one by one and frame by frame make a body veer and shake. So where a body on the
requested path of the pelvis would run into something, the path itself is bent: to one side, over as many frames as it
takes to walk around at ease. Between keys that lie far apart, points on the bent path are added, to be met loosely.
What is bent is only what the engine follows; errors are told from what was requested.

Shapes: T frames, J = 22 joints, D distances. Metres, Y up; numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from blender_addon.shared.protocol import Obstacle
from blender_addon.shared.series import envelope, runs, smoothstep
from blender_addon.shared.skeleton import FPS, SKELETON
from blender_addon.shared.solids import penetration

from ..motion_order import MotionOrder

BODY_M = 0.26  # around the pelvis, that a walking body takes up
SQUEEZED_M = 0.13  # the same of one that turns sideways, which it does before it leaves a path with no tolerance
HEIGHTS_M = np.linspace(0.4, 1.5, 12)  # at which it does; what is lower is stepped over, what is higher walked under
BESIDE_M = 0.05  # up or down to a solid; if farther, it is above or below a point, not beside it
MAX_OFFSET_M, OFFSET_STEP_M = 1.5, 0.04  # by which a path is bent, and between the offsets that are tried
SIDEWAYS_MPS = 0.6  # at which a path is left and come back to, on average
MIN_EASE_FRAMES = 8  # in which that happens at least
ADDED_TOLERANCE_M = 0.15  # of the points that are added
BENDING_ROUNDS = 3  # of bending, since a bent path may run into something else
_PELVIS = SKELETON.index("pelvis")
_HIPS = SKELETON.indices("left_hip", "right_hip")


def around_obstacles(order: MotionOrder) -> tuple[MotionOrder, np.ndarray | None]:
    """The order with its pelvis's hints led around its obstacles, and by how much (T, 3) float32 in metres; the order
    itself and None where nothing is on the path, or these hints may wait (they have slack). The path leads straight
    from hint to hint.
    """
    signal, frames = order.signal, np.arange(order.num_frames)
    requested = signal.hint_mask[:, _PELVIS]
    known = np.flatnonzero(requested)
    if not order.obstacles or order.slack[known, _PELVIS].any() or len(known) < 2:
        return order, None
    path = np.stack([np.interp(frames, known, signal.hint[known, _PELVIS, axis]) for axis in range(3)], 1)
    inside = (frames >= known[0]) & (frames <= known[-1])
    alone = requested & ~(np.pad(requested, 1)[2:] | np.pad(requested, 1)[:-2])
    exact = requested & (order.tolerance[:, _PELVIS] < SQUEEZED_M)
    bent = path.copy()
    clearance = np.where(exact, SQUEEZED_M, BODY_M)
    bent[:, [0, 2]] = _bent(path[:, [0, 2]], inside, alone | order.base_mask, clearance, order.obstacles)
    moved = np.linalg.norm(bent - path, axis=-1) > 1e-3
    if not moved.any():
        return order, None
    hint, mask, tolerance = signal.hint.copy(), signal.hint_mask.copy(), order.tolerance.copy()
    new = moved & ~requested
    tolerance[new, _PELVIS], mask[new, _PELVIS] = ADDED_TOLERANCE_M, True
    hint[moved, _PELVIS] = bent[moved]
    along = moved[:, None] & mask[:, _HIPS]  # they say where the body looks
    hint[:, _HIPS] += along[..., None] * (bent - path)[:, None]
    offset = np.where(moved[:, None], bent - path, 0.0).astype(np.float32)
    return replace(order, signal=replace(signal, hint=hint, hint_mask=mask), tolerance=tolerance), offset


def _bent(
    path: np.ndarray, inside: np.ndarray, fixed: np.ndarray, clearance: np.ndarray, obstacles: Sequence[Obstacle]
) -> np.ndarray:
    """``path`` (T, 2) of x and z, bent where it is ``inside`` (T,) the requested stretch and less than ``clearance``
    (T,) away from obstacles; ``fixed`` (T,) frames that are clear keep their position.
    """
    path = path.copy()
    for _ in range(BENDING_ROUNDS):
        blocked = inside & (_depth(path, obstacles) > -clearance)
        if not blocked.any():
            break
        within = np.flatnonzero(inside)
        for start, end in runs(_joined(blocked)):
            before, after = max(start - 1, within[0]), min(end, within[-1])
            ahead = path[after] - path[before]
            if np.linalg.norm(ahead) < OFFSET_STEP_M:
                continue  # it stands in there
            across = np.array([ahead[1], -ahead[0]]) / np.linalg.norm(ahead)
            needed = _sideways(path[start:end], across, obstacles)
            if needed is not None:
                offsets = np.zeros(len(path))
                offsets[start:end] = needed
                path += (_eased(offsets) * _fade(fixed & ~blocked) * inside)[:, None] * across
    return path


def _depth(points: np.ndarray, obstacles: Sequence[Obstacle]) -> np.ndarray:
    """How deep (...) the middle of a body at ``points`` (..., 2) is in the deepest obstacle, negative outside."""
    column = np.empty((*points.shape[:-1], len(HEIGHTS_M), 3))
    column[..., [0, 2]], column[..., 1] = points[..., None, :], HEIGHTS_M
    deepest = np.full(points.shape[:-1], -np.inf)
    for obstacle in obstacles:
        depth, outward = penetration(obstacle, column)
        beside = (depth > 0) | (np.abs(depth * outward[..., 1]) < BESIDE_M)
        deepest = np.maximum(deepest, np.where(beside, depth, -np.inf).max(-1))
    return deepest


def _joined(blocked: np.ndarray) -> np.ndarray:
    """``blocked`` (T,) with the gaps filled that are too short to come back in."""
    filled = blocked.copy()
    for start, end in runs(~blocked):
        if start > 0 and end < len(blocked) and end - start < 2 * MIN_EASE_FRAMES:
            filled[start:end] = True
    return filled


def _sideways(points: np.ndarray, across: np.ndarray, obstacles: Sequence[Obstacle]) -> np.ndarray | None:
    """How far each of ``points`` (n, 2) goes along ``across`` (2,) to be clear, all to the side where that is less;
    None where neither side is near enough.
    """
    distances = np.arange(0.0, MAX_OFFSET_M + OFFSET_STEP_M, OFFSET_STEP_M)
    choices = []
    for side in (1.0, -1.0):
        tried = points[:, None] + side * distances[:, None] * across  # (n, D, 2)
        clear = _depth(tried, obstacles) <= -BODY_M
        if clear.any(1).all():
            choices.append(side * distances[clear.argmax(1)])
    return min(choices, key=lambda offsets: np.abs(offsets).max(), default=None)


def _eased(offsets: np.ndarray) -> np.ndarray:
    """``offsets`` (T,) of one sign, nowhere less and smooth, begun early enough to be reached at ease."""
    size = np.abs(offsets)
    width = max(MIN_EASE_FRAMES, round(size.max() / SIDEWAYS_MPS * FPS / 2))
    return np.sign(offsets.sum()) * envelope(size, width)


def _fade(fixed: np.ndarray) -> np.ndarray:
    """Shares (T,): 0 in ``fixed`` (T,) frames, 1 some frames away from them."""
    if not fixed.any():
        return np.ones(len(fixed))
    away = np.abs(np.arange(len(fixed))[:, None] - np.flatnonzero(fixed)).min(1)
    return smoothstep(np.minimum(away / MIN_EASE_FRAMES, 1.0))
