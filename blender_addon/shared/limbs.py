# SPDX-License-Identifier: GPL-3.0-or-later
"""The twist of arms and legs, which joint positions show only through the bend of the elbow or knee.

A limb is upper bone, middle joint, lower bone. Its direction gives two of the upper bone's three angles; the third is
the angle about the bone, here called *twist*, measured from the parent's shortest-arc swing. A bent limb shows it:
the hinge axis is the normal of the plane of both bones. A straight limb does not, and the more it straightens the
more the noise of the joints is magnified. So every frame's measured twist gets a confidence that falls with the bend,
and one smoothing over time weighs them all: well-bent frames keep their own value, straight ones are led over from
their neighbours, and where nothing is known for long the twist comes to rest at what the feet show (legs) or at none
(arms).

Shapes: T frames, L limbs. Numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import quat

BEND_UNKNOWN = np.radians(4.0)  # below this bend the plane of the limb is noise
BEND_KNOWN = np.radians(8.0)  # above this bend it is trusted alone
BEND_FULL = np.radians(30.0)  # above this bend it is not smoothed by its neighbours
TWIST_SMOOTHING = 0.1  # stiffness between neighbouring frames against the confidence 1 of a well-bent one
REST_CONFIDENCE = 1e-3  # pull towards the resting twist while the bend is unknown
# A joint that bends backwards, by noise or by overstretching, shows its axis reversed. Of the two readings of every
# frame the cheapest sequence is taken. Costs are squares of a deviation over its usual size:
USUAL_REVERSED_BEND = np.radians(9.0)  # how far elbows and knees overstretch
USUAL_STEP = np.radians(30.0)  # how far a twist turns from one known frame to the next


@dataclass(frozen=True)
class Limb:
    """Three joints, the hinge axis in the T-pose about which the lower bone flexes, and where the twist usually
    lies (radians)."""

    upper: str
    middle: str
    end: str
    hinge: tuple[float, float, float]
    usual_twist: float
    twist_spread: float


# Knees flex backwards; elbows flex forwards, palms being down. Usual twists: seen over 75 minutes of motion capture.
LIMBS = (
    Limb("left_hip", "left_knee", "left_ankle", (1.0, 0.0, 0.0), 0.0, np.radians(30)),
    Limb("right_hip", "right_knee", "right_ankle", (1.0, 0.0, 0.0), 0.0, np.radians(30)),
    Limb("left_shoulder", "left_elbow", "left_wrist", (0.0, -1.0, 0.0), np.radians(-25), np.radians(60)),
    Limb("right_shoulder", "right_elbow", "right_wrist", (0.0, 1.0, 0.0), np.radians(25), np.radians(60)),
)


def bend_angle(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Angle (...) between two bones (..., 3); 0 when the limb is straight."""
    sine = np.linalg.norm(np.cross(upper, lower), axis=-1)
    return np.arctan2(sine, (upper * lower).sum(-1))


