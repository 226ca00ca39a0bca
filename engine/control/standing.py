# SPDX-License-Identifier: GPL-3.0-or-later
"""A path that is walked from a stand, or to one: its places stay, their times change.

Who starts to walk is at full speed after one or two steps, and who stops needs as many. So the time of the path runs
slowly at that end and a little faster elsewhere, for the hints of all joints alike.

Shapes: T frames, J = 22 joints. Metres, Y up, 20 fps; numpy.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.series import hermite_basis, runs, smoothstep
from blender_addon.shared.skeleton import FPS, SKELETON

from ..motion_order import MotionOrder
from .path_between import path_between

STANDS_MPS = 0.3  # a path that begins or ends more slowly does so from or in a stand already
END_FRAMES = 10  # that tell how fast it begins or ends
REST_SECONDS, SECONDS_PER_MPS = 0.4, 0.5  # in which a body comes to its speed, at most:
SHARE_AT_MOST = 0.6  # of the motion
ADDED_TOLERANCE_M = 0.15  # of the places between hints of the path
_PELVIS = SKELETON.index("pelvis")


def with_standing_ends(order: MotionOrder) -> tuple[MotionOrder, np.ndarray]:
    """The order with the times of its hints changed so that the path begins from a stand or ends in one, as it asks.

    Also (T, J) int32, the frame in which the hint that is given in a frame is met.
    """
    here = order.own_frames
    joint = _leading(order.signal.hint_mask)
    asks = (order.from_standing or order.to_standing) and not order.loop and not order.base_mask.any()
    if not asks or joint is None:
        return order, here
    filled = _filled(order, joint)
    told = np.flatnonzero(filled.signal.hint_mask[:, joint])
    first, last = int(told[0]), int(told[-1])
    path = filled.signal.hint[first : last + 1, joint][:, [0, 2]].astype(np.float64)
    inside = _times(path, order.from_standing, order.to_standing)
    if inside is None:
        return order, here
    times = np.arange(order.num_frames, dtype=np.float64)
    times[first : last + 1] = first + inside
    asked = order.signal.hint_mask[:, joint]
    alone = asked & ~(np.pad(asked, 1)[2:] | np.pad(asked, 1)[:-2])
    met, times = _met(np.flatnonzero(alone), times)
    return _at_times(filled, times, met), np.repeat(met[:, None], here.shape[1], 1)


def without_added(order: MotionOrder, asked: MotionOrder, met: np.ndarray) -> MotionOrder:
    """``order``, as :func:`with_standing_ends` has made it of ``asked``, without the places that it has added between
    hints: what errors are told from. ``met`` (T, J): the frames in which hints are met.
    """
    if order is asked:
        return order
    mask = np.zeros_like(order.signal.hint_mask)
    frames, joints = np.nonzero(asked.signal.hint_mask)
    mask[met[frames, joints], joints] = True
    return replace(order, signal=replace(order.signal, hint_mask=mask & order.signal.hint_mask))


def _leading(mask: np.ndarray) -> int | None:
    """The joint whose hints are the path: the pelvis, or the one that has the most; None where none has two."""
    counts = mask.sum(0)
    joint = _PELVIS if counts[_PELVIS] > 1 else int(counts.argmax())
    return joint if counts[joint] > 1 else None


def _filled(order: MotionOrder, joint: int) -> MotionOrder:
    """The order with places, to be met loosely, in all frames between the hints of the ``joint``."""
    signal = order.signal
    told = np.flatnonzero(signal.hint_mask[:, joint])
    between = np.zeros(order.num_frames, bool)
    between[told[0] : told[-1]] = True
    between &= ~signal.hint_mask[:, joint]
    if not between.any():
        return order
    hint, mask, tolerance = signal.hint.copy(), signal.hint_mask.copy(), order.tolerance.copy()
    hint[between, joint] = path_between(told, signal.hint[told, joint].astype(np.float64), len(hint))[between]
    mask[between, joint], tolerance[between, joint] = True, ADDED_TOLERANCE_M
    return replace(order, signal=replace(signal, hint=hint, hint_mask=mask), tolerance=tolerance)


def _times(path: np.ndarray, from_standing: bool, to_standing: bool) -> np.ndarray | None:
    """(n,): when each frame of ``path`` (n, 2) is on it, from 0 to n - 1; None where it begins and ends slowly."""
    near = min(END_FRAMES, len(path) - 1)
    ends = [np.linalg.norm(path[near] - path[0]), np.linalg.norm(path[-1] - path[-1 - near])]
    speeds = np.array([asked * end / near * FPS for asked, end in zip((from_standing, to_standing), ends, strict=True)])
    frames = np.where(speeds > STANDS_MPS, REST_SECONDS + SECONDS_PER_MPS * speeds, 0.0) * FPS
    if not frames.any():
        return None
    frames *= min(1.0, SHARE_AT_MOST * len(path) / frames.sum())
    middles = np.arange(len(path) - 1) + 0.5
    rate = smoothstep(np.minimum(middles / max(frames[0], 0.5), 1.0))
    rate *= smoothstep(np.minimum(middles[::-1] / max(frames[1], 0.5), 1.0))
    times = np.concatenate([[0.0], np.cumsum(rate)])
    return times * (len(path) - 1) / times[-1]


def _met(keys: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T,) the frame in which what is asked for in a frame is met; and ``times`` (T,) changed by less than a frame so
    that each of ``keys`` is met in a frame.
    """
    frames = np.arange(len(times))
    met = np.rint(np.interp(frames, times, frames)).astype(np.int32)
    there, first = np.unique(met[keys], return_index=True)
    early = keys[first] - times[there]
    return met, times + np.interp(frames, np.r_[0, there, frames[-1]], np.r_[0.0, early, 0.0])


def _at_times(order: MotionOrder, times: np.ndarray, met: np.ndarray) -> MotionOrder:
    """The order with in every frame what it asks at its time of ``times`` (T,); a hint with none beside it is met in
    the frame that ``met`` (T,) tells.
    """
    signal = order.signal
    hint, mask = np.zeros_like(signal.hint), np.zeros_like(signal.hint_mask)
    tolerance, slack = np.zeros_like(order.tolerance), np.zeros_like(order.slack)
    for joint in np.flatnonzero(signal.hint_mask.any(0)):
        for start, end in runs(signal.hint_mask[:, joint]):
            told, new = np.arange(start, end), np.arange(met[start], met[end - 1] + 1)
            at = np.clip(times[new], start, end - 1)
            nearest = np.rint(at).astype(int)
            mask[new, joint] = True
            tolerance[new, joint], slack[new, joint] = order.tolerance[nearest, joint], order.slack[nearest, joint]
            hint[new, joint] = _between(signal.hint[told, joint].astype(np.float64), at - start)
    return replace(order, signal=ControlSignal(hint, mask, signal.free_height), tolerance=tolerance, slack=slack)


def _between(places: np.ndarray, at: np.ndarray) -> np.ndarray:
    """``places`` (n, 3) at the fractions ``at`` (m,) of their frames, by cubics."""
    if len(places) < 2:
        return places[np.zeros(len(at), int)]
    first = np.minimum(at.astype(int), len(places) - 2)
    start, start_slope, end, end_slope = hermite_basis((at - first)[:, None])
    slopes = np.gradient(places, axis=0)
    here, there = places[first], places[first + 1]
    return start * here + start_slope * slopes[first] + end * there + end_slope * slopes[first + 1]
