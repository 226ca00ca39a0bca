# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a motion is to go: what was asked for, and the path and facing in every frame that follow from it.

Shapes: T frames, J = 22 joints. Metres, radians about +Y, 20 fps; ground places are (T, 2): x, z.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from blender_addon.shared.series import gaussian_smooth
from blender_addon.shared.skeleton import FPS

from ..control.path_between import path_between
from ..control.path_facing import STANDS_MPS, TANGENT_FRAMES, TURN_FRAMES, looks_along, rounded, tangents, turned_to
from .motion import BodyMotion, body_headings
from .timing import Touch

END_FRAMES = 5  # at either end of a path, in which it stands or does not


@dataclass(frozen=True, eq=False)
class Route:
    """What is asked for: the pelvis at ``places`` (T, 3), world, in the frames of ``mask`` (T,), at any height;
    ``facing`` (T,): where the body faces, NaN where that follows from the path; ``start_heading``: where it faces at
    first when nothing else tells. ``arrival`` (n, J, 3): joints that are known from the frame ``arrival_frame`` on.
    ``poses``: frames in which all joints (J, 3) are told, and these; ``touches``: what is told of hands,
    feet and head.
    ``whole``: the way that this is a part of, if it is one.
    ``on_ground``: the motion is brought onto a ground later, and is not to climb by itself; ``shares`` (T,): how long
    strides are there beside those on the level, None where they are as long.
    """

    places: np.ndarray
    mask: np.ndarray
    facing: np.ndarray | None = None
    start_heading: float = 0.0
    arrival: np.ndarray | None = None
    arrival_frame: int = 0
    poses: tuple[tuple[int, np.ndarray], ...] = ()
    touches: tuple[Touch, ...] = ()
    whole: Way | None = None
    on_ground: bool = False
    shares: np.ndarray | None = None

    @classmethod
    def free(cls, num_frames: int, start_heading: float = 0.0) -> Self:
        """No path: ``num_frames`` frames that begin over the origin."""
        return cls(np.zeros((num_frames, 3)), np.zeros(num_frames, bool), None, start_heading)

    @property
    def num_frames(self) -> int:
        return len(self.places)


@dataclass(frozen=True, eq=False)
class Start:
    """The frames before a motion, from which it goes on: world ``joints`` (n, J, 3), two or more."""

    joints: np.ndarray

    @cached_property
    def motion(self) -> BodyMotion:
        """The same as seen from the body."""
        return BodyMotion.of(self.joints)

    @cached_property
    def track(self) -> np.ndarray:
        """x, z and heading (n, 3) of the pelvis."""
        return np.concatenate([self.joints[:, 0, [0, 2]], body_headings(self.joints)[:, None]], 1)

    @property
    def next_track(self) -> np.ndarray:
        """(3,): where the pelvis would be a frame later."""
        return 2 * self.track[-1] - self.track[-2]


@dataclass(frozen=True, eq=False)
class Way:
    """A route in every frame: ``path`` (T, 2), ``known`` (T,) between its first and last place, where there are two or
    more; ``asked`` (T,): the facing that was asked for, NaN where none was.
    """

    path: np.ndarray
    known: np.ndarray
    asked: np.ndarray
    start_heading: float
    whole: Way | None = None

    @classmethod
    def of(cls, route: Route, start: Start | None) -> Self:
        """The way of a route that begins at, or goes on from, ``start``."""
        frames, places = np.flatnonzero(route.mask), route.places[route.mask][:, [0, 2]]
        direction = route.start_heading
        if start is not None:
            direction = float(start.next_track[2])
            if not route.mask[0]:
                frames, places = np.append(0, frames), np.concatenate([start.next_track[None, :2], places])
        asked = np.full(route.num_frames, np.nan) if route.facing is None else np.asarray(route.facing, np.float64)
        if len(frames) < 2:
            path = np.repeat(places if len(places) else np.zeros((1, 2)), route.num_frames, 0)
            return cls(path, np.zeros(route.num_frames, bool), asked, direction, route.whole)
        known = np.zeros(route.num_frames, bool)
        known[frames[0] : frames[-1] + 1] = True
        return cls(path_between(frames, places, route.num_frames), known, asked, direction, route.whole)

    @cached_property
    def speed(self) -> float:
        """Mean of the path, or of that which it is a part of, m/s; 0 without one."""
        if self.whole is not None:
            return self.whole.speed
        path = gaussian_smooth(self.path[self.known], TANGENT_FRAMES) if self.known.any() else self.path[:0]
        return float(np.linalg.norm(np.diff(path, axis=0), axis=-1).mean()) * FPS if len(path) > 1 else 0.0

    @cached_property
    def going_speed(self) -> float:
        """The same where it does not stand."""
        if self.whole is not None:
            return self.whole.going_speed
        velocity = np.diff(gaussian_smooth(self.path[self.known], TANGENT_FRAMES), axis=0) * FPS
        speed = np.linalg.norm(velocity, axis=-1)
        return float(speed[speed > STANDS_MPS].mean()) if (speed > STANDS_MPS).any() else 0.0

    @cached_property
    def fast_speed(self) -> float:
        """The fastest tenth of the path is faster, m/s; 0 without one."""
        path = gaussian_smooth(self.path[self.known], TURN_FRAMES)
        return float(np.percentile(np.linalg.norm(np.diff(path, axis=0), axis=-1), 90)) * FPS if len(path) > 1 else 0.0

    @cached_property
    def direction(self) -> np.ndarray:
        """Of the path (T,), corners rounded; where it stands it turns evenly from one direction to the next."""
        angles, moves = tangents(self.path)
        return rounded(angles) if moves.any() else angles + self.start_heading

    @cached_property
    def stands(self) -> tuple[bool, bool]:
        """Whether the path begins from a stand, and ends in one."""
        path = self.path[self.known]
        if len(path) < END_FRAMES:
            return False, False
        gone = [np.linalg.norm(end[-1] - end[0]) for end in (path[:END_FRAMES], path[-END_FRAMES:])]
        first, last = (bool(far * FPS < STANDS_MPS * (END_FRAMES - 1)) for far in gone)
        return first, last

    @cached_property
    def looks(self) -> np.ndarray:
        """Where a body that goes ahead faces on it (T,): it turns a little before its way does."""
        return looks_along(self.direction)

    @cached_property
    def turn_rate(self) -> float:
        """Mean of the path without sign, rad/s."""
        inside = self.direction[self.known]
        return float(np.abs(np.diff(inside)).mean()) * FPS if len(inside) > 1 else 0.0

    def facing(self, offset: np.ndarray | float = 0.0) -> np.ndarray:
        """Where the body faces (T,), continuous: as asked for, else ahead on the path, turned by ``offset``."""
        return turned_to(self.looks + offset, self.asked)
