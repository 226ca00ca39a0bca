# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet that stand do not move on this armature, whatever its proportions.

Where ankle and toe stand, the whole foot lies still; where the toe alone does, the foot turns about it; where the
ankle alone does, it stays. Between, the correction is led over smoothly. Hips that no control holds ride on the feet,
most on the straighter leg, whose bones a centimetre turns by many degrees; where they are held a foot stands where its
leg reaches it throughout. A leg that is too short lifts its heel while the toe stands, else the hips sink a little;
what is still out of reach is dragged. On a known floor feet stand at their height at rest, toes lie flat, and swinging
feet do not dip into it.

K scene frames. World points, scene units.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from ...shared import quat
from ...shared.limbs import LIMBS, Limb, bend, signed_angle
from ...shared.skeleton import CONTACT_JOINTS, SKELETON
from ...shared.space import model_to_blender
from ..bone_map.detect import BoneMap
from ..pose import alignment, scale
from ..pose.ground import ground_height
from ..rig import Rig
from .blending import envelope, fade, smooth, spread
from .contacts import Stand, places, runs
from .figure import Figure

ANKLE_SNAP, TOE_SNAP = 0.03, 0.04  # metres above or below their height at rest within which they stand on the floor
AGREE = 0.02  # metres within which controls of one stand ask for the same place
SWINGING = 0.1  # what a swinging leg says in the hips' way beside a standing one
BLEND, RIDE_BLEND, DROP_BLEND, TOE_BLEND, LIFT_BLEND = 0.3, 0.1, 0.15, 0.2, 0.1  # seconds
MAX_DROP = 0.08  # metres by which the hips sink at most
HEEL_LIFT = 0.03  # metres by which a leg may be too short before the hips sink although only its toe stands
PROJECTIONS = 30
RAISED = 0.9  # of the foot's length that a heel which lifts brings the hip nearer
STRAIGHT = 0.15  # sine of half the bend from which on a leg counts as no straighter
UP = np.array([0.0, 0.0, 1.0])

Wishes = dict[str, tuple[np.ndarray, np.ndarray]]
"""Joint -> the frames (K,) bool in which it is held by a control, and where (K, 3)."""


@dataclass(frozen=True, eq=False)
class Footing:
    """What feet stand on. ``stands`` (K, 4) bool, in the order of ``CONTACT_JOINTS``; ``floor``: its height in the
    world, None where it is not known; ``heights``: of the same joints above the floor when the armature stands at
    rest."""

    stands: np.ndarray
    floor: float | None
    heights: dict[str, float]


def rest_heights(rig: Rig, bone_map: BoneMap) -> dict[str, float]:
    """Height above the ground, scene units, of ankles and toes of the armature at rest."""
    figure, size = alignment.figure_rotation(rig, bone_map), scale.object_scale(rig)

    def height(point: object) -> float:
        return float(quat.rotate(figure, np.asarray(point, dtype=np.float64))[2]) * size

    feet = [rig.by_name[bone_map[joint]] for joint in CONTACT_JOINTS if joint in bone_map]
    lowest = min(height(end) for bone in feet for end in (bone.head, bone.tail))
    ground = ground_height(0.0, lowest, scale.leg_length(rig, bone_map) * size)
    found = {}
    for joint in CONTACT_JOINTS:
        if joint in bone_map:
            found[joint] = height(rig.by_name[bone_map[joint]].head) - ground
        else:
            found[joint] = height(rig.by_name[bone_map[joint.replace("foot", "ankle")]].tail) - ground
    return found


