# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion in the making: what is known of it, and how a new stretch is joined to that.

A stretch is joined in features, not in the world: the pose in heading axes, the pelvis's height, its place and heading.
Known frames never change. What the new stretch is off by at a border, in value and in velocity, is taken back within it
by a cubic that dies away (inertialization), so that place and velocity go on without a step.

Shapes: T frames, J = 22 joints, F = 263 features, n frames of a window. Metres, radians; Y up, world axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from blender_addon.shared import features as feature_set
from blender_addon.shared import quat
from blender_addon.shared.control import CanonicalFrame, ControlSignal
from blender_addon.shared.skeleton import SKELETON

from ..motion_order import MotionOrder
from .windows import Window

MIN_SHOULDER_WIDTH_M = 0.1  # below which a frame does not hold a body
PIECE_FRAMES, AROUND_FRAMES = 1000, 100  # taken at once, and those on either side that their heading depends on
EASE_FRAMES = 16  # within which a pose that is off at a border comes right
POSITION_M_PER_FRAME, YAW_RAD_PER_FRAME = 0.01, 0.03  # a position or heading that is far off takes longer

HELD_JOINTS = SKELETON.indices("pelvis", "left_hip", "right_hip")
"""Joints whose positions tell those of the body and its heading."""

_POSE = np.r_[
    feature_set.ROOT_HEIGHT.start : feature_set.JOINT_POSITIONS.stop,
    feature_set.FOOT_CONTACTS.start : feature_set.FOOT_CONTACTS.stop,
]


@dataclass(frozen=True, eq=False)
class Context:
    """What a window sees of its surroundings: ``features`` (n, F) and world ``joints`` (n, J, 3) in the frames that are
    ``known`` (n,). ``placed`` (n,): those whose place in the world is known as well.
    """

    features: np.ndarray
    joints: np.ndarray
    known: np.ndarray
    placed: np.ndarray

    @property
    def arrives(self) -> bool:
        """Whether the motion leads on to frames whose place is known."""
        return bool((~self.known[:-1] & self.placed[1:]).any())

    def add_hints(self, signal: ControlSignal, joints: Sequence[int]) -> ControlSignal:
        """The signal, and where these ``joints`` are in the frames that are placed."""
        if not self.placed.any():
            return signal
        chosen = np.ix_(np.flatnonzero(self.placed), np.asarray(joints))
        hint, mask = signal.hint.copy(), signal.hint_mask.copy()
        hint[chosen], mask[chosen] = self.joints[chosen], True
        return replace(signal, hint=hint, hint_mask=mask)

    def hold(self, order: MotionOrder) -> MotionOrder:
        """The order with hints, without tolerance, that keep the body where it is in the placed frames."""
        tolerance = np.where(self.placed[:, None], np.float32(0), order.tolerance)
        return replace(order, signal=self.add_hints(order.signal, HELD_JOINTS), tolerance=tolerance)


