# SPDX-License-Identifier: GPL-3.0-or-later
"""The control signal: which joint is to be where, in which frame; its checks, and the canonical frame it is moved into.

Shapes: T frames, J = 22 joints, K hints. Metres, seconds, Y up, 20 frames a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from . import quat
from .errors import BadControl
from .skeleton import FPS, SKELETON
from .wire import Array

MAX_DISTANCE = 1000.0  # metres from the origin; beyond it a unit was mistaken
MAX_SPEED = 30.0  # metres a second between two hints of one joint


@dataclass(frozen=True, eq=False)
class ControlSignal:
    """``hint`` (T, J, 3) float32 metres, 0 where unknown, and ``hint_mask`` (T, J) bool, True where the joint is asked
    for.

    With ``free_height`` the pelvis's hints are a path on the ground: their y is a guess that nobody insists on.
    """

    hint: Annotated[np.ndarray, Array("float32", "T", 22, 3)]
    hint_mask: Annotated[np.ndarray, Array("bool", "T", 22)]
    free_height: bool = False

    @property
    def coordinates(self) -> np.ndarray:
        """(T, J, 3) bool: the coordinates that are asked for."""
        asked = np.repeat(self.hint_mask[..., None], 3, -1)
        if self.free_height:
            asked[:, SKELETON.index("pelvis"), 1] = False
        return asked

    @property
    def num_frames(self) -> int:
        return self.hint.shape[0]

    @classmethod
    def empty(cls, num_frames: int) -> ControlSignal:
        """No hints: the text alone drives."""
        joints = SKELETON.num_joints
        return cls(np.zeros((num_frames, joints, 3), np.float32), np.zeros((num_frames, joints), bool))

    @classmethod
    def from_tracks(
        cls,
        tracks: Mapping[str, tuple[np.ndarray, np.ndarray]],
        num_frames: int,
        every_frame: bool = False,
        free_height: bool = False,
    ) -> ControlSignal:
        """Signal from joint -> (times (K,) seconds, points (K, 3) metres).

        Each point becomes the hint of the nearest frame; with ``every_frame`` the frames between the first and the last
        point are filled by straight lines between neighbours. Raises BadControl for anything that cannot be followed.
        """
        empty = cls.empty(num_frames)
        signal = cls(empty.hint, empty.hint_mask, free_height)
        for joint, (times, points) in tracks.items():
            index = SKELETON.index(joint)
            frames, points = _check_track(joint, np.asarray(times, float), np.asarray(points, float), num_frames)
            if every_frame and len(frames) > 1:
                inside = np.arange(int(np.ceil(frames[0] - 1e-6)), int(np.floor(frames[-1] + 1e-6)) + 1)
                points = np.stack([np.interp(inside, frames, points[:, axis]) for axis in range(3)], -1)
                frames = inside
            # Where several points fall into one frame the nearest in time stands: written last.
            nearest = np.rint(frames).astype(int)
            order = np.argsort(-np.abs(frames - nearest), kind="stable")
            signal.hint[nearest[order], index] = points[order]
            signal.hint_mask[nearest, index] = True
        return signal.validate()

    def validate(self) -> ControlSignal:
        """Self, with contiguous float32/bool arrays and zeros where nothing is asked. Raises BadControl with what is
        wrong and where.
        """
        hint, mask = np.asarray(self.hint), np.asarray(self.hint_mask)
        expected = (SKELETON.num_joints, 3)
        if hint.ndim != 3 or hint.shape[1:] != expected or mask.shape != hint.shape[:2]:
            raise BadControl(
                f"The control has shape {hint.shape} with a mask of {mask.shape}.",
                f"It must be (frames, {expected[0]}, 3) with a mask (frames, {expected[0]}).",
            )
        mask = mask.astype(bool)
        hint = np.where(mask[..., None], hint, 0).astype(np.float32)
        bad = ~np.isfinite(hint).all(-1)
        if bad.any():
            frame, joint = np.argwhere(bad)[0]
            raise BadControl(
                f"The target of {SKELETON.names[joint]} in frame {frame} is not a finite number.",
                "Check the keyframes, drivers or file that this control comes from.",
            )
        far = np.abs(hint).max(-1) > MAX_DISTANCE
        if far.any():
            frame, joint = np.argwhere(far)[0]
            raise BadControl(
                f"The target of {SKELETON.names[joint]} in frame {frame} is more than {MAX_DISTANCE:.0f} m from the "
                "origin.",
                "Positions are in metres: check the units or the scale of the scene.",
            )
        _check_speed(hint, mask)
        return ControlSignal(np.ascontiguousarray(hint), np.ascontiguousarray(mask), self.free_height)


def _check_track(joint: str, times: np.ndarray, points: np.ndarray, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Fractional frames (K,), ascending, and their points (K, 3)."""
    if times.ndim != 1 or points.shape != (len(times), 3) or len(times) == 0:
        raise BadControl(
            f"The control of {joint} has {times.shape} times and {points.shape} points.",
            "Give at least one point, and one time in seconds with x, y and z in metres for each.",
        )
    if not np.isfinite(times).all() or not np.isfinite(points).all():
        raise BadControl(
            f"The control of {joint} contains a value that is not a finite number.", "Remove it or correct it."
        )
    order = np.argsort(times, kind="stable")
    frames = times[order] * FPS
    end = num_frames - 1
    if frames[0] < -0.5 or frames[-1] > end + 0.5:
        outside = times[order][0] if frames[0] < -0.5 else times[order][-1]
        raise BadControl(
            f"The control of {joint} has a point at {outside:.2f} s, but the motion lasts from 0 to {end / FPS:.2f} s.",
            "Move the point or make the motion longer.",
        )
    return np.clip(frames, 0, end), points[order]