def plant(
    figure: Figure, footing: Footing, wishes: Wishes, hips_held: np.ndarray, fps: float
) -> Generator[None, None, None]:
    """Let the feet of ``figure`` stand, and hit what ``wishes`` ask of ankles and toes; a generator that hands the
    thread back.

    ``hips_held`` (K, 3) bool: the coordinates of the hips that are not to be changed.
    """
    legs = []
    for limb, side in zip((limb for limb in LIMBS if "hip" in limb.upper), ("left", "right"), strict=True):
        legs.append(_Leg(figure, footing, wishes, limb, side, fps))
        yield
    free = np.stack([1.0 - fade(held, _frames(BLEND, fps)) for held in hips_held.T], -1)
    # The body rides on the feet that carry it: legs keep their bend, which a centimetre changes by many degrees.
    costs = [leg.cost(figure) for leg in legs]
    pull = sum(cost @ leg.correction[..., None] for cost, leg in zip(costs, legs, strict=True))
    held = (1.0 - free)[:, :, None] * np.eye(3)
    ride = np.linalg.solve(free[:, :, None] * sum(costs) * free[:, None] + held, free[..., None] * pull)[..., 0]
    figure.shift(free * smooth(ride, _frames(RIDE_BLEND, fps)))
    yield
    needed = np.max([leg.too_short(figure) for leg in legs], axis=0)
    drop = envelope(np.minimum(needed, MAX_DROP * figure.metre), _frames(DROP_BLEND, fps))
    figure.shift(-(free[:, 2] * drop)[:, None] * UP)
    for leg in legs:
        yield
        leg.follow(figure)
        leg.step(figure)


def _frames(seconds: float, fps: float) -> int:
    return max(round(seconds * fps), 1)


