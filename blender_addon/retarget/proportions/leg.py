# SPDX-License-Identifier: GPL-3.0-or-later
"""One leg of the armature whose foot is locked: where ankle and toe are in contact, where the foot goes between, and
how leg, foot and toes get there. :mod:`.foot_lock` moves the hips over both legs.

K scene frames. World points, scene units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...shared import quat
from ...shared.limbs import Limb, bend_angle, signed_angle
from ...shared.series import envelope, runs
from ...shared.skeleton import CONTACT_JOINTS, SKELETON
from ...shared.space import model_to_blender
from ..pose.feet import FootShape
from .blending import fade, from_rotation_vector, num_frames, spread, to_rotation_vector
from .contacts import Stance, stances
from .figure import UP, Figure, JointTargets
from .floor import Floor


@dataclass(frozen=True)
class FootLockParams:
    """Metres are those of the model's body."""

    ankle_snap_m: float = 0.03  # above or below its height at rest within which an ankle in contact is on the floor
    toe_snap_m: float = 0.04
    max_sink_m: float = 0.01  # of a heel or a tip: to lift it, a leg that is nearly straight bends by many degrees
    flat_m: float = 0.003  # the same, for a whole sole that is on the floor
    agree_m: float = 0.02  # within which controls of one stance ask for the same position
    swing_weight: float = 0.1  # of a swinging leg in the hips' offset, beside one in contact
    blend_s: float = 0.3
    ride_blend_s: float = 0.1
    drop_blend_s: float = 0.15
    toe_blend_s: float = 0.2
    lift_blend_s: float = 0.1
    max_drop_m: float = 0.08  # by which the hips sink at most
    heel_lift_m: float = (
        0.03  # by which a leg may be too short before the hips sink although only its toe is in contact
    )
    max_projections: int = 30
    raised_heel_ratio: float = 0.9  # of the foot's length that a lifted heel brings the hip nearer
    min_half_bend_sine: float = 0.15  # a leg that is bent less counts as bent so much
    max_rise_ratio: float = 0.98  # of the foot's length by which its ends may differ in height
    min_level_ratio: float = 0.1  # of the foot's length: a foot that is steeper has no direction on the ground
    min_heading_ratio: float = 0.2  # the same, for its toes to be laid flat
    toe_rounds: int = 4
    max_slope: float = 0.7  # along a foot; what is steeper is an edge


LEG_PARAMS = FootLockParams()


@dataclass(frozen=True, eq=False)
class FootContact:
    """Where feet are in contact. ``in_contact`` (K, 4) bool, in the order of ``CONTACT_JOINTS``; ``floor``: what they
    stand on, None where it is not known; ``feet``: side -> their shape, scene units. ``model_points`` (K, 4, 3): where
    the same joints are in the model's motion, metres."""

    in_contact: np.ndarray
    model_points: np.ndarray
    model_heights: np.ndarray
    floor: Floor | None
    feet: dict[str, FootShape]


@dataclass(frozen=True, eq=False)
class _Pins:
    """Frames (K,) ``mask`` in which a joint has a position of its own, these ``positions`` (K, 3), elsewhere its
    present ones; its ``stances``, and the frames (K,) in which a control holds it."""

    mask: np.ndarray
    positions: np.ndarray
    stances: list[Stance]
    controlled: np.ndarray