class Timeline:
    """Features (T, F), and beside them the pelvis's ``root`` (T, 3): x, z and heading in the world."""

    def __init__(self, num_frames: int) -> None:
        self.features = np.zeros((num_frames, feature_set.NUM_FEATURES))
        self.root = np.zeros((num_frames, 3))
        self.known = np.zeros(num_frames, bool)
        self.placed = np.zeros(num_frames, bool)

    def keep(self, joints: np.ndarray, mask: np.ndarray) -> None:
        """The frames in ``mask`` (n,) are known to be those of ``joints`` (n, J, 3), in the world; n <= T.

        The others are looked at as well, where they hold a body, since the heading is smoothed over time.
        """
        frames, kept = np.arange(len(joints)), np.flatnonzero(mask)
        joints = np.where(np.isfinite(joints), joints, 0.0).astype(np.float64)
        left, right = SKELETON.indices("left_shoulder", "right_shoulder")
        sound = (np.linalg.norm(joints[:, left] - joints[:, right], axis=-1) > MIN_SHOULDER_WIDTH_M) | mask
        following = kept[np.searchsorted(kept, frames).clip(0, len(kept) - 1)]
        joints = joints[np.where(sound, frames, following)]
        # Features speak of the step to the next frame: behind the last one the motion stands.
        joints = np.concatenate([joints, joints[-1:]])
        for start in range(0, len(mask), PIECE_FRAMES):
            begin, end = max(start - AROUND_FRAMES, 0), start + PIECE_FRAMES + AROUND_FRAMES
            here = kept[(kept >= start) & (kept < start + PIECE_FRAMES)]
            if len(here):
                self._keep_piece(joints[begin : end + 1], here, begin)

    def _keep_piece(self, joints: np.ndarray, here: np.ndarray, begin: int) -> None:
        """Take the frames ``here`` from ``joints`` (n, J, 3), the first of which is frame ``begin``."""
        inside = here - begin
        root = np.stack([joints[:, 0, 0], joints[:, 0, 2], feature_set.yaw_of(joints)], -1)
        self.features[here] = feature_set.joints_to_features(feature_set.canonicalize(joints))[inside]
        self.root[here] = root[inside]
        self.known[here] = self.placed[here] = True

    def repeat(self, source: int, count: int, target: int, placed: bool) -> None:
        """Frames from ``target`` on are known to be as ``count`` frames from ``source`` on; ``placed``: in the same
        place too.
        """
        here, there = slice(source, source + count), slice(target, target + count)
        self.features[there], self.root[there] = self.features[here], self.root[here]
        self.known[there], self.placed[there] = True, placed

    def frame_at(self, frame: int) -> CanonicalFrame:
        """The canonical frame of a motion that starts at a known frame."""
        x, z, yaw = self.root[frame]
        return CanonicalFrame(np.array([x, 0.0, z]), float(yaw))

    def context(self, window: Window) -> Context:
        """What the window sees. Root velocities follow the joined path; other features are as they were made."""
        span = slice(window.start, window.end)
        features, root = self.features[span].copy(), self.root[span]
        moved = np.diff(root, axis=0)
        level = np.stack([moved[:, 0], 0 * moved[:, 0], moved[:, 1]], -1)
        both = self.known[span][1:] & self.known[span][:-1]
        ahead = quat.rotate(quat.from_yaw(-root[1:, 2]), level)[:, [0, 2]]
        features[:-1][both, feature_set.GROUND_VELOCITY] = ahead[both]
        features[:-1][both, feature_set.YAW_VELOCITY] = -0.5 * _wrapped(moved[both, 2:])
        return Context(
            features, self.joints(window.start, window.end), self.known[span].copy(), self.placed[span].copy()
        )

    def joints(self, start: int, end: int) -> np.ndarray:
        """World joints (n, J, 3)."""
        features, root = self.features[start:end], self.root[start:end]
        local = features[:, feature_set.JOINT_POSITIONS].reshape(len(features), -1, 3)
        ground = np.stack([root[:, 0], 0 * root[:, 0], root[:, 1]], -1)
        turned = quat.rotate(quat.from_yaw(root[:, None, 2]), local) + ground[:, None]
        pelvis = ground + features[:, feature_set.ROOT_HEIGHT] * np.array([0.0, 1.0, 0.0])
        return np.concatenate([pelvis[:, None], turned], 1)

    def contacts(self, start: int, end: int) -> np.ndarray:
        """The belief 0..1 in foot contacts (n, 4)."""
        return np.clip(self.features[start:end, feature_set.FOOT_CONTACTS], 0.0, 1.0)

    def write(self, window: Window, features: np.ndarray, frame: CanonicalFrame, close_heading: bool = False) -> None:
        """Take the window's new frames from its features ``features`` (n, F), which start in the canonical ``frame``,
        and join them to what is known on either side.

        Known frames behind them that have no place yet get theirs, with ``close_heading`` in the heading they have.
        """
        first, last = window.first, window.last
        root = _root_in_world(features, frame)
        made = slice(first - window.start, last - window.start)
        pose, new_root = features[made][:, _POSE].copy(), root[made].copy()
        before = first > window.start and self.known[first - 1]
        after = last < window.end and self.known[last]
        if after and not self.placed[last]:
            self._place(last, root[last - window.start], close_heading)
        # Between frames that are known it must come right in time; else it goes on into the next window.
        room = len(pose) if after else None
        if before:
            step = min(2, first - window.start)
            have = slice(first - step, first)
            seen = slice(have.start - window.start, have.stop - window.start)
            pose += ease(self.features[have][:, _POSE] - features[seen][:, _POSE], len(pose), EASE_FRAMES, room)
            new_root += _ease_root(self.root[have] - root[seen], len(pose), room)
        if after:
            step = min(2, window.end - last, int(self.known[last : last + 2].sum()))
            have = slice(last, last + step)
            seen = slice(have.start - window.start, have.stop - window.start)
            off = (self.features[have][:, _POSE] - features[seen][:, _POSE])[::-1]
            room = len(pose) if before else None
            pose += ease(off, len(pose), EASE_FRAMES, room)[::-1]
            new_root += _ease_root((self.root[have] - root[seen])[::-1], len(pose), room)[::-1]
        self.features[first:last] = features[made]
        self.features[first:last, _POSE] = pose
        self.root[first:last] = new_root
        self.known[first:last] = self.placed[first:last] = True

    def _place(self, first: int, root: np.ndarray, keep_heading: bool) -> None:
        """Move the unplaced known frames from ``first`` on so that they begin at ``root`` (3,)."""
        loose = slice(first, first + int(np.cumprod(self.known[first:] & ~self.placed[first:]).sum()))
        start = self.root[first].copy()
        turn = 0.0 if keep_heading else float(root[2] - start[2])
        level = self.root[loose, :2] - start[:2]
        sine, cosine = np.sin(turn), np.cos(turn)
        self.root[loose, 0] = root[0] + cosine * level[:, 0] + sine * level[:, 1]
        self.root[loose, 1] = root[1] - sine * level[:, 0] + cosine * level[:, 1]
        self.root[loose, 2] += turn
        self.placed[loose] = True


