# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of controls: even speed along a line, scene frames to model frames. No bpy.

Shapes: P points of a line, K keys, N model frames. Points are Blender's (Z up) unless said otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ..shared.errors import BadControl
from ..shared.skeleton import FPS

ARM_REACH_M = 0.7
"""Over the ground from the hips, within which a hand, a foot or the head can be at once."""


def points_along(line: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Points (N, 3) at ``fractions`` (N,) of the length of ``line`` (P, 3), so that even fractions give an even speed.

    Raises BadControl when the line has no length.
    """
    line = np.asarray(line, np.float64).reshape(-1, 3)
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=-1))])
    if len(line) < 2 or not travelled[-1] > 0:
        raise BadControl(
            "The curve has fewer than two different points.", "Draw at least two points at different positions."
        )
    wanted = np.clip(fractions, 0.0, 1.0) * travelled[-1]
    return np.stack([np.interp(wanted, travelled, line[:, axis]) for axis in range(3)], -1)


def carried(points: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """World points (K, 3) of an object with the matrix ``before`` (4, 4), each where it is when the object has its own
    one of ``after`` (K, 4, 4).
    """
    # A flattened object has no inverse, but what lies in it still has a position.
    moves = np.asarray(after) @ np.linalg.pinv(before)
    return np.einsum("kij,kj->ki", moves[:, :3, :3], points) + moves[:, :3, 3]


def frame_ranges(text: str) -> list[tuple[int, int]]:
    """What a person writes for frames ("1, 25, 60-90") as ranges, both ends included. Raises BadControl for other
    text.
    """
    ranges = []
    for part in filter(None, (part.strip() for part in re.split("[,;]", text))):
        found = re.fullmatch(r"(-?\d+)(?:\s*(?:-|–|to)\s*(-?\d+))?", part)
        if found is None:
            raise BadControl(f"'{part}' is not a frame or a range of frames.", "Write them like this: 1, 25, 60-90.")
        first, last = int(found[1]), int(found[2] or found[1])
        ranges.append((min(first, last), max(first, last)))
    return ranges


def in_ranges(frames: np.ndarray, ranges: list[tuple[int, int]]) -> np.ndarray:
    """Which of ``frames`` (K,) lie in one of the ranges: (K,) bool."""
    frames = np.asarray(frames, np.float64)
    inside = np.zeros(len(frames), bool)
    for first, last in ranges:
        inside |= (frames >= first - 1e-4) & (frames <= last + 1e-4)
    return inside


def on_model_frames(times: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys at ``times`` (K,) seconds and ``points`` (K, 3) -> whole model frames (N,), the points (N, 3) there, and
    which keys (N,) they come from.

    A key rarely falls on one of the model's 20 frames a second. It goes to the nearest, and its point is carried
    there with the track's own speed at that key, so that the character passes the key itself at the key's own time.
    Of several keys in one frame the nearest in time is used.
    """
    times, points = np.asarray(times, np.float64), np.asarray(points, np.float64)
    order = np.argsort(times, kind="stable")
    times, points = times[order], points[order]
    frames = np.rint(times * FPS).astype(int)
    if len(times) > 1:
        points = points + np.gradient(points, times, axis=0) * (frames / FPS - times)[:, None]
    keep: dict[int, int] = {}
    for key, frame in enumerate(frames):
        if frame not in keep or abs(frame / FPS - times[key]) < abs(frame / FPS - times[keep[frame]]):
            keep[int(frame)] = key
    chosen = list(keep.values())
    return frames[chosen], points[chosen], order[chosen]


def is_within_reach(start: np.ndarray, targets: Mapping[str, tuple[np.ndarray, np.ndarray]], speed: float) -> bool:
    """Whether hips that are at ``start`` (3,) at time 0 and move at ``speed`` can reach the first target of every joint
    in time; ``targets``: joint -> (times (K,), points (K, 3)); metres, seconds, Y up. False when the hips have a target
    at time 0, or nothing has.
    """
    firsts = [(times[0], points[0], joint) for joint, (times, points) in targets.items()]
    if not firsts or any(joint == "pelvis" and time <= 0 for time, _, joint in firsts):
        return False
    for time, point, joint in firsts:
        away = np.linalg.norm((point - start)[[0, 2]])
        if away - (0.0 if joint == "pelvis" else ARM_REACH_M) > speed * time:
            return False
    return True