def _check_speed(hint: np.ndarray, mask: np.ndarray) -> None:
    for joint in np.flatnonzero(mask.any(0)):
        frames = np.flatnonzero(mask[:, joint])
        if len(frames) < 2:
            continue
        steps = np.linalg.norm(np.diff(hint[frames, joint], axis=0), axis=-1) / np.diff(frames) * FPS
        worst = int(steps.argmax())
        if steps[worst] > MAX_SPEED:
            raise BadControl(
                f"{SKELETON.names[joint]} would have to move at {steps[worst]:.0f} m/s between frames "
                f"{frames[worst]} and {frames[worst + 1]}.",
                f"People do not move faster than {MAX_SPEED:.0f} m/s: leave more time between the two positions or "
                "move them closer together.",
            )


@dataclass(frozen=True, eq=False)
class CanonicalFrame:
    """Where the model's origin stands in the world: ``origin`` (3,) metres on the ground (y = 0) and ``heading``
    radians about +Y.
    """

    origin: np.ndarray
    heading: float

    def to_model(self, points: np.ndarray) -> np.ndarray:
        turn = quat.from_yaw(np.asarray(-self.heading))
        return quat.rotate(turn, np.asarray(points, np.float64) - self.origin)

    def to_world(self, points: np.ndarray) -> np.ndarray:
        turn = quat.from_yaw(np.asarray(self.heading))
        return quat.rotate(turn, np.asarray(points, np.float64)) + self.origin


def canonical_frame(signal: ControlSignal, heading: float | None = None) -> CanonicalFrame:
    """The frame in which the character starts over the origin facing +Z.

    The start is the pelvis's first hint (the first hint of another joint when the pelvis is free), carried back along
    the path when that hint comes later than frame 0. The heading is ``heading`` when given, else the path's first
    direction, else +Z. A path is never bent to fit the model: this is a move and a turn about the vertical, nothing
    more.
    """
    track = _leading_track(signal)
    if track is None:
        return CanonicalFrame(np.zeros(3), float(heading or 0.0))
    frames, points = track
    ground = points * np.array([1.0, 0.0, 1.0])
    direction = _first_direction(ground)
    origin = ground[0]
    if frames[0] > 0 and direction is not None:
        seconds = (frames[-1] - frames[0]) / FPS
        speed = np.linalg.norm(np.diff(ground, axis=0), axis=-1).sum() / seconds
        origin = origin - direction * speed * frames[0] / FPS
    if heading is None:
        heading = 0.0 if direction is None else float(quat.yaw(direction))
    return CanonicalFrame(origin, float(heading))


def _leading_track(signal: ControlSignal) -> tuple[np.ndarray, np.ndarray] | None:
    pelvis = SKELETON.index("pelvis")
    joints = np.flatnonzero(signal.hint_mask.any(0))
    if len(joints) == 0:
        return None
    joint = pelvis if pelvis in joints else joints[signal.hint_mask[:, joints].argmax(0).argmin()]
    frames = np.flatnonzero(signal.hint_mask[:, joint])
    return frames, signal.hint[frames, joint].astype(np.float64)


def _first_direction(ground: np.ndarray, travel: float = 0.3) -> np.ndarray | None:
    """Unit direction from the first point to where the track has first moved ``travel`` metres; None when it never
    does.
    """
    away = ground - ground[0]
    distance = np.linalg.norm(away, axis=-1)
    moved = np.flatnonzero(distance >= travel)
    if len(moved) == 0:
        return None
    return away[moved[0]] / distance[moved[0]]


def control_errors(joints: np.ndarray, signal: ControlSignal) -> np.ndarray:
    """Distance in metres (K,) between each hint and the joint of ``joints`` (T, J, 3) that it speaks of, in frame
    order.

    Coordinates that are not asked for (the height of a path on the ground) do not count.
    """
    miss = (np.asarray(joints) - signal.hint) * signal.coordinates
    return np.linalg.norm(miss[signal.hint_mask], axis=-1)