def _root_in_world(features: np.ndarray, frame: CanonicalFrame) -> np.ndarray:
    """x, z and heading (n, 3) of the pelvis of features (n, F) that start in the canonical ``frame``."""
    _, pelvis = feature_set.root_trajectory(features)
    world = frame.to_world(pelvis)
    turned = np.concatenate([[0.0], np.cumsum(features[:-1, 0])])  # half angles, of the turn that undoes the heading
    return np.stack([world[:, 0], world[:, 2], frame.heading - 2.0 * turned], -1)


def _ease_root(off: np.ndarray, count: int, room: int | None) -> np.ndarray:
    """As :func:`ease` for x, z and heading (steps, 3); what is far off takes its time."""
    off = np.concatenate([off[:, :2], _wrapped(off[:, 2:])], 1)
    frames = max(
        EASE_FRAMES, np.linalg.norm(off[-1, :2]) / POSITION_M_PER_FRAME, abs(off[-1, 2]) / YAW_RAD_PER_FRAME
    )  # the last entry is the border
    return ease(off, count, int(frames), room)


def ease(off: np.ndarray, count: int, frames: int, room: int | None = None) -> np.ndarray:
    """What to add to the ``count`` frames behind a border, (count, C), when the known frames up to the border are
    ``off`` (1 or 2, C) from those that the stretch saw there: it begins with the value and velocity of ``off`` and is
    nothing after ``frames``, or after ``room`` if that is less.
    """
    frames = max(frames if room is None else min(frames, room), 1)
    value = off[-1]
    velocity = off[-1] - off[0]
    u = np.minimum(np.arange(1, count + 1) / frames, 1.0)[:, None]
    return value * (1 - 3 * u**2 + 2 * u**3) + velocity * frames * (u - 2 * u**2 + u**3)


def _wrapped(angle: np.ndarray) -> np.ndarray:
    """Into -pi .. pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi
