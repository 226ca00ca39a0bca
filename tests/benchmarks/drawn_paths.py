# SPDX-License-Identifier: GPL-3.0-or-later
"""Twenty controls as people draw them: smooth paths over the ground, pins in the air, feet that shall meet a point.

Metres, seconds, Y up, Z ahead; 20 frames a second.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.skeleton import FPS

Points = tuple[np.ndarray, np.ndarray]
HIPS = 0.93  # metres; of paths on the ground, whose height nobody insists on


@dataclass(frozen=True, eq=False)
class Drawn:
    """A control as it was drawn; ``heading`` in radians where the character shall not look along the path."""

    name: str
    prompt: str
    signal: ControlSignal
    heading: float | None = None


def along(shape: np.ndarray, speed: float, ease: Callable[[np.ndarray], np.ndarray] = lambda s: s) -> Points:
    """Times and points (K, 3) of walking the polyline ``shape`` (N, 2) of x and z, ``speed`` m/s on average."""
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(shape, axis=0), axis=-1))])
    frames = min(round(way[-1] / speed * FPS) + 1, 196)
    reached = ease(np.linspace(0, 1, frames)) * min(way[-1], speed * (frames - 1) / FPS)
    x, z = (np.interp(reached, way, shape[:, axis]) for axis in (0, 1))
    return np.arange(frames) / FPS, np.stack([x, np.full(frames, HIPS), z], -1)


def arc(radius: float, turn: float, start: float = 0.0) -> np.ndarray:
    """(N, 2): part of a circle to the left through the origin, leaving it along Z; ``turn`` in turns."""
    angle = np.linspace(0, 2 * np.pi * turn, 400) + start
    return np.stack([radius * (1 - np.cos(angle)), radius * np.sin(angle)], -1)


def corners(*points: tuple[float, float], rounding: int = 25) -> np.ndarray:
    """(N, 2): a polyline through ``points`` whose corners a hand has rounded."""
    fine = np.concatenate([np.linspace(a, b, 100, endpoint=False) for a, b in itertools.pairwise(points)])
    fine = np.concatenate([fine, [points[-1]]])
    padded = np.concatenate([np.repeat(fine[:1], rounding, 0), fine, np.repeat(fine[-1:], rounding, 0)])
    kernel = np.hanning(2 * rounding + 1)
    smooth = [np.convolve(padded[:, axis], kernel / kernel.sum(), "valid") for axis in (0, 1)]
    return np.stack(smooth, -1)


def path(name: str, prompt: str, points: Points, heading: float | None = None) -> Drawn:
    """A path on the ground, followed in every frame."""
    frames = len(points[0])
    return Drawn(name, prompt, ControlSignal.from_tracks({"pelvis": points}, frames, True, free_height=True), heading)


def pins(name: str, prompt: str, frames: int, **tracks: list[tuple[float, float, float, float]]) -> Drawn:
    """Keys (seconds, x, y, z) of joints."""
    given = {joint: (np.array(keys)[:, 0], np.array(keys)[:, 1:]) for joint, keys in tracks.items()}
    return Drawn(name, prompt, ControlSignal.from_tracks(given, frames), 0.0)


def stop_and_go(share: np.ndarray) -> np.ndarray:
    """Walks, stands for a third of the time, walks on."""
    knots = np.array([0, 0.25, 0.4, 0.6, 0.75, 1.0])
    return np.interp(share, knots, [0, 0.4, 0.5, 0.5, 0.6, 1.0])


def drawn_paths() -> list[Drawn]:
    angle = np.linspace(0, 2 * np.pi, 600)
    eight = 1.8 * np.stack([np.sin(2 * angle), 1.6 * (1 - np.cos(angle))], -1)
    winding = np.linspace(0.6, 2.2 * np.pi, 600)
    spiral = np.stack([0.55 * winding * np.cos(winding), 0.55 * winding * np.sin(winding)], -1)
    straight = np.stack([np.zeros(2), np.array([0.0, 9.0])], -1)
    hop = np.linspace(0, 1, 50)
    up = np.stack([0 * hop, HIPS + 0.35 * np.sin(np.pi * np.clip((hop - 0.3) / 0.4, 0, 1)) ** 2, 1.2 * hop], -1)
    wave = np.linspace(0, 3, 61)
    hand = np.stack([-0.45 + 0.15 * np.sin(3 * wave), 1.5 + 0 * wave, 0.25 + 0.15 * np.cos(3 * wave)], -1)
    return [
        path("straight", "a person walks forward", along(straight, 1.15)),
        path("slow", "a person walks slowly", along(straight[:, :] * 0.35, 0.6)),
        path("run", "a person runs forward", along(straight * 2, 2.6)),
        path("circle 2.5 m", "a person walks in a circle", along(arc(2.5, 0.6), 1.0)),
        path("circle 1.2 m", "a person walks in a circle", along(arc(1.2, 1.1), 0.9)),
        path("figure eight", "a person walks", along(eight, 1.2)),
        path("spiral", "a person walks", along(spiral - spiral[0], 1.0)),
        path("zigzag", "a person walks", along(corners((0, 0), (1.2, 2), (-1.2, 4), (1.2, 6), (0, 8)), 1.05)),
        path("stop and go", "a person walks, stops and walks on", along(straight * 0.7, 0.8, stop_and_go)),
        path("sharp turn", "a person walks and turns left", along(corners((0, 0), (0, 3.5), (3.5, 3.5)), 1.0)),
        path("u-turn", "a person walks and turns around", along(corners((0, 0), (0, 3.5), (0.6, 3.5), (0.6, 0)), 1.0)),
        path("s curve", "a person walks", along(corners((0, 0), (1, 2.5), (-1, 5), (0, 7.5), rounding=60), 1.1)),
        path("backwards", "a person walks backwards", along(-straight * 0.4, 0.7), 0.0),
        path("sideways", "a person steps sideways", along(straight[:, ::-1] * 0.4, 0.6), 0.0),
        Drawn(
            "jump",
            "a person jumps forward",
            ControlSignal.from_tracks({"pelvis": (np.arange(50) / FPS, up)}, 50, True),
        ),
        pins("five keys", "a person walks", 140, pelvis=[(0, 0, 0.93, 0), (1.5, 0.5, 0.93, 1.5), (3.5, 2, 0.93, 2.8),
             (5, 2.4, 0.93, 4.5), (6.9, 1.2, 0.93, 6)]),
        pins("hand reaching", "a person reaches up with the right hand", 70,
             right_wrist=[(1.6, -0.35, 1.75, 0.35), (2.2, -0.1, 1.6, 0.4)]),
        pins("kick at a point", "a person kicks", 60, right_foot=[(1.4, -0.1, 0.75, 0.75)]),
        pins("both hands", "a person lifts something with both hands", 80,
             right_wrist=[(1.0, -0.25, 0.55, 0.45), (2.5, -0.2, 1.35, 0.4)],
             left_wrist=[(1.0, 0.25, 0.55, 0.45), (2.5, 0.2, 1.35, 0.4)]),
        Drawn(
            "hand in circles",
            "a person waves with the right hand",
            ControlSignal.from_tracks({"right_wrist": (wave, hand)}, 61, True),
            0.0,
        ),
    ]  # fmt: skip