def signed_angle(axis: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Angle (...) about the unit ``axis`` that turns ``start`` to ``end``, both seen along the axis."""
    along_start = start - quat.dot(start, axis) * axis
    along_end = end - quat.dot(end, axis) * axis
    return np.arctan2((np.cross(along_start, along_end) * axis).sum(-1), (along_start * along_end).sum(-1))


def limb_twist(swing: np.ndarray, upper: np.ndarray, lower: np.ndarray, resting: np.ndarray) -> np.ndarray:
    """Twist (T, L) of the upper bones of ``LIMBS`` about their own direction, in radians, continuous in time.

    ``swing`` (T, L, 4): the parent's rotation followed by the shortest arc onto the upper bone's direction.
    ``upper``, ``lower`` (T, L, 3): the bones, any length. ``resting`` (T, L): the twist to come to where the bend
    does not show it.
    """
    hinge = np.array([limb.hinge for limb in LIMBS])
    measured = signed_angle(quat.normalize(upper), quat.rotate(swing, hinge), np.cross(upper, lower))
    flexion = bend_angle(upper, lower)
    trust = np.clip((flexion - BEND_UNKNOWN) / (BEND_KNOWN - BEND_UNKNOWN), 0, 1)
    # Squared, the sine would stand for noise of the joints alone; nearly straight elbows also lie off their plane by
    # nature.
    confidence = trust * np.clip(np.sin(np.minimum(flexion, np.pi / 2)) / np.sin(BEND_FULL), 0, 1) ** 4
    rest_confidence = REST_CONFIDENCE * (1 - trust)
    for place, limb in enumerate(LIMBS):
        known = np.flatnonzero(confidence[:, place])
        measured[known, place] = _readings(measured[known, place], flexion[known, place], limb)
    resting = resting + 2 * np.pi * np.round((_fill(measured, confidence > 0) - resting) / (2 * np.pi))
    weight = confidence + rest_confidence
    target = (confidence * measured + rest_confidence * resting) / np.maximum(weight, 1e-12)
    return _smooth(target, weight)


def _readings(measured: np.ndarray, flexion: np.ndarray, limb: Limb) -> np.ndarray:
    """Each known frame's twist (K) as measured or turned by half a turn, whichever sequence is cheapest; without
    full-turn jumps."""
    choices = np.stack([measured, measured + np.pi], -1)  # (K, 2): as measured, reversed
    costs = (_wrap(choices - limb.usual_twist) / limb.twist_spread) ** 2
    costs[:, 1] += (flexion / USUAL_REVERSED_BEND) ** 2
    steps = (_wrap(choices[1:, :, None] - choices[:-1, None, :]) / USUAL_STEP) ** 2  # (K-1, this, previous)
    picked = _cheapest(costs, steps)
    angles = np.take_along_axis(choices, np.array(picked, dtype=int)[:, None], -1)[:, 0]
    # A whole sequence may start a full turn away; near the usual twist it can be led over to the resting one.
    angles = np.unwrap(angles)
    return angles - 2 * np.pi * np.round((angles[:1] - limb.usual_twist) / (2 * np.pi))


def _cheapest(costs: np.ndarray, steps: np.ndarray) -> list[int]:
    """Which of two choices to take in each of K frames, 0 or 1, for the least sum of ``costs`` (K, 2) and of ``steps``
    (K - 1, this, previous) between them (Viterbi, 1967).

    Plain numbers in flat lists: on a few at a time numpy takes five times as long, and lists of lists would set off the
    collection of garbage.
    """
    if not len(costs):
        return []
    before_kept: list[int] = []
    before_turned: list[int] = []
    kept, turned = costs[0].tolist()
    columns = (*costs[1:].T, *steps.reshape(-1, 4).T)
    for kept_cost, turned_cost, stay, back, turn, go_on in zip(*map(np.ndarray.tolist, columns), strict=True):
        before_kept.append(int(turned + back < kept + stay))
        before_turned.append(int(turned + go_on < kept + turn))
        kept, turned = (
            kept_cost + min(kept + stay, turned + back),
            turned_cost + min(kept + turn, turned + go_on),
        )
    picked = [int(turned < kept)]
    for previous in zip(reversed(before_kept), reversed(before_turned), strict=True):
        picked.append(previous[picked[-1]])
    return picked[::-1]


def _wrap(angles: np.ndarray) -> np.ndarray:
    return (angles + np.pi) % (2 * np.pi) - np.pi


def _fill(angles: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The nearest earlier known angle of each frame (T, L), else the first known one, else 0."""
    filled = np.zeros_like(angles)
    for limb in range(angles.shape[1]):
        rows = np.flatnonzero(known[:, limb])
        if len(rows):
            at = np.searchsorted(rows, np.arange(len(angles)), side="right") - 1
            filled[:, limb] = angles[rows[np.maximum(at, 0)], limb]
    return filled


def _smooth(target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The x (T, L) that minimises sum w (x - target)^2 + SMOOTHING sum (x[t+1] - x[t])^2: one tridiagonal system
    a limb."""
    links = np.full(len(target), 2.0 * TWIST_SMOOTHING)
    links[0] -= TWIST_SMOOTHING
    links[-1] -= TWIST_SMOOTHING
    columns = zip((weight + links[:, None]).T.tolist(), (weight * target).T.tolist(), strict=True)
    return np.stack([_chained(diagonal, right) for diagonal, right in columns], -1)


def _chained(diagonal: list[float], right: list[float]) -> list[float]:
    """The x (T) of one such system: ``diagonal`` (T), -SMOOTHING beside it, and its ``right`` side (T); both are used
    up."""
    for t in range(1, len(right)):
        factor = TWIST_SMOOTHING / diagonal[t - 1]
        diagonal[t] -= factor * TWIST_SMOOTHING
        right[t] += factor * right[t - 1]
    x = right
    x[-1] /= diagonal[-1]
    for t in range(len(x) - 2, -1, -1):
        x[t] = (right[t] + TWIST_SMOOTHING * x[t + 1]) / diagonal[t]
    return x
