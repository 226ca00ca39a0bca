# SPDX-License-Identifier: GPL-3.0-or-later
"""Where feet shall be: still and on the floor while they stand, clear of it while they swing.

``footsteps.py`` says when each foot stands. From that follow places for its toe and ankle: in a stance the toe has one
place on the floor and the foot one direction; in a swing both follow the motion they come from, bent as little as it
takes to leave one stance and arrive at the next without a jolt, and lifted so that the toe does not brush the floor.
The ankle's height above the toe is the motion's own throughout, so that heels rise and strike as they did. The places
are goals: ``exact.py`` moves the body.

The lift takes swinging toes above the 5 cm below which the skating ratio counts them. It counts real walks, whose toes
leave the floor at a low angle, with 0.1 and more; a ratio below that is not more natural, only cleaner.

Shapes: T frames, J = 22 joints. Metres, Y up, floor at Y = 0, 20 fps; numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from blender_addon.shared.protocol import Obstacle
from blender_addon.shared.skeleton import CONTACT_JOINTS, SKELETON

from .feet_under_body import feet_under_body
from .gait import RUNNING, plan_steps, speed_of, stances
from .second_differences import apply_transposed, gram_band
from .step_over import STANDING, StandableGround, heights_over, lifted_over

TOE_HEIGHT = 0.015  # of a standing toe joint, in captured walks
ON_FLOOR = 0.12  # metres; a standing toe lower than this stands on the floor, a higher one on something unseen
CLEARANCE = (0.075, 0.25)  # metres to which a toe is lifted amid its swing at least, in a walk and in a run
LIFTING = 1  # frames at both ends of a swing in which the toe only goes up or down
LIFT_SHAPE = (0.5, 1.0)  # below 1 the toe leaves the floor steeply
BLEND = 4  # frames in which a foot comes down to the floor's height
KEEP, STAND = 1e-3, 1e3  # beside the bending of a swing: keeping to the motion, and standing still
REACH, SMALLEST_REACH = 0.93, 0.3  # metres from hip to toe, and over the ground at the least
PIN = 2  # frames in a row, up to which hints of a foot are a pin, not a way
BEYOND, ENDING = 32, 4  # frames for which a motion is thought to go on beyond its ends, and those that say how fast
WALKING, RESTS = 0.6, (0.3, 1.0)  # metres a second from which on somebody walks; of one who stands, and does not
UPRIGHT, BALANCE = 0.8, (0.05, 0.15)  # metres: a pelvis that is lower may sit; how far it is from over its feet
LAST_STEP, LONG_AGO = 14, 60  # frames in which feet come under a body that stops, and after which it has stopped
FLAT = 0.11  # metres; an ankle lower than this touches the floor with its heel


@dataclass(frozen=True, eq=False)
class FootPlan:
    """Places (T, 4, 3) for the contact joints (left ankle and toe, right ankle and toe), and whether they stand
    (T, 4).
    """

    places: np.ndarray
    stands: np.ndarray


def place_feet(
    joints: np.ndarray,
    contacts: np.ndarray,
    held: np.ndarray,
    kept: np.ndarray | None = None,
    obstacles: Sequence[Obstacle] = (),
) -> FootPlan:
    """Where the feet of ``joints`` (T, J, 3) shall be.

    contacts (T, 4): the model's belief, 0..1, that the contact joints are planted. held (T, J) bool: joints that a
    control holds in place; a foot of a leg with a held joint follows the motion in those frames. kept (T,) bool: frames
    that stay as they are; a stance that reaches into them has its place from there. ``obstacles`` are stepped over.
    """
    kept = np.zeros(len(joints), bool) if kept is None else kept
    joints = feet_under_body(np.asarray(joints, np.float64), held, kept)
    joints = _going_on(_come_to_rest(joints, held, kept))
    contacts, held = (np.pad(values, ((BEYOND, BEYOND), (0, 0)), mode="edge") for values in (contacts, held))
    indices = SKELETON.indices(*CONTACT_JOINTS)
    legs = [SKELETON.indices(*(f"{side}_{part}" for part in ("knee", "ankle", "foot"))) for side in ("left", "right")]
    fixed = np.stack([held[:, leg].any(1) for leg in legs], 1)
    kept = np.pad(kept, BEYOND)
    toes = joints[:, indices[1::2]]
    pinned = np.stack([_pinned(held, leg, toes[:, foot, 1]) for foot, leg in enumerate(legs)], 1)
    fixed &= ~pinned
    ground_map = StandableGround(obstacles, toes) if obstacles else None
    hips = joints[:, SKELETON.indices("left_hip", "right_hip")]
    standing = plan_steps(toes, hips, contacts[:, 1::2], fixed, kept, ground_map, pinned)
    speed = speed_of(joints[:, 0])
    places, stands = joints[:, indices].copy(), np.zeros((len(joints), 4), bool)
    for foot in (0, 1):
        ankle, toe = places[:, 2 * foot], places[:, 2 * foot + 1]
        over = ankle - toe
        spans = stances(standing[:, foot])
        if ground_map is not None:
            _step_beside(toe, ankle, [span for span in spans if not kept[slice(*span)].any()], ground_map)
        way = _stepped(
            np.concatenate([toe[:, [0, 2]], over[:, [0, 2]]], 1), spans, fixed[:, foot], kept, pinned[:, foot]
        )
        tops = heights_over(way[:, :2], obstacles, STANDING) if obstacles else np.zeros(len(way))
        height = _heights(toe[:, 1], spans, fixed[:, foot] | kept, speed, tops)
        way[:, :2] = _within_reach(way[:, :2], height, hips[:, foot], standing[:, foot] | fixed[:, foot] | kept)
        if obstacles:
            swings = ~(standing[:, foot] | fixed[:, foot] | kept)
            height = lifted_over(height, way[:, :2], way[:, :2] + way[:, 2:], swings, obstacles)
        places[:, 2 * foot + 1] = np.stack([way[:, 0], height, way[:, 1]], 1)
        places[:, 2 * foot] = np.stack([way[:, 0] + way[:, 2], height + over[:, 1], way[:, 1] + way[:, 3]], 1)
        stands[:, 2 * foot + 1] = standing[:, foot]
        stands[:, 2 * foot] = standing[:, foot] & (places[:, 2 * foot, 1] - tops < FLAT)
    return FootPlan(places[BEYOND:-BEYOND], stands[BEYOND:-BEYOND])


def _come_to_rest(joints: np.ndarray, held: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """``joints`` (T, J, 3) of somebody who walks up to the end or has just stopped, with feet that are under the body.

    Models stop where the way ends, with the last step not done: the body would lean ahead of both feet.
    """
    speed, legs = speed_of(joints[:, 0]), SKELETON.indices(*CONTACT_JOINTS)
    walks = np.flatnonzero(speed[-LONG_AGO:] > WALKING) + max(len(joints) - LONG_AGO, 0)
    if not len(walks) or speed[-1] > RUNNING[0] or joints[-1, 0, 1] < UPRIGHT:
        return joints
    first = max(min(int(walks[-1]), len(joints) - LAST_STEP), 0)
    if held[first:, legs].any() or kept[first:].any():
        return joints
    lag = (joints[-1, 0] - joints[-1, legs].mean(0)) * [1.0, 0.0, 1.0]
    away = float(np.linalg.norm(lag))
    lag *= max(away - float(np.interp(speed[-1], RESTS, BALANCE)), 0.0) / max(away, 1e-9)
    u = np.clip((np.arange(len(joints)) - first) / LAST_STEP, 0.0, 1.0)
    result = joints.copy()
    result[:, legs] += (u * u * (3 - 2 * u))[:, None, None] * lag
    return result


def _going_on(joints: np.ndarray) -> np.ndarray:
    """``joints`` (T, J, 3) with BEYOND frames more on either side, in which a stiff body goes on at the speed that the
    pelvis has there. Else no step would pay near the ends, and the body would lean away from its last stances.
    """
    near = min(len(joints) - 1, ENDING)
    way = (joints[[near, -1], 0] - joints[[0, -1 - near], 0]) / max(near, 1) * [1.0, 0.0, 1.0]
    steps = np.arange(1, BEYOND + 1)[:, None, None]
    return np.concatenate([joints[:1] - steps[::-1] * way[0], joints, joints[-1:] + steps * way[1]])


def _step_beside(toe: np.ndarray, ankle: np.ndarray, spans: list[tuple[int, int]], ground_map: StandableGround) -> None:
    """Move toe and ankle (T, 3) in ``spans`` in which they would stand on obstacles."""
    for start, end in spans:
        shift = ground_map.shift(toe[start:end].mean(0)[[0, 2]])
        for points in (toe, ankle):
            points[start:end, [0, 2]] += shift


def _pinned(held: np.ndarray, leg: list[int], height: np.ndarray) -> np.ndarray:
    """(T,) bool: single frames in which a control holds ankle or toe of a ``leg`` (knee, ankle, foot) on the floor, the
    toe being at ``height`` (T,): there a stance has its place.
    """
    asked = held[:, leg].any(1)
    runs = [span for span in stances(asked) if span[1] - span[0] <= PIN]
    pinned = np.zeros(len(held), bool)
    for start, end in runs:
        pinned[start:end] = True
    return pinned & (height < ON_FLOOR) & ~held[:, leg[0]]


def _stepped(
    channels: np.ndarray, spans: list[tuple[int, int]], fixed: np.ndarray, kept: np.ndarray, pinned: np.ndarray
) -> np.ndarray:
    """``channels`` (T, C) that keep one value in each of ``spans`` and bend smoothly in between.

    Minimises sum |d''|^2 in swings + |(x + d)''|^2 at their ends + KEEP |d|^2 + STAND |x + d - place|^2 in stances.
    """
    frames = len(channels)
    target, stand = channels.copy(), np.zeros(frames, bool)
    for start, end in spans:
        # The foot is lifted before it moves on, and arrives before it is put down.
        first, last = max(start - LIFTING, 0), min(end + LIFTING, frames)
        known = (kept if kept[start:end].any() else pinned)[start:end]
        target[first:last] = channels[start:end][known if known.any() else ~known].mean(0)
        stand[first:last] = True
    own = kept | fixed
    stand[own], target[own] = True, channels[own]
    weight = np.where(stand, STAND, KEEP)
    if frames < 3:
        return target
    swinging = ~(stand[:-2] | stand[1:-1] | stand[2:])
    bend = np.diff(channels, n=2, axis=0) * swinging[:, None]  # what a swing may keep of its own bends
    band = gram_band(frames)
    band[0] += weight
    return solveh_banded(band, weight[:, None] * target + apply_transposed(bend), lower=True, check_finite=False)


def _within_reach(way: np.ndarray, height: np.ndarray, hip: np.ndarray, settled: np.ndarray) -> np.ndarray:
    """The toe's ``way`` (T, 2) over the ground, where it swings no further from the ``hip`` (T, 3) than a leg is
    long.
    """
    below = hip[:, 1] - height
    radius = np.sqrt(np.maximum(REACH**2 - below**2, SMALLEST_REACH**2))
    apart = way - hip[:, [0, 2]]
    distance = np.linalg.norm(apart, axis=-1)
    share = np.where(settled, 1.0, np.minimum(1.0, radius / np.maximum(distance, 1e-9)))
    return hip[:, [0, 2]] + apart * share[:, None]


def _heights(
    height: np.ndarray, spans: list[tuple[int, int]], fixed: np.ndarray, speed: np.ndarray, tops: np.ndarray
) -> np.ndarray:
    """The toe's height (T,): the floor's in stances near it, lifted in swings, smooth between; held ones unchanged.
    ``speed`` (T,) of the body: who runs lifts the feet higher. ``tops`` (T,): of what is stood on, 0 the floor.
    """
    frames = len(height)
    floor = np.full(frames, np.nan)
    for start, end in spans:
        level = np.median(height[start:end])
        floor[start:end] = max(TOE_HEIGHT if level < ON_FLOOR else level, tops[start:end].max())
    known = np.flatnonzero(~np.isnan(floor))
    if not len(known):
        return height
    ground = np.interp(np.arange(frames), known, floor[known])
    result = np.where(np.isnan(floor), np.maximum(height, ground), floor)
    edges = [0, *(x for span in spans for x in span), frames]
    for start, end in zip(edges[::2], edges[1::2], strict=True):  # the swings
        if end - start < 2 or fixed[start:end].any():
            continue
        # A swing that the motion's begin or end cuts off is in its middle there.
        phase = (np.arange(start, end) - start + 1) / (end - start + 1)
        phase = 0.5 + phase / 2 if start == 0 and end < frames else phase
        phase = phase / 2 if end == frames and start > 0 else phase
        clearance, shape = (np.interp(speed[start:end].mean(), RUNNING, pair) for pair in (CLEARANCE, LIFT_SHAPE))
        lift = (clearance - TOE_HEIGHT) * np.sin(np.pi * phase) ** shape
        # The motion's own lift above the line from floor to floor, faded in where the foot was not yet down.
        fade = np.minimum(1, np.minimum(np.arange(1, end - start + 1), np.arange(end - start, 0, -1)) / BLEND)
        own = (result[start:end] - ground[start:end]) * fade
        result[start:end] = ground[start:end] + np.maximum(own, lift)
    return np.where(fixed, height, result)
