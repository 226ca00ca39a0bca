# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion seen from the body: poses in heading axes, and how the pelvis goes and turns from frame to frame.

In this form clips are kept, compared and joined; where they lie in the world does not matter to it. The heading is that
of hips and shoulders without the swing of single steps.

Shapes: T frames, J = 22 joints, C = 4 contact joints. Metres, radians, 20 fps; Y up, +Z ahead, +X to the left.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from blender_addon.shared import features as feature_set
from blender_addon.shared import quat
from blender_addon.shared.series import gaussian_smooth
from blender_addon.shared.skeleton import SKELETON

HEADING_FRAMES = 5.0  # Gaussian width: keeps turns, loses the swing of hips and shoulders in steps
_LEFT = SKELETON.indices("left_hip", "left_shoulder")
_RIGHT = SKELETON.indices("right_hip", "right_shoulder")
_MIRROR = list(SKELETON.mirror)
_MIRRORED_CONTACTS = [2, 3, 0, 1]


@dataclass(frozen=True, eq=False)
class BodyMotion:
    """``pose`` (T, J, 3): joints over the pelvis's place on the ground, in heading axes; ``step`` (T, 2): how far the
    pelvis goes to the left and ahead until the next frame; ``turn`` (T,): by how much the heading turns until then;
    ``contacts`` (T, C) 0..1. The last frame goes on as the one before.
    """

    pose: np.ndarray
    step: np.ndarray
    turn: np.ndarray
    contacts: np.ndarray

    @classmethod
    def of(cls, joints: np.ndarray) -> Self:
        """The motion of world ``joints`` (T, J, 3), two frames or more."""
        facing = body_headings(joints)
        root = joints[:, 0] * np.array([1.0, 0.0, 1.0])
        pose = quat.rotate(quat.from_yaw(-facing)[:, None], joints - root[:, None])
        step = quat.rotate(quat.from_yaw(-facing[:-1]), np.diff(root, axis=0))[:, [0, 2]]
        held = [np.concatenate([v, v[-1:]]) for v in (step, np.diff(facing))]
        return cls(pose, held[0], held[1], np.asarray(feature_set.foot_contacts(joints)))

    @classmethod
    def chain(cls, parts: list[Self]) -> Self:
        """The motions one after another."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    @property
    def num_frames(self) -> int:
        return len(self.pose)

    def cut(self, start: int, end: int) -> Self:
        return replace(self, **{f.name: getattr(self, f.name)[start:end] for f in fields(self)})

    def mirrored(self) -> Self:
        """Left and right exchanged."""
        pose = self.pose[:, _MIRROR] * np.array([-1.0, 1.0, 1.0])
        return replace(
            self,
            pose=pose,
            step=self.step * np.array([-1.0, 1.0]),
            turn=-self.turn,
            contacts=self.contacts[:, _MIRRORED_CONTACTS],
        )

    def at_tempo(self, tempo: float, count: int, start: float = 0.0) -> Self:
        """``count`` frames of the motion played ``tempo`` times as fast, backward if it is negative, from its frame
        ``start``, a fraction, on: poses by cubics through the frames, the first and last one held beyond the ends.
        """
        last = self.num_frames - 1
        wanted = start + np.arange(count) * tempo
        times = np.clip(wanted, 0, last)
        first = np.minimum(times.astype(int), max(last - 1, 0))
        u = times - first
        around = np.clip(first[:, None] + np.arange(-1, 3), 0, last)
        weights = _cubic_weights(u)
        nearest = np.rint(times).astype(int)
        speeds = np.concatenate([self.step, self.turn[:, None]], 1)
        between = speeds[first] * (1 - u[:, None]) + speeds[np.minimum(first + 1, last)] * u[:, None]
        between[wanted != times] = 0.0  # what is held goes nowhere
        return replace(
            self,
            pose=np.einsum("tk,tkjc->tjc", weights, self.pose[around]),
            step=between[:, :2] * tempo,
            turn=between[:, 2] * tempo,
            contacts=self.contacts[nearest],
        )

    def headings(self) -> np.ndarray:
        """(T,), continuous, 0 at first."""
        return np.concatenate([[0.0], np.cumsum(self.turn[:-1])])

    def places(self, facing: np.ndarray) -> np.ndarray:
        """x and z (T, 2) of the pelvis when the body, with headings ``facing`` (T,), goes its steps from the origin."""
        sine, cosine = np.sin(facing[:-1]), np.cos(facing[:-1])
        left, ahead = self.step[:-1].T
        moved = np.stack([cosine * left + sine * ahead, cosine * ahead - sine * left], -1)
        return np.concatenate([np.zeros((1, 2)), np.cumsum(moved, 0)])

    def in_world(self, track: np.ndarray) -> np.ndarray:
        """World joints (T, J, 3) with the pelvis at x, z and the heading of ``track`` (T, 3)."""
        turned = quat.rotate(quat.from_yaw(track[:, 2])[:, None], self.pose)
        turned[..., 0] += track[:, None, 0]
        turned[..., 2] += track[:, None, 1]
        return turned


def body_headings(joints: np.ndarray) -> np.ndarray:
    """Where hips and shoulders of joints (T, J, 3) point, radians about +Y, continuous and smoothed: (T,). A body that
    lies on its side shows little of it and is led by the frames around.
    """
    across = (joints[:, _LEFT] - joints[:, _RIGHT]).sum(1)
    level = gaussian_smooth(np.asarray(across, np.float64)[:, [0, 2]], HEADING_FRAMES)
    return np.unwrap(np.arctan2(-level[:, 1], level[:, 0]))


def _cubic_weights(u: np.ndarray) -> np.ndarray:
    """(N, 4): of the frames before, at, after and two after each time that is ``u`` (N,) of the way between two
    (Catmull and Rom, 1974).
    """
    square, cube = u * u, u * u * u
    weights = [-u + 2 * square - cube, 2 - 5 * square + 3 * cube, u + 4 * square - 3 * cube, cube - square]
    return 0.5 * np.stack(weights, -1)
