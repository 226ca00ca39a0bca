# SPDX-License-Identifier: GPL-3.0-or-later
"""What a foot stands on: its sole and where its toes bend, from the skin, the joints and the other foot.

Tails of bones count only where they are plausible beside these: importers invent them, metres long, upright or below
the floor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...shared import quat
from ..bone_map.mapping import BoneMap
from ..rig import Rig
from .ground import FLOOR_TOLERANCE

SIDES = ("left", "right")
FRONT = np.array([0.0, -1.0, 0.0])
# Shares of the leg's length.
USUAL_HEIGHT, USUAL_HEEL, USUAL_TIP, USUAL_TOES = 0.11, 0.06, 0.24, 0.09
MAX_TAIL_DEPTH, MAX_TAIL_RISE, MAX_TAIL_LENGTH = 0.22, 0.05, 0.5
MIN_HEADING = 0.04
MAX_DEPTH, MAX_EXTENT = 0.7, 1.2  # of skin that is a foot's
MIN_POINTS = 4
MAX_TURNED_COS = 0.26  # of a tail's angle to the front
MIN_TILT_RAD, MAX_TILT_RAD = np.radians(6.0), np.radians(70.0)  # of a sole that does not rest level
PITCHES, ROLLS = np.radians((-65, -35, -12, 0, 12, 35, 65)), np.radians((-25, -8, 0, 8, 25))


@dataclass(frozen=True, eq=False)
class FootShape:
    """One foot of a figure that stands, seen from the head of its ankle bone; canonical axes: left +X, front -Y, up +Z.

    ``ball`` (3,): where it rolls over its toes: the head of the toe bone, and without one the front end of the sole.
    ``sole`` (N, 3): the points of the foot bone that may touch the ground; ``toes`` (M, 3): those of the toe bone, from
    the ball, none without one. ``is_skin``: whether they are the mesh's; else they are estimated.
    """

    ball: np.ndarray
    sole: np.ndarray
    toes: np.ndarray
    is_skin: bool

    @property
    def points(self) -> np.ndarray:
        """All points (N + M, 3) from the ankle."""
        return np.concatenate([self.sole, self.ball + self.toes])

    @property
    def height(self) -> float:
        """Height of the ankle above the sole."""
        return -float(self.points[:, 2].min())

    @property
    def ball_height(self) -> float:
        """Height of the ball above the sole."""
        return float(self.ball[2]) + self.height

    @property
    def heading(self) -> np.ndarray | None:
        """Horizontal direction (3,) in which it points; None where that cannot be told."""
        level = self.ball * (1, 1, 0)
        size = float(np.linalg.norm(level))
        return level / size if size > 0.2 * np.linalg.norm(self.ball) else None

    def rotated(self, rotation: np.ndarray) -> FootShape:
        """The same, rotated by ``rotation`` (4,) about the ankle."""
        ball, sole, toes = (quat.rotate(rotation, points) for points in (self.ball, self.sole, self.toes))
        return replace(self, ball=ball, sole=sole, toes=toes)

    def scaled(self, factor: float) -> FootShape:
        return replace(self, ball=self.ball * factor, sole=self.sole * factor, toes=self.toes * factor)

    def mirrored(self) -> FootShape:
        """The same foot of the other side."""
        flip = np.array([-1.0, 1.0, 1.0])
        return replace(self, ball=self.ball * flip, sole=self.sole * flip, toes=self.toes * flip)

    def levelling(self) -> np.ndarray:
        """Rotation (4,) that lays a sole level which rests on its tip, its heel or an edge; only skin tells."""
        turn = quat.identity()
        if not self.is_skin:
            return turn
        for along, across in ((1, 0), (0, 1)):
            points = quat.rotate(turn, self.points)
            tilt = _tilt(points, along)
            if MIN_TILT_RAD < abs(tilt) < MAX_TILT_RAD:
                axis = np.zeros(3)
                axis[across] = -1.0 if along == 1 else 1.0
                turn = quat.multiply(quat.from_axis_angle(axis, tilt), turn)
        return turn


def foot_shapes(rig: Rig, bone_map: BoneMap, figure: np.ndarray, leg: float) -> dict[str, FootShape]:
    """Side -> foot of ``rig`` as it stands in its rest pose, armature units. ``figure`` (4,): rotation from armature
    space to canonical axes; ``leg``: length of the leg."""
    found = {side: _from_skin(rig, bone_map, figure, leg, side) for side in SIDES}
    left, right = (found[side] for side in SIDES)
    if left is None and right is not None and _same_bones(bone_map):
        found["left"] = right.mirrored()
    if right is None and left is not None and _same_bones(bone_map):
        found["right"] = left.mirrored()
    return {side: shape or _estimated(rig, bone_map, figure, leg, side) for side, shape in found.items()}


def _same_bones(bone_map: BoneMap) -> bool:
    return ("left_foot" in bone_map) == ("right_foot" in bone_map)


def _point(rig: Rig, figure: np.ndarray, point: object, ankle: np.ndarray) -> np.ndarray:
    return quat.rotate(figure, np.asarray(point, dtype=np.float64) - ankle)


def _from_skin(rig: Rig, bone_map: BoneMap, figure: np.ndarray, leg: float, side: str) -> FootShape | None:
    """The foot that the mesh shows; None where none is bound to it, or what is bound is no foot."""
    bone = rig.by_name[bone_map[f"{side}_ankle"]]
    ankle = np.asarray(bone.head, dtype=np.float64)

    def points_of(name: str) -> np.ndarray:
        matrix = np.asarray(rig.by_name[name].matrix, dtype=np.float64)
        points = rig.skin.get(name, np.zeros((0, 3))) @ matrix[:3, :3].T + matrix[:3, 3]
        return quat.rotate(figure, points - ankle)

    sole, toes, ball = points_of(bone.name), np.zeros((0, 3)), None
    if f"{side}_foot" in bone_map:
        toe = bone_map[f"{side}_foot"]
        ball, toes = _point(rig, figure, rig.by_name[toe].head, ankle), points_of(toe)
    every = np.concatenate([sole, toes])
    if len(every) < MIN_POINTS:
        return None
    lowest = float(every[:, 2].min())
    if not -MAX_DEPTH * leg < lowest < 0.1 * leg or np.ptp(every, axis=0).max() > MAX_EXTENT * leg:
        return None
    if ball is None:
        ball = _front_end(every)
    return FootShape(ball, _touching(sole), _touching(toes - ball), True)


def _front_end(points: np.ndarray) -> np.ndarray:
    """The middle (3,) of the front edge of a sole, of its ``points`` (N, 3)."""
    forward = points @ np.array([0.0, -1.0, -1.0])
    edge = points[forward > forward.max() - 0.05 * np.ptp(points[:, 1])]
    return np.array([(edge[:, 0].min() + edge[:, 0].max()) / 2, edge[:, 1].mean(), points[:, 2].min()])


def _touching(points: np.ndarray) -> np.ndarray:
    """Those of ``points`` (N, 3) that come lowest when the foot is pitched and rolled."""
    if len(points) == 0:
        return points
    pitch, roll = (angle.ravel() for angle in np.meshgrid(PITCHES, ROLLS))
    down = np.stack([np.sin(roll), np.cos(roll) * np.sin(pitch), -np.cos(roll) * np.cos(pitch)], -1)
    return points[np.unique((points @ down.T).argmax(0))]


def _tilt(points: np.ndarray, along: int) -> float:
    """Angle by which the underside of ``points`` (N, 3) rises along an axis, 0 or 1."""
    low, high = points[:, along].min(), points[:, along].max()
    third = (high - low) / 3
    ends = [points[side] for side in (points[:, along] <= low + third, points[:, along] >= high - third)]
    first, last = (end[end[:, 2].argmin()] for end in ends)
    return float(np.arctan2(last[2] - first[2], max(last[along] - first[along], 1e-9)))


def _estimated(rig: Rig, bone_map: BoneMap, figure: np.ndarray, leg: float, side: str) -> FootShape:
    """A foot of usual shape on the joints and plausible tails."""
    bone = rig.by_name[bone_map[f"{side}_ankle"]]
    ankle = np.asarray(bone.head, dtype=np.float64)
    ends: list[np.ndarray] = []
    ball: np.ndarray | None = None
    if f"{side}_foot" in bone_map:
        toe = rig.by_name[bone_map[f"{side}_foot"]]
        ball = _point(rig, figure, toe.head, ankle)
        tip = _point(rig, figure, toe.tail, ankle)
        ends = [ball, tip] if abs(tip[2] - ball[2]) < FLOOR_TOLERANCE * leg and _is_tail(tip, leg) else [ball]
    else:
        tail = _point(rig, figure, bone.tail, ankle)
        ends = [tail] if _is_tail(tail, leg) else []
        level = tail * (1, 1, 0)
        size = float(np.linalg.norm(level))
        ahead = size > MIN_HEADING * leg and level @ FRONT > MAX_TURNED_COS * size
        ball = tail if ends and ahead else None
    lowest = min((float(end[2]) for end in ends), default=-USUAL_HEIGHT * leg)
    origin = -float(quat.rotate(figure, ankle)[2])  # where the object's own origin is, by custom its ground
    if origin < 0 and abs(origin - lowest) <= FLOOR_TOLERANCE * leg:
        lowest = origin
    lowest = min(lowest, 0.0)
    if ball is None:
        ball = np.array([0.0, -USUAL_TIP * leg, lowest])
    ahead_of: np.ndarray = ball * np.array([1.0, 1.0, 0.0])
    size = float(np.linalg.norm(ahead_of))
    ahead_of = ahead_of / size if size > MIN_HEADING * leg else FRONT
    under = np.array([0.0, 0.0, lowest])
    sole = np.array([under - USUAL_HEEL * leg * ahead_of, under])
    if f"{side}_foot" not in bone_map:
        return FootShape(ball, np.array([*sole, [*ball[:2], lowest]]), np.zeros((0, 3)), False)
    below = under - [0.0, 0.0, ball[2]]
    return FootShape(ball, sole, np.array([below, below + USUAL_TOES * leg * ahead_of]), False)


def _is_tail(tail: np.ndarray, leg: float) -> bool:
    """Whether a foot may end at ``tail`` (3,), seen from its ankle."""
    depth, level = -tail[2] / leg, np.linalg.norm(tail[:2]) / leg
    return bool(-MAX_TAIL_RISE < depth < MAX_TAIL_DEPTH and level < MAX_TAIL_LENGTH)
