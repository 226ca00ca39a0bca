# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that turn, start, stop and creep: where the body faces, how feet set off and come to rest.

The engine is asked as an animator asks it first: a path, "a person walks", no start heading. Shapes: T frames, J = 22
joints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.series import gaussian_smooth, runs
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.library.route import Route, Way
from engine.metrics import foot_skating_ratio
from engine.pipeline import Pipeline

from ..metric_table import CM, Metric, measured
from ..metrics import jerk_percentile
from .gaits import way_of_pelvis
from .kinematics import KINEMATICS, kinematics
from .motions import LIBRARY, NETWORK, MadeMotion, answered, path_request
from .strides import standing_slides

CAPTION = "a person walks"
GOES_MPS = 0.3  # from which a path has a direction to face along
FOOT_MOVES_MPS = 0.3  # from which a foot is on its way
SWING_FRAMES = 2
STANDS_S, SPEEDS_UP_S = 0.6, 0.8  # at rest before and after; from rest to full speed
SEEDS = (0, 1)
_PELVIS = SKELETON.index("pelvis")
_FEET = SKELETON.indices("left_foot", "right_foot")
_ANKLES = SKELETON.indices("left_ankle", "right_ankle")
_ACROSS = SKELETON.indices("left_hip", "left_shoulder"), SKELETON.indices("right_hip", "right_shoulder")


def circle(radius: float, speed: float, seconds: float = 7.0) -> np.ndarray:
    """Places (T, 2) that begin at the origin towards +Z."""
    angle = speed / radius * np.arange(round(seconds * FPS)) / FPS
    return np.stack([radius * (1 - np.cos(angle)), radius * np.sin(angle)], -1)


def along_corners(corners: list[tuple[float, float]], speed: float, rounding: float = 3.0) -> np.ndarray:
    """Places (T, 2) along straight lines from corner to corner; ``rounding`` frames of a Gaussian at the corners."""
    points = np.array(corners, float)
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=-1))])
    way = np.arange(0.0, lengths[-1], speed / FPS)
    places = np.stack([np.interp(way, lengths, points[:, axis]) for axis in range(2)], -1)
    return gaussian_smooth(places, rounding) if rounding else places


def from_rest_to_rest(metres: float, speed: float) -> np.ndarray:
    """Places (T, 2): stands, goes straight, stands."""
    stand, ramp = round(STANDS_S * FPS), round(SPEEDS_UP_S * FPS)
    up = speed * (0.5 - 0.5 * np.cos(np.pi * np.arange(ramp) / ramp))
    cruise = np.full(max(round((metres - up.sum() / FPS * 2) / speed * FPS), 1), speed)
    speeds = np.concatenate([np.zeros(stand), up, cruise, up[::-1], np.zeros(stand)])
    return np.stack([np.zeros(len(speeds)), np.cumsum(speeds) / FPS], -1)


def stop_and_go(speed: float = 1.2) -> np.ndarray:
    """Places (T, 2) of two ways from rest to rest, one behind the other."""
    way = from_rest_to_rest(2.5, speed)
    return np.concatenate([way, way[-1] + way[1:]])