class Leg:
    """One leg: where its foot goes, from where it is."""

    def __init__(
        self, figure: Figure, contact: FootContact, targets: JointTargets, limb: Limb, side: str, fps: float
    ) -> None:
        self.limb, self.toe, self.contact, self.fps = limb, f"{side}_foot", contact, fps
        self.metre, self.shape = figure.metre, contact.feet[side]
        self.heights = {limb.end: self.shape.height, self.toe: self.shape.ball_height}
        ankle, toe = figure.joint(limb.end).copy(), figure.joint(self.toe).copy()
        self._find_floor(ankle, toe, contact.in_contact[:, CONTACT_JOINTS.index(self.toe)])
        lift = self._clearance(ankle, toe)[:, None] * UP
        ankle, toe = ankle + lift, toe + lift
        self.size = np.linalg.norm(toe - ankle, axis=-1, keepdims=True)
        ankle_pins, toe_pins = self._pins(limb.end, ankle, targets), self._pins(self.toe, toe, targets)
        self.ankle_pinned, self.toe_pinned = ankle_pins.mask, toe_pins.mask
        self._put_apart(toe - ankle, ankle_pins, toe_pins)

        self.toe_flat = np.zeros(len(toe), dtype=bool)
        for stance in toe_pins.stances:
            self.toe_flat[stance.span] = True
        both, between = self.ankle_pinned & self.toe_pinned, toe_pins.positions - ankle_pins.positions
        rotation = quat.between(toe - ankle, np.where(both[:, None], between, toe - ankle))
        flat, on_floor = self._flat(between), self._stands_on_floor(ankle_pins, toe_pins)
        flat = quat.multiply(flat, quat.conjugate(figure.rotations[:, SKELETON.index(limb.end)]))
        rotation = np.where(on_floor[:, None], flat, rotation)
        blend = num_frames(LEG_PARAMS.blend_s, fps)
        self.rotation = from_rotation_vector(spread(both, to_rotation_vector(rotation), blend))
        self.direction = quat.rotate(self.rotation, quat.normalize(toe - ankle))
        self.foot = quat.multiply(self.rotation, figure.rotations[:, SKELETON.index(limb.end)])
        under_toe = toe_pins.positions - self.size * self.direction
        self.position = np.where(self.ankle_pinned[:, None], ankle_pins.positions, under_toe)
        self.user_controlled = ankle_pins.controlled | toe_pins.controlled
        self._aim(ankle)
        self.correction = self.goal - figure.joint(limb.end)
        columns = [CONTACT_JOINTS.index(limb.end), CONTACT_JOINTS.index(self.toe)]
        weight = fade(contact.in_contact[:, columns].any(1), num_frames(LEG_PARAMS.toe_blend_s, fps))
        self.weight = LEG_PARAMS.swing_weight + weight

    def _find_floor(self, ankle: np.ndarray, toe: np.ndarray, stands: np.ndarray) -> None:
        """Set the ``floor`` (K, 2) under ``ankle`` and ``toe`` (K, 3), None where it is not known; and, where it is not
        level, the ``slope`` (K,) of the ground along a foot that ``stands`` (K,)."""
        self.floor: np.ndarray | None = None
        self.slope: np.ndarray | None = None
        if self.contact.floor is None:
            return
        self.floor = self.contact.floor.under(np.stack([ankle, toe], 1))
        if self.contact.floor.is_level:
            return
        long = np.linalg.norm((toe - ankle)[:, :2], axis=-1)
        slope = (self.floor[:, 1] - self.floor[:, 0]) / np.maximum(long, LEG_PARAMS.min_heading_ratio * self.metre / 5)
        for first, end in runs(stands):
            slope[first:end] = np.median(slope[first:end])
        steep = np.abs(slope) > LEG_PARAMS.max_slope  # an edge is under the foot
        known = stands & ~steep
        self.slope = spread(known, slope[:, None], num_frames(LEG_PARAMS.blend_s, self.fps))[:, 0]

    def _height(self, joint: str) -> np.ndarray | float:
        """How high ``joint`` is over the floor at rest: on a slope (K,) more, straight up."""
        height = self.heights[joint]
        return height if self.slope is None else height * np.sqrt(1.0 + self.slope**2)

    def _floor_under(self, joint: str) -> np.ndarray:
        """Heights (K,) of the floor under ``joint``."""
        if self.floor is None:
            raise ValueError("no floor is known")
        return self.floor[:, int(joint == self.toe)]

    def _stands_on_floor(self, ankles: _Pins, toes: _Pins) -> np.ndarray:
        """The frames (K,) bool in which the whole sole is on the floor."""
        pinned = ankles.mask & toes.mask
        if self.floor is None or self.shape.heading is None:
            return np.zeros_like(pinned)
        for joint, pins in ((self.limb.end, ankles), (self.toe, toes)):
            height = pins.positions[:, 2] - self._floor_under(joint) - self._height(joint)
            pinned = pinned & (np.abs(height) < LEG_PARAMS.flat_m * self.metre)
        return pinned

    def _flat(self, foot: np.ndarray) -> np.ndarray:
        """Rotation (K, 4) of a foot that lies flat and points along ``foot`` (K, 3)."""
        return self._tilted(quat.from_axis_angle(UP, signed_angle(UP, self.shape.ball, foot)), foot)

    def _tilted(self, rotation: np.ndarray, foot: np.ndarray) -> np.ndarray:
        """``rotation`` (K, 4) of what lies flat, as the ground slopes along ``foot`` (K, 3)."""
        if self.slope is None:
            return rotation
        left = np.stack([-foot[:, 1], foot[:, 0], 0 * foot[:, 0]], -1)
        left /= np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-9)
        return quat.multiply(quat.from_axis_angle(left, -np.arctan(self.slope)), rotation)

    def cost(self, figure: Figure) -> np.ndarray:
        """Matrix (K, 3, 3) of what it costs this leg, in squares of its bones' angles, to bring its ends nearer to or
        farther from each other: for a leg that is nearly straight most along itself."""
        hip, knee, ankle = (figure.joint(joint) for joint in (self.limb.upper, self.limb.middle, self.limb.end))
        along = quat.normalize(ankle - hip)
        sine = np.maximum(np.sin(bend_angle(knee - hip, ankle - knee) / 2), LEG_PARAMS.min_half_bend_sine)[
            :, None, None
        ]
        return self.weight[:, None, None] * (np.eye(3) + (1 / sine**2 - 1) * along[:, :, None] * along[:, None, :])

    def _aim(self, ankle: np.ndarray) -> None:
        """Set the goal: where the foot is pinned its position, and between the path of ``ankle`` (K, 3) blended into
        these."""
        known = self.ankle_pinned | self.toe_pinned
        missing = np.where(known[:, None], self.position - ankle, 0.0)
        self.goal = ankle + spread(known, missing, num_frames(LEG_PARAMS.blend_s, self.fps))
        if self.floor is not None:
            toe = self.goal + self.size * self.direction
            # Toes in contact will lie flat.
            self.goal = self.goal + self._rise((self.goal, self.foot), (toe, self._flat(self.direction)))

    def follow(self, figure: Figure) -> None:
        """Let the swinging foot go along with hips that were moved, so that its leg keeps its direction."""
        self._bring_into_reach(figure)
        ankle = figure.joint(self.limb.end)
        toe = ankle + self.size * self.direction
        self._aim(ankle + self._clearance(ankle, toe)[:, None] * UP)

    def _bring_into_reach(self, figure: Figure) -> None:
        """Where hips that are controlled leave a foot out of reach, put it where it is in reach throughout: by
        projections onto the balls around the hip sockets of all its frames."""
        hip, ankle_only = figure.joint(self.limb.upper), self.ankle_pinned[:, None]
        foot = np.where(ankle_only, 0.0, self.size * self.direction)  # a heel may be lifted, its toe is to be reached
        reach = figure.length(self.limb) + LEG_PARAMS.raised_heel_ratio * np.where(
            self.ankle_pinned, 0.0, self.size[:, 0]
        )
        for first, end in runs(self.ankle_pinned | self.toe_pinned):
            span = slice(first, end)
            for _ in range(0 if self.user_controlled[span].any() else LEG_PARAMS.max_projections):
                offset = (self.position + foot - hip)[span]
                far = np.linalg.norm(offset, axis=-1)
                worst = np.argmax(far - reach[span])
                missing = (far - reach[span])[worst]
                if missing <= 0:
                    break
                self.position[span] -= offset[worst] / far[worst] * missing

    def _clearance(self, ankle: np.ndarray, toe: np.ndarray) -> np.ndarray:
        """By how much (K,) the foot is lifted for its joints to be no lower than they are at rest."""
        if self.floor is None:
            return np.zeros(len(ankle))
        lowest = [
            point[:, 2] - self._floor_under(joint) - self._height(joint)
            for joint, point in ((self.limb.end, ankle), (self.toe, toe))
        ]
        needed = np.maximum(-np.min(lowest, axis=0), 0.0)
        return held_envelope(needed, num_frames(LEG_PARAMS.lift_blend_s, self.fps))

    def _rise(self, foot: tuple[np.ndarray, np.ndarray], toes: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Offset (K, 3) that lifts heel, sole and tip nearly out of the floor. ``foot``, ``toes``: where their joints
        are (K, 3) and how they are turned (K, 4)."""
        needed = np.zeros(len(foot[0]))
        for (joint, turned), points, name in (
            (foot, self.shape.sole, self.limb.end),
            (toes, self.shape.toes, self.toe),
        ):
            allowed = self._floor_under(name) - LEG_PARAMS.max_sink_m * self.metre
            needed = np.maximum(needed, allowed - self._lowest(joint, turned, points))
        return needed[:, None] * UP

    def _lowest(self, joint: np.ndarray, rotation: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Height (K,) of the lowest of ``points`` (N, 3), seen from ``joint`` (K, 3) and turned with it by ``rotation``
        (K, 4); on a slope as if it were level with the floor under the joint."""
        turned = quat.rotate(rotation[:, None], points)
        heights = joint[:, 2, None] + turned[..., 2]
        if self.slope is not None:
            along = (
                self.direction[:, None, :2]
                / np.maximum(np.linalg.norm(self.direction[:, :2], axis=-1), 1e-9)[:, None, None]
            )
            heights = heights - self.slope[:, None] * (turned[..., :2] * along).sum(-1)
        return heights.min(1, initial=np.inf)

    def _pins(self, joint: str, points: np.ndarray, targets: JointTargets) -> _Pins:
        """Where ``joint``, at ``points`` (K, 3), is to be: in its stances, and where a control asks for it."""
        column = CONTACT_JOINTS.index(joint)
        found = stances(self.contact.in_contact[:, column], points, self.contact.model_points[:, column])
        heights = self.contact.model_heights[:, column]
        found = [self._on_floor(joint, stance, float(np.median(heights[stance.span]))) for stance in found]
        mask, positions = np.zeros(len(points), dtype=bool), np.array(points)
        controlled, wanted = targets.get(joint, (mask.copy(), points))
        for number, stance in enumerate(found):
            now = controlled[stance.span]
            if now.any():
                middle = wanted[stance.span][now].mean(0)
                if np.linalg.norm(wanted[stance.span][now] - middle, axis=-1).max() > LEG_PARAMS.agree_m * self.metre:
                    continue
                found[number] = Stance(stance.first, stance.end, middle)
            mask[stance.span], positions[stance.span] = True, found[number].position
        mask |= controlled
        positions[controlled] = wanted[controlled]
        return _Pins(mask, positions, found, controlled)

    def _on_floor(self, joint: str, stance: Stance, model_height: float) -> Stance:
        """``stance`` at the height that its joint has at rest, where it is near that on this armature, or in the
        model, whose joint is ``model_height`` over where it rests."""
        if self.floor is None:
            return stance
        height = float(np.median((self._floor_under(joint) + self._height(joint))[stance.span]))
        snap = LEG_PARAMS.toe_snap_m if joint == self.toe else LEG_PARAMS.ankle_snap_m
        if abs(stance.position[2] - height) > snap * self.metre and abs(model_height) > snap / 2:
            return stance
        return Stance(stance.first, stance.end, np.array([*stance.position[:2], height]))

    def _put_apart(self, foot: np.ndarray, ankles: _Pins, toes: _Pins) -> None:
        """Where both are pinned, put them a foot's length apart: the ankle behind the toe, or, where a control holds
        it, the toe before the ankle. Stances that overlap are matched once; ``foot`` (K, 3) is from ankle to toe."""
        for stance in ankles.stances:
            shared = [other for other in toes.stances if other.first < stance.end and stance.first < other.end]
            for other in shared:
                first, end = max(stance.first, other.first), min(stance.end, other.end)
                span = slice(first, end)
                if not (ankles.mask[span].any() and toes.mask[span].any()):
                    continue
                offset = self._of_length(foot[span].mean(0), ankles.positions[first], toes.positions[first])
                if ankles.controlled[stance.span].any() or other is not shared[0]:
                    moved, free = other.span, ~toes.controlled[other.span, None]
                    toes.positions[moved] = np.where(free, ankles.positions[first] + offset, toes.positions[moved])
                else:
                    ankles.positions[stance.span] = toes.positions[first] - offset

    def _of_length(self, offset: np.ndarray, ankle: np.ndarray, toe: np.ndarray) -> np.ndarray:
        """``offset`` (3,) from ankle to toe at the foot's length, with the difference in height of their positions."""
        size = float(self.size.mean())
        rise = float(np.clip(toe[2] - ankle[2], -LEG_PARAMS.max_rise_ratio * size, LEG_PARAMS.max_rise_ratio * size))
        level = np.linalg.norm(offset[:2])
        if level < LEG_PARAMS.min_level_ratio * size:
            return offset * size / np.linalg.norm(offset)
        return np.array([*(offset[:2] / level * np.sqrt(size**2 - rise**2)), rise])

    def shortfall(self, figure: Figure) -> np.ndarray:
        """By how much (K,) the hips would have to sink for the leg to reach a foot in contact."""
        offset, length = self.goal - figure.joint(self.limb.upper), figure.length(self.limb)
        height = np.sqrt(np.maximum(length**2 - offset[:, 0] ** 2 - offset[:, 1] ** 2, 0.0))
        pinned = self.ankle_pinned | self.toe_pinned
        missing = np.where(pinned, np.maximum(-offset[:, 2] - height, 0.0), 0.0)
        return np.where(self.ankle_pinned, missing, np.maximum(missing - LEG_PARAMS.heel_lift_m * self.metre, 0.0))

    def apply(self, figure: Figure) -> None:
        """Put the foot of ``figure`` there."""
        hip, length = figure.joint(self.limb.upper), figure.length(self.limb)[:, None]
        on_toe = fade(self.toe_pinned, num_frames(LEG_PARAMS.toe_blend_s, self.fps))[:, None]
        toe, ankle = self.goal + self.size * self.direction, self.goal
        for _ in range(LEG_PARAMS.toe_rounds):
            offset = ankle - hip
            ankle = hip + offset * np.minimum(1.0, length / np.linalg.norm(offset, axis=-1, keepdims=True))
            ankle = toe + self.size * quat.normalize(ankle - toe)
        raised = from_rotation_vector(on_toe * to_rotation_vector(quat.between(self.direction, toe - ankle)))
        figure.reach(self.limb, self.goal + on_toe * (ankle - self.goal), keep_end=True)
        figure.rotate(self.limb.end, quat.multiply(raised, self.rotation))
        if self.floor is not None:
            self._lay_toes_flat(figure)
            ankle, toe = figure.joint(self.limb.end), figure.joint(self.toe)
            foot, toes = (figure.rotations[:, SKELETON.index(joint)] for joint in (self.limb.end, self.toe))
            figure.reach(self.limb, ankle + self._rise((ankle, foot), (toe, toes)), keep_end=True)

    def _lay_toes_flat(self, figure: Figure) -> None:
        """Let the toes of a toe joint in contact lie as they do at rest, pointing where the foot does, and others bend
        up as far as the floor asks."""
        index = SKELETON.index(self.toe)
        toe, rotation = figure.joint(self.toe), figure.rotations[:, index]
        foot = toe - figure.joint(self.limb.end)
        at_rest = model_to_blender(SKELETON.offsets[index].astype(np.float64))
        flat = self._tilted(quat.from_axis_angle(UP, signed_angle(UP, at_rest, foot)), foot)
        # A foot on its tip has no heading.
        level = np.linalg.norm(foot[:, :2], axis=-1) > LEG_PARAMS.min_heading_ratio * self.size[:, 0]
        share = fade(self.toe_flat, num_frames(LEG_PARAMS.toe_blend_s, self.fps)) * level
        if len(self.shape.toes):
            now, when_flat = (self._lowest(toe, turned, self.shape.toes) for turned in (rotation, flat))
            bent = (self._floor_under(self.toe) - now) / np.maximum(when_flat - now, LEG_PARAMS.flat_m * self.metre)
            share = np.maximum(share, np.clip(bent, 0.0, 1.0) * level)
        figure.rotations[:, index] = quat.slerp(rotation, flat, share)


def held_envelope(needed: np.ndarray, radius: int) -> np.ndarray:
    """:func:`.series.envelope` of ``needed`` (K,), which is held beyond its ends."""
    return envelope(np.pad(needed, radius, mode="edge"), radius)[radius:-radius]
