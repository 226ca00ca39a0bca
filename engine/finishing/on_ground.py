# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion that was made as on a level floor is brought onto ground that is none: feet first, then the body after them.

Each stance goes onto the ground under its sole: along a slope, or, where an edge is under it, a little ahead or back so
that the whole foot is on one tread (``treads.py``). From stance to stance a foot rises and falls with both, clear of
what lies between. The hips are as high over each standing foot as on the level, smooth from one to the next, and no
higher than legs reach; the trunk leans into the slope.

Shapes: T frames, J = 22 joints, 2 feet (left, right). Metres, Y up, 20 fps; numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from blender_addon.shared import quat
from blender_addon.shared.ground import heights_at
from blender_addon.shared.protocol import Ground
from blender_addon.shared.series import envelope, gaussian_smooth, runs, smoothstep
from blender_addon.shared.skeleton import CONTACT_JOINTS, SKELETON

from ..control.ground import under_path
from .body import LENGTHS_M
from .footprints import FootPlan
from .knees import knees_ahead
from .treads import BEHIND_ANKLE_M, BEYOND_TOE_M, Footprint, Places, footprints_of

CLEAR_M = 0.045  # of a swinging sole over the ground
CLEAR_FRAMES = 3  # in which a foot rises to it
EARLY, LATE = 1.6, 0.4  # an upward swing is up after 1/1.6 of its time; one down begins to sink after 0.4 of it
NEAR_M = 0.05  # of the pelvis, further from a standing foot than it comes, while it rides on that foot
RIDE_FRAMES = 2.5
UNSUPPORTED_FRAMES = 14  # from any stance on, after which the hips ride on the ground under them
ANKLE_REACH, TOE_REACH_M = 0.985, 0.955  # of a leg's length from hip to ankle of a flat foot; from hip to toe
WALKS_M, UNDER_M = 0.01, 0.08  # of the pelvis in a frame; of a foot, ahead of the hip or behind it
HEEL_ROUNDS, HEEL_UP_M = 6, 0.025  # of bringing a heel into reach; from where on it is up
DROP_FRAMES, DROP_MAX_M = 3, 0.14  # by which the hips are lower so that legs reach
LEAN, LEAN_MAX_RAD = 0.3, 0.16  # of the slope's angle, that a trunk leans into it upward; downward half
LEAN_FRAMES = 8.0
SOLE_ANKLE_M, SOLE_TOE_M = 0.075, 0.015  # of these joints over their sole
KNEE_AHEAD_M = 0.02  # over which a knee counts as bent, and shows which way it does
_PELVIS = SKELETON.index("pelvis")
LEGS = [
    SKELETON.indices(*(f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot"))) for side in ("left", "right")
]
CONTACTS = SKELETON.indices(*CONTACT_JOINTS)
_UPPER = [j for j in range(SKELETON.num_joints) if j != _PELVIS and j not in LEGS[0] and j not in LEGS[1]]


@dataclass(frozen=True, eq=False)
class _Print:
    """The ``foot`` stands from frame ``start`` to before ``end`` where its ``mark`` is."""

    start: int
    end: int
    foot: int
    mark: Footprint


@dataclass(frozen=True, eq=False)
class _FootOnGround:
    """What a foot's level path needs in each frame to be on the ground: ``offset`` (T, 2) over it, ``height`` (T,) of
    the ground that counts, ``pitch`` (T,) radians of the sole along its ``direction`` (T, 2), toes up.
    """

    offset: np.ndarray
    height: np.ndarray
    pitch: np.ndarray
    direction: np.ndarray


def on_level_ground(joints: np.ndarray, ground: Ground) -> np.ndarray:
    """``joints`` (T, J, 3) that are on the ``ground`` as if it were level."""
    frames = np.arange(len(joints))
    level = joints.copy()
    level[..., 1] -= under_path(ground, joints[:, _PELVIS][:, [0, 2]])[:, None]
    feet = joints[:, CONTACTS]
    level[:, CONTACTS, 1] = feet[..., 1] - heights_at(ground, frames, feet[..., [0, 2]])
    return level


def bring_onto_ground(
    ground: Ground, joints: np.ndarray, feet: FootPlan, unchanged: np.ndarray
) -> tuple[np.ndarray, FootPlan]:
    """The level ``joints`` (T, J, 3) and their ``feet`` on the ``ground``; ``unchanged`` (T, 2): frames in which a foot
    is where it is to be already.
    """
    positions = feet.positions.copy()
    stances = sorted((start, end, foot) for foot in (0, 1) for start, end in runs(feet.in_contact[:, 2 * foot + 1]))
    places = [_places(ground, feet, stance, unchanged) for stance in stances]
    prints = [_Print(*stance, mark) for stance, mark in zip(stances, footprints_of(places), strict=True)]
    for foot in (0, 1):
        both, own = slice(2 * foot, 2 * foot + 2), [mark for mark in prints if mark.foot == foot]
        needed = _carried(ground, feet.positions[:, both], own)
        positions[:, both] = _placed(ground, feet.positions[:, both], needed, feet.in_contact[:, 2 * foot + 1])
    rise = _rise(ground, joints, prints)
    rise -= _drop(joints, rise, positions, feet)
    raised = joints + rise[:, None, None] * np.array([0.0, 1.0, 0.0])
    feet = _with_heels_raised(raised, FootPlan(positions, feet.in_contact))
    return _bent_legs(_leant(raised, rise), feet.positions), feet


def joined_to_final(feet: FootPlan, final: np.ndarray, frozen: np.ndarray) -> FootPlan:
    """The ``feet`` with the positions (T, 4, 3) of ``final`` in ``frozen`` (T,) frames; what a swing that goes on from
    there, or leads there, is off by is made up for within it.
    """
    positions = np.where(frozen[:, None, None], final, feet.positions)
    for foot in (0, 1):
        both = slice(2 * foot, 2 * foot + 2)
        for start, end in runs(~frozen & ~feet.in_contact[:, 2 * foot + 1]):
            u = (np.arange(start, end) - start + 1)[:, None, None] / (end - start + 1)
            for border, share in ((start - 1, 1 - smoothstep(u)), (end, smoothstep(u))):
                if 0 <= border < len(frozen) and frozen[border]:
                    positions[start:end, both] += share * (final - feet.positions)[border, both]
    return FootPlan(positions, feet.in_contact)


def _places(ground: Ground, feet: FootPlan, stance: tuple[int, int, int], unchanged: np.ndarray) -> Places:
    """Where the foot can stand on the ground that does so on the level in a ``stance``: first frame, end, foot."""
    start, end, foot = stance
    ankle, toe = np.median(feet.positions[start:end, 2 * foot : 2 * foot + 2], axis=0)[:, [0, 2]]
    return Places.of(ground, (start + end) // 2, ankle, toe, moves=not unchanged[start:end, foot].any())


def _carried(ground: Ground, foot: np.ndarray, stances: Sequence[_Print]) -> _FootOnGround:
    """What the level ``foot`` (T, 2, 3) needs in its ``stances`` and between them."""
    frames, ankle, toe = np.arange(len(foot)), foot[:, 0], foot[:, 1]
    along = (toe - ankle)[:, [0, 2]]
    direction = along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-6)
    if not stances:
        height = heights_at(ground, frames, toe[:, None, [0, 2]])[:, 0]
        height = gaussian_smooth(height[:, None], RIDE_FRAMES)[:, 0]
        return _FootOnGround(np.zeros((len(foot), 2)), height, np.zeros(len(foot)), direction)
    values = np.empty((len(foot), 4))  # offset, height, pitch
    known = [np.array([*stance.mark.offset, stance.mark.height, stance.mark.pitch]) for stance in stances]
    values[: stances[0].start], values[stances[-1].end :] = known[0], known[-1]
    for stance, value in zip(stances, known, strict=True):
        values[stance.start : stance.end] = value
    for i, (before, after) in enumerate(pairwise(stances)):
        end, start = before.end, after.start
        u = (np.arange(end, start) - end + 1) / (start - end + 1)
        one, other = known[i], known[i + 1]
        share = np.repeat(smoothstep(u)[:, None], 4, 1)
        up = other[2] > one[2]
        share[:, 2] = smoothstep((u * EARLY).clip(0, 1) if up else ((u - LATE) / (1 - LATE)).clip(0, 1))
        values[end:start] = one + share * (other - one)
    return _FootOnGround(values[:, :2], values[:, 2], values[:, 3], direction)


def _placed(ground: Ground, foot: np.ndarray, needed: _FootOnGround, stands: np.ndarray) -> np.ndarray:
    """Positions (T, 2, 3) on the ground of a level ``foot`` (T, 2, 3) that ``stands`` (T,): where ``needed``, and
    higher where its sole would dip into the ground on the way.
    """
    level_toe, arm = foot[:, 1], foot[:, 0] - foot[:, 1]
    ahead = np.stack([needed.direction[:, 0], 0 * needed.pitch, needed.direction[:, 1]], -1)
    # Toes up by a positive pitch: a turn about the axis to the foot's left.
    left = np.cross(np.array([0.0, 1.0, 0.0]), ahead)
    turned = quat.rotate(quat.from_axis_angle(left, -needed.pitch), arm)
    toe = level_toe.copy()
    toe[:, [0, 2]] += needed.offset
    toe[:, 1] += needed.height
    ankle = toe + turned
    sole = np.stack([ankle - BEHIND_ANKLE_M * ahead, ankle, (ankle + toe) / 2, toe, toe + BEYOND_TOE_M * ahead], 1)
    under = np.array([SOLE_ANKLE_M, SOLE_ANKLE_M, (SOLE_ANKLE_M + SOLE_TOE_M) / 2, SOLE_TOE_M, SOLE_TOE_M])
    heights = heights_at(ground, np.arange(len(foot)), sole[..., [0, 2]])
    deep = (heights + CLEAR_M - (sole[..., 1] - under)).max(1)
    swings = ~stands
    near = np.minimum.reduce([_frames_from(stands, side) for side in (1, -1)])
    share = smoothstep((near / CLEAR_FRAMES).clip(0, 1))
    deep = np.where(swings, np.maximum(deep - (1 - share) * CLEAR_M, 0.0), 0.0)
    if deep.any():
        lifted = np.where(swings, np.maximum(envelope(deep, 2) * share, np.minimum(deep, envelope(deep, 2))), 0.0)
        toe[:, 1] += lifted
        ankle[:, 1] += lifted
    return np.stack([ankle, toe], 1)


def _frames_from(stands: np.ndarray, side: int) -> np.ndarray:
    """(T,): how many frames ago the foot last stood (``side`` 1) or in how many it will; many where it does not."""
    frames = np.arange(len(stands))
    if side < 0:
        return _frames_from(stands[::-1], 1)[::-1]
    last = np.maximum.accumulate(np.where(stands, frames, -len(stands)))
    return frames - last


def _rise(ground: Ground, joints: np.ndarray, prints: Sequence[_Print]) -> np.ndarray:
    """By how much (T,) the level body is higher on the ground: over each standing foot as much as that."""
    pelvis = joints[:, _PELVIS][:, [0, 2]]
    total, count = np.zeros(len(joints)), np.zeros(len(joints))
    for stance in prints:
        start, end, mark = stance.start, stance.end, stance.mark
        away = np.linalg.norm(pelvis[start:end] - mark.place, axis=-1)
        near = np.flatnonzero(away <= away.min() + NEAR_M)
        here = slice(start + near[0], start + near[-1] + 1)
        total[here] += mark.height_at(pelvis[here], away.min())
        count[here] += 1
    frames, known = np.arange(len(joints)), count > 0
    under = under_path(ground, pelvis)
    if known.any():
        alone = ~known & (np.minimum(_frames_from(known, 1), _frames_from(known, -1)) > UNSUPPORTED_FRAMES)
        total[alone], count[alone] = under[alone], 1
        known |= alone
        under = np.interp(frames, frames[known], total[known] / count[known])
    return gaussian_smooth(under[:, None], RIDE_FRAMES)[:, 0]


def _drop(joints: np.ndarray, rise: np.ndarray, positions: np.ndarray, feet: FootPlan) -> np.ndarray:
    """By how much (T,) hips that are ``rise`` (T,) over the level ones are too high for legs to reach ``positions`` as
    well as they do the level ``feet``.
    """
    excess = np.zeros(len(joints))
    velocity = np.gradient(joints[:, _PELVIS], axis=0) if len(joints) > 1 else np.zeros((len(joints), 3))
    way = velocity / np.maximum(np.linalg.norm(velocity, axis=-1, keepdims=True), WALKS_M)
    for foot, (hip, _, _, _) in enumerate(LEGS):
        socket = joints[:, hip] + rise[:, None] * np.array([0.0, 1.0, 0.0])
        leg = LENGTHS_M[LEGS[foot][1]] + LENGTHS_M[LEGS[foot][2]]
        for column, reach in ((2 * foot, ANKLE_REACH * leg), (2 * foot + 1, TOE_REACH_M)):
            target = positions[:, column]
            reach = np.maximum(reach, np.linalg.norm(feet.positions[:, column] - joints[:, hip], axis=-1))
            across = np.linalg.norm((target - socket)[:, [0, 2]], axis=-1)
            highest = target[:, 1] + np.sqrt(np.maximum(reach**2 - across**2, 0.0))
            counts = feet.in_contact[:, column]
            if column == 2 * foot:  # the heel may be up before and after the body is over the foot
                counts = counts & (np.abs(((target - socket) * way)[:, [0, 2]].sum(-1)) < UNDER_M)
            excess = np.maximum(excess, np.where(counts, socket[:, 1] - highest, 0.0))
    return envelope(np.minimum(excess, DROP_MAX_M), DROP_FRAMES)


def _leant(joints: np.ndarray, rise: np.ndarray) -> np.ndarray:
    """``joints`` (T, J, 3) whose trunk leans into the slope that a body which rises so is on."""
    pelvis = joints[:, _PELVIS]
    travelled = gaussian_smooth(np.concatenate([pelvis[:, [0, 2]], rise[:, None]], 1), LEAN_FRAMES)
    velocity = np.gradient(travelled, axis=0)
    speed = np.linalg.norm(velocity[:, :2], axis=-1)
    slope = np.arctan2(velocity[:, 2], np.maximum(speed, 0.01))
    angle = (LEAN * np.where(slope > 0, slope, 0.5 * slope)).clip(-LEAN_MAX_RAD, LEAN_MAX_RAD)
    way = velocity[:, :2] / np.maximum(speed, 1e-6)[:, None]
    left = np.stack([way[:, 1], 0 * angle, -way[:, 0]], -1)  # up x way
    turn = quat.from_axis_angle(left, angle)[:, None]
    result = joints.copy()
    result[:, _UPPER] = pelvis[:, None] + quat.rotate(turn, joints[:, _UPPER] - pelvis[:, None])
    return result


def _with_heels_raised(joints: np.ndarray, feet: FootPlan) -> FootPlan:
    """The ``feet`` of ``joints`` (T, J, 3), heels up as far as ankles would be out of reach where toes stand."""
    positions, in_contact = feet.positions.copy(), feet.in_contact.copy()
    for foot, (hip, knee, shin, _) in enumerate(LEGS):
        leg = ANKLE_REACH * (LENGTHS_M[knee] + LENGTHS_M[shin])
        ankle, toe, socket = positions[:, 2 * foot].copy(), positions[:, 2 * foot + 1], joints[:, hip]
        size = np.linalg.norm(ankle - toe, axis=-1, keepdims=True)
        reach = np.maximum(leg, np.linalg.norm(joints[:, LEGS[foot][2]] - socket, axis=-1))[:, None]
        for _ in range(HEEL_ROUNDS):
            away = ankle - socket
            ankle = socket + away * np.minimum(
                1.0, reach / np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-6)
            )
            arm = ankle - toe
            ankle = toe + size * arm / np.maximum(np.linalg.norm(arm, axis=-1, keepdims=True), 1e-6)
        up = np.linalg.norm(ankle - positions[:, 2 * foot], axis=-1) > HEEL_UP_M
        positions[:, 2 * foot] = np.where(in_contact[:, 2 * foot + 1, None], ankle, positions[:, 2 * foot])
        in_contact[:, 2 * foot] &= ~up
    return FootPlan(positions, in_contact)


def _bent_legs(joints: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """``joints`` (T, J, 3) with legs that reach to the feet's ``positions`` (T, 4, 3), knees ahead as they were."""
    by, ahead = knees_ahead(joints)
    result = joints.copy()
    facing = np.cross(joints[:, LEGS[0][0]] - joints[:, LEGS[1][0]], np.array([0.0, 1.0, 0.0]))
    for foot, (hip, knee, ankle, toe) in enumerate(LEGS):
        thigh, shin = LENGTHS_M[knee], LENGTHS_M[ankle]
        leg = positions[:, 2 * foot] - joints[:, hip]
        away = np.linalg.norm(leg, axis=-1, keepdims=True)
        along, span = leg / np.maximum(away, 1e-6), away.clip(abs(thigh - shin) + 0.01, thigh + shin - 1e-4)
        own = ahead[:, foot] * by[:, foot, None]
        own = own / np.maximum(np.linalg.norm(own, axis=-1, keepdims=True), 1e-9)
        bent = (np.abs(by[:, foot]) / KNEE_AHEAD_M).clip(0, 1)[:, None]
        forward = bent * own + (1 - bent) * facing / np.maximum(np.linalg.norm(facing, axis=-1, keepdims=True), 1e-6)
        forward -= (forward * along).sum(-1, keepdims=True) * along
        forward /= np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-6)
        cosine = (span**2 + thigh**2 - shin**2) / (2 * span * thigh)
        result[:, knee] = joints[:, hip] + thigh * (cosine * along + np.sqrt(np.maximum(1 - cosine**2, 0)) * forward)
        result[:, ankle] = joints[:, hip] + span * along
        result[:, toe] = result[:, ankle] + positions[:, 2 * foot + 1] - positions[:, 2 * foot]
    return result