PATHS = {
    "straight 1.2 m/s": along_corners([(0, 0), (0, 8)], 1.2),
    "circle 0.6 m at 0.8 m/s": circle(0.6, 0.8),
    "circle 1 m at 1.0 m/s": circle(1.0, 1.0),
    "circle 2 m at 1.2 m/s": circle(2.0, 1.2),
    "circle 3 m at 1.2 m/s": circle(3.0, 1.2),
    "zigzag of 50 degrees": along_corners([(0, 0), (1.2, 1.4), (0, 2.8), (1.2, 4.2), (0, 5.6), (1.2, 7.0)], 1.1),
    "square corners": along_corners([(0, 0), (0, 2), (2, 2), (2, 4), (0, 4)], 1.0, 2.0),
    "U-turn on a point": along_corners([(0, 0), (0, 3.5), (0.02, 0)], 1.0),
    "U-turn of 0.5 m": along_corners([(0, 0), (0, 3), (0.5, 3.3), (1, 3), (1, 0)], 1.0),
    "S at 1.0 m/s": np.concatenate([circle(1.5, 1.0, 3.5), circle(1.5, 1.0, 3.5)[1:] * (-1, 1)
                                    + circle(1.5, 1.0, 3.5)[-1]]),
    "from rest to rest": from_rest_to_rest(4.0, 1.2),
    "stop and go": stop_and_go(),
    "slow, 0.4 m/s": along_corners([(0, 0), (0, 2.8)], 0.4),
    "creeping, 0.2 m/s": along_corners([(0, 0), (0, 1.4)], 0.2),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Walked:
    """Motions (T, J, 3) that were made along one path (T, 2)."""

    path: np.ndarray
    made: list[MadeMotion]

    def mean(self, function: Callable[[np.ndarray], float | None]) -> float | None:
        values = [function(one.joints) for one in self.made]
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    def number(self, name: str) -> float | None:
        return self.mean(lambda joints: float(kinematics(joints)[:, KINEMATICS.index(name)].mean()))

    @cached_property
    def off_path(self) -> np.ndarray:
        """Degrees between where the body faces and where the path goes, in all frames in which it goes."""
        places = np.insert(self.path, 1, 0.0, axis=1)
        direction = Way.of(Route(places, np.ones(len(places), bool)), None).direction
        goes = np.linalg.norm(np.gradient(self.path, axis=0), axis=-1) * FPS > GOES_MPS
        found = []
        for one in self.made:
            across = (one.joints[:, _ACROSS[0]] - one.joints[:, _ACROSS[1]]).sum(1)
            facing = np.arctan2(-across[:, 2], across[:, 0])
            off = (facing - direction + np.pi) % (2 * np.pi) - np.pi
            found.append(np.abs(off[goes]))
        return np.degrees(np.concatenate(found))

    @property
    def _rests(self) -> bool:
        """Whether the path begins and ends at rest."""
        speed = np.linalg.norm(np.diff(self.path, axis=0), axis=-1) * FPS
        return bool(max(speed[:3].max(), speed[-3:].max()) < 0.05)

    def feet_apart_at(self, frame: int) -> float | None:
        """How far one foot is ahead of the other, of paths that begin and end at rest."""
        if not self._rests:
            return None
        last = -1 if frame < 0 else 0
        return self.mean(lambda joints: _ahead_of_the_other(joints[last], self.path))

    @property
    def first_step(self) -> float | None:
        """Seconds from when the path sets off until a foot does."""
        if not self._rests:
            return None
        sets_off = int(np.argmax(np.linalg.norm(np.diff(self.path, axis=0), axis=-1) * FPS > 0.05))

        def after(joints: np.ndarray) -> float | None:
            moves = foot_moves(joints).any(1)
            return (int(np.argmax(moves)) - sets_off) / FPS if moves.any() else None

        return self.mean(after)

    @property
    def slide_cm(self) -> float:
        """Of standing feet, cm/s: the 95th percentile of the contacts."""
        return CM * float(np.percentile(np.concatenate([standing_slides(one.joints) for one in self.made]), 95))

    @property
    def error_cm(self) -> float:
        return CM * float(np.mean([one.error.average_error for one in self.made if one.error is not None]))


def foot_moves(joints: np.ndarray) -> np.ndarray:
    """(T - 1, 2) bool: frames in which each foot is on its way."""
    return np.linalg.norm(np.diff(joints[:, _FEET], axis=0), axis=-1) * FPS > FOOT_MOVES_MPS


def steps_per_second(joints: np.ndarray) -> float:
    moves = foot_moves(joints)
    swings = sum(end - start >= SWING_FRAMES for foot in range(2) for start, end in runs(moves[:, foot]))
    return float(swings * FPS / len(joints))


def longest_freeze(joints: np.ndarray) -> float:
    """Seconds of the longest stretch in which no foot is on its way."""
    return max(((end - start) / FPS for start, end in runs(~foot_moves(joints).any(1))), default=0.0)


def _ahead_of_the_other(pose: np.ndarray, path: np.ndarray) -> float:
    way = path[-1] - path[0]
    apart = (pose[_ANKLES[0]] - pose[_ANKLES[1]])[[0, 2]]
    return float(abs(apart @ way) / max(float(np.linalg.norm(way)), 1e-9))


def _cm(value: float | None) -> float | None:
    return None if value is None else CM * value


WALKED: tuple[Metric[Walked], ...] = (
    Metric("facing_median", "off path deg", 0, lambda w: float(np.median(w.off_path)) if len(w.off_path) else None),
    Metric("facing_p95", "p95", 0, lambda w: float(np.percentile(w.off_path, 95)) if len(w.off_path) else None),
    Metric("steps", "steps/s", 2, lambda w: w.mean(steps_per_second)),
    Metric("freeze", "freeze s", 1, lambda w: w.mean(longest_freeze)),
    Metric("ankles_cm", "ankles cm", 0, lambda w: _cm(w.number("stance_width"))),
    Metric("slide_p95", "slide p95", 1, lambda w: w.slide_cm),
    Metric("skating", "skating", 3, lambda w: w.mean(foot_skating_ratio)),
    Metric("jerk_p99", "jerk p99", 0, lambda w: w.mean(jerk_percentile)),
    Metric("error_cm", "error cm", 2, lambda w: w.error_cm),
    Metric("first_step", "first step s", 2, lambda w: w.first_step),
    Metric("start_cm", "start cm", 0, lambda w: _cm(w.feet_apart_at(0))),
    Metric("end_cm", "end cm", 0, lambda w: _cm(w.feet_apart_at(-1))),
)
"""Means over the motions; the last three of paths from rest to rest."""


def signal_of(path: str) -> ControlSignal:
    return way_of_pelvis(PATHS[path])


def path_rows(
    pipeline: Pipeline,
    seeds: tuple[int, ...] = SEEDS,
    advance: Callable[[str], None] = lambda doing: None,
    kept: dict[str, MadeMotion] | None = None,
) -> list[dict]:
    """A row for each path and way to answer; the default's first motion of each path is put into ``kept``."""
    ways = {"network": NETWORK} | ({} if pipeline.sentences is None else {"default": LIBRARY})
    rows = []
    for path, places in PATHS.items():
        for name, closeness in ways.items():
            made = []
            for seed in seeds:
                advance(f"{path}: {name}")
                signal = signal_of(path)
                request = path_request(CAPTION, signal, seed=seed, closeness=closeness)
                made.append(answered(pipeline, request, signal))
            rows.append({"path": path, "motion": name} | measured(WALKED, Walked(places, made)))
            if kept is not None:
                kept[path] = made[0]
    return rows