class _Leg:
    """One leg: where its foot shall be, from where it is."""

    def __init__(self, figure: Figure, footing: Footing, wishes: Wishes, limb: Limb, side: str, fps: float) -> None:
        self.limb, self.toe, self.footing, self.fps = limb, f"{side}_foot", footing, fps
        self.metre = figure.metre
        ankle, toe = figure.at(limb.end).copy(), figure.at(self.toe).copy()
        lift = self._clearance(ankle, toe)[:, None] * UP
        ankle, toe = ankle + lift, toe + lift
        self.size = np.linalg.norm(toe - ankle, axis=-1, keepdims=True)
        self.ankle_on, ankle_place, ankle_stands = self._stand(limb.end, ankle, wishes)
        self.toe_on, toe_place, toe_stands = self._stand(self.toe, toe, wishes)
        self._agree(wishes, ankle, toe, (ankle_place, ankle_stands), (toe_place, toe_stands))

        self.toe_lies = np.zeros(len(toe), dtype=bool)
        for stand in toe_stands:
            self.toe_lies[stand.span] = True
        both = self.ankle_on & self.toe_on
        turn = quat.between(toe - ankle, np.where(both[:, None], toe_place - ankle_place, toe - ankle))
        self.turn = from_vector(spread(both, to_vector(turn), _frames(BLEND, fps)))
        self.direction = quat.rotate(self.turn, quat.normalize(toe - ankle))
        self.place = np.where(self.ankle_on[:, None], ankle_place, toe_place - self.size * self.direction)
        self.asked = sum(wishes[joint][0] for joint in (limb.end, self.toe) if joint in wishes) + np.zeros(len(toe))
        self._lead(ankle)
        self.correction = self.goal - figure.at(limb.end)
        stood = self.footing.stands[:, [CONTACT_JOINTS.index(limb.end), CONTACT_JOINTS.index(self.toe)]].any(1)
        self.carrying = SWINGING + fade(stood, _frames(TOE_BLEND, fps))

    def cost(self, figure: Figure) -> np.ndarray:
        """Matrix (K, 3, 3) of what it costs this leg, in squares of its bones' angles, that its ends are brought
        nearer or farther from each other: of a leg that is nearly straight most along itself."""
        hip, knee, ankle = (figure.at(joint) for joint in (self.limb.upper, self.limb.middle, self.limb.end))
        along = quat.normalize(ankle - hip)
        sine = np.maximum(np.sin(bend(knee - hip, ankle - knee) / 2), STRAIGHT)[:, None, None]
        return self.carrying[:, None, None] * (np.eye(3) + (1 / sine**2 - 1) * along[:, :, None] * along[:, None, :])

    def _lead(self, ankle: np.ndarray) -> None:
        """Aim at the places where the foot stands, and between on the way of ``ankle`` (K, 3) led over to them."""
        known = self.ankle_on | self.toe_on
        missing = np.where(known[:, None], self.place - ankle, 0.0)
        self.goal = ankle + spread(known, missing, _frames(BLEND, self.fps))

    def follow(self, figure: Figure) -> None:
        """Let the swinging foot go along with hips that were moved: so its leg keeps its direction."""
        self._come_nearer(figure)
        ankle = figure.at(self.limb.end)
        toe = ankle + self.size * self.direction
        self._lead(ankle + self._clearance(ankle, toe)[:, None] * UP)

    def _come_nearer(self, figure: Figure) -> None:
        """Where hips that are held leave a foot out of reach, let it stand where it reaches throughout: by projections
        onto the balls around the hip sockets of all its frames."""
        hip, ankle_only = figure.at(self.limb.upper), self.ankle_on[:, None]
        foot = np.where(ankle_only, 0.0, self.size * self.direction)  # a heel may be lifted, its toe is to be reached
        reach = figure.length(self.limb) + RAISED * np.where(self.ankle_on, 0.0, self.size[:, 0])
        for first, last in runs(self.ankle_on | self.toe_on):
            span = slice(first, last + 1)
            for _ in range(0 if self.asked[span].any() else PROJECTIONS):
                way = (self.place + foot - hip)[span]
                far = np.linalg.norm(way, axis=-1)
                worst = np.argmax(far - reach[span])
                missing = (far - reach[span])[worst]
                if missing <= 0:
                    break
                self.place[span] -= way[worst] / far[worst] * missing

    def _clearance(self, ankle: np.ndarray, toe: np.ndarray) -> np.ndarray:
        """By how much (K,) the foot is lifted so as not to dip into the floor."""
        if self.footing.floor is None:
            return np.zeros(len(ankle))
        lowest = [
            point[:, 2] - self.footing.floor - self.footing.heights[joint]
            for joint, point in ((self.limb.end, ankle), (self.toe, toe))
        ]
        return envelope(np.maximum(-np.min(lowest, axis=0), 0.0), _frames(LIFT_BLEND, self.fps))

    def _stand(self, joint: str, points: np.ndarray, wishes: Wishes) -> tuple[np.ndarray, np.ndarray, list[Stand]]:
        """Frames (K,) in which ``joint`` at ``points`` (K, 3) has a place of its own, these places (K, 3), and its
        stands."""
        stands = places(self.footing.stands[:, CONTACT_JOINTS.index(joint)], points, self.metre)
        stands = [self._on_floor(joint, stand) for stand in stands]
        on, place = np.zeros(len(points), dtype=bool), np.array(points)
        held, wanted = wishes.get(joint, (on.copy(), points))
        for number, stand in enumerate(stands):
            asked = held[stand.span]
            if asked.any():
                middle = wanted[stand.span][asked].mean(0)
                if np.linalg.norm(wanted[stand.span][asked] - middle, axis=-1).max() > AGREE * self.metre:
                    continue
                stands[number] = Stand(stand.first, stand.last, middle)
            on[stand.span], place[stand.span] = True, stands[number].place
        on |= held
        place[held] = wanted[held]
        return on, place, stands

    def _on_floor(self, joint: str, stand: Stand) -> Stand:
        if self.footing.floor is None:
            return stand
        height = self.footing.floor + self.footing.heights[joint]
        snap = TOE_SNAP if joint == self.toe else ANKLE_SNAP
        if abs(stand.place[2] - height) > snap * self.metre:
            return stand
        return Stand(stand.first, stand.last, np.array([*stand.place[:2], height]))

    def _agree(
        self,
        wishes: Wishes,
        ankle: np.ndarray,
        toe: np.ndarray,
        ankles: tuple[np.ndarray, list[Stand]],
        toes: tuple[np.ndarray, list[Stand]],
    ) -> None:
        """Where both stand, put them a foot's length apart: the ankle behind the toe, or, where a control holds it,
        the toe before the ankle. Stands that overlap are matched once."""
        (ankle_place, ankle_stands), (toe_place, toe_stands) = ankles, toes
        held = wishes.get(self.limb.end, (np.zeros(len(ankle), dtype=bool), ankle))[0]
        toe_held = wishes.get(self.toe, (np.zeros(len(ankle), dtype=bool), toe))[0]
        for stand in ankle_stands:
            shared = [other for other in toe_stands if other.first <= stand.last and stand.first <= other.last]
            for other in shared:
                first, last = max(stand.first, other.first), min(stand.last, other.last)
                span = slice(first, last + 1)
                if not (self.ankle_on[span].any() and self.toe_on[span].any()):
                    continue
                way = self._level((toe - ankle)[span].mean(0), ankle_place[first], toe_place[first])
                if held[stand.span].any() or other is not shared[0]:
                    moved = slice(other.first, other.last + 1)
                    free = ~toe_held[moved, None]
                    toe_place[moved] = np.where(free, ankle_place[first] + way, toe_place[moved])
                else:
                    ankle_place[stand.span] = toe_place[first] - way

    def _level(self, way: np.ndarray, ankle: np.ndarray, toe: np.ndarray) -> np.ndarray:
        """``way`` (3,) from ankle to toe at the foot's length, with the difference in height of where they stand."""
        size = float(self.size.mean())
        rise = float(np.clip(toe[2] - ankle[2], -0.98 * size, 0.98 * size))
        level = np.linalg.norm(way[:2])
        if level < 0.1 * size:
            return way * size / np.linalg.norm(way)
        return np.array([*(way[:2] / level * np.sqrt(size**2 - rise**2)), rise])

    def too_short(self, figure: Figure) -> np.ndarray:
        """By how much (K,) the hips would have to sink for the leg to reach a foot that stands."""
        way, length = self.goal - figure.at(self.limb.upper), figure.length(self.limb)
        height = np.sqrt(np.maximum(length**2 - way[:, 0] ** 2 - way[:, 1] ** 2, 0.0))
        missing = np.where(self.ankle_on | self.toe_on, np.maximum(-way[:, 2] - height, 0.0), 0.0)
        return np.where(self.ankle_on, missing, np.maximum(missing - HEEL_LIFT * self.metre, 0.0))

    def step(self, figure: Figure) -> None:
        """Put the foot there."""
        hip, length = figure.at(self.limb.upper), figure.length(self.limb)[:, None]
        on_toe = fade(self.toe_on, _frames(TOE_BLEND, self.fps))[:, None]
        toe, ankle = self.goal + self.size * self.direction, self.goal
        for _ in range(4):
            way = ankle - hip
            ankle = hip + way * np.minimum(1.0, length / np.linalg.norm(way, axis=-1, keepdims=True))
            ankle = toe + self.size * quat.normalize(ankle - toe)
        raised = from_vector(on_toe * to_vector(quat.between(self.direction, toe - ankle)))
        figure.reach(self.limb, self.goal + on_toe * (ankle - self.goal), keep_end=True)
        figure.turn(self.limb.end, quat.multiply(raised, self.turn))
        if self.footing.floor is not None:
            self._lay_toes(figure)

    def _lay_toes(self, figure: Figure) -> None:
        """Let the toes of a standing toe joint lie as they do at rest, pointing where the foot does."""
        index = SKELETON.index(self.toe)
        foot = figure.at(self.toe) - figure.at(self.limb.end)
        at_rest = model_to_blender(SKELETON.offsets[index].astype(np.float64))
        flat = quat.from_axis_angle(UP, signed_angle(UP, at_rest, foot))
        level = np.linalg.norm(foot[:, :2], axis=-1) > 0.2 * self.size[:, 0]  # a foot on its tip has no heading
        share = fade(self.toe_lies, _frames(TOE_BLEND, self.fps)) * level
        figure.turns[:, index] = quat.slerp(figure.turns[:, index], flat, share)


def to_vector(rotation: np.ndarray) -> np.ndarray:
    """Axis times angle (..., 3) of a rotation (..., 4), the shorter way round."""
    rotation = rotation * np.where(rotation[..., :1] < 0, -1.0, 1.0)
    sine = np.linalg.norm(rotation[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, rotation[..., :1])
    return rotation[..., 1:] * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 2.0)


def from_vector(vector: np.ndarray) -> np.ndarray:
    """Inverse of :func:`to_vector`."""
    angle = np.linalg.norm(vector, axis=-1)
    return quat.from_axis_angle(quat.normalize(vector), angle)
