# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints with a control hit it on this armature, whose arms are longer or shorter than the model's.

The pelvis is moved there. Hands are brought there by their arms; for what an arm lacks the shoulder is shrugged and the
trunk leans, and, where no control holds the hips, these move as well; the other arm keeps its direction. Head,
shoulders and the trunk's own joints are leaned and moved in the same way, elbows and knees are pointed. Between the
keys of a control its correction fades in and out. What is out of reach stays so, and is measured on the rig
afterwards.

K scene frames, N points of a control, R frames with a control. World points, scene units.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np

from ...shared import quat
from ...shared.limbs import LIMBS, Limb
from ...shared.skeleton import FPS, SKELETON
from ..pose.resample import interpolate
from .blending import fade, spread
from .figure import DESCENDANTS, Figure
from .foot_lock import Wishes, from_vector, to_vector

ARMS = tuple(limb for limb in LIMBS if "shoulder" in limb.upper)
LEGS = tuple(limb for limb in LIMBS if "hip" in limb.upper)
ROOTS = tuple(limb.upper for limb in LIMBS)
LIMB_ENDS = ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_foot", "right_foot")
FADE = 0.5  # seconds
DENSE = 1.5  # model frames between two points of a control that is meant to lead in between
EASE = {
    "pelvis": 0.15,
    "spine1": 0.15,
    "spine2": 0.15,
    "spine3": 0.15,
    "neck": 0.3,
    "left_collar": 0.3,
    "right_collar": 0.3,
}
"""How readily the hips move (metres), the trunk leans and shoulders are shrugged (radians): the shares in which they
are taken."""
LARGEST_LEAN = 0.5  # radians at each joint
LARGEST_STEP = 0.1  # metres of one round
ROUNDS = 16
DAMPING = 1e-5  # what a share costs beside the square metres that are lacking
CAUTION = 0.2  # by which steps shrink while much is lacking (Levenberg, 1944): out of reach they would run away
FRAMES_AT_ONCE = 256
SMALLEST = 1e-3  # metres; less is not worth leaning for


ArmGoals = dict[str, tuple[np.ndarray, np.ndarray]]
"""Elbow or wrist -> where it is brought (K, 3), and how much it has to say (K, 1), 0..1."""


@dataclass(frozen=True, eq=False)
class Target:
    """``joint`` shall be at ``points`` (N, 3), world, at the scene frames ``frames`` (N,), which need not be whole;
    with ``on_ground`` over the ground, at any height; each to within ``tolerance`` (N,) scene units."""

    joint: str
    frames: np.ndarray
    points: np.ndarray
    on_ground: bool = False
    tolerance: np.ndarray | None = None


def wishes(figure: Figure, targets: Iterable[Target], frames: np.ndarray, fps: float) -> Wishes:
    """Joint -> the frames (K,) in which ``targets`` hold it and where (K, 3), at the whole scene frames ``frames``
    (K,).

    A point between two of them is asked of both, as far from the joint there as it is in between.
    """
    found: Wishes = {}
    for target in targets:
        if target.joint in figure:
            places = figure.at(target.joint)
            held, misses = _on_whole_frames(target, places, frames, fps)
            found[target.joint] = (held, places + misses)
    return found


def _on_whole_frames(
    target: Target, places: np.ndarray, frames: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Frames (K,) that the target speaks of, and how far ``places`` (K, 3) are from it there (K, 3)."""
    order = np.argsort(target.frames, kind="stable")
    times = np.asarray(target.frames, dtype=np.float64)[order] - frames[0]
    now = np.repeat(places, len(times), axis=0) if len(places) == 1 else interpolate(places, times)
    misses = np.asarray(target.points, dtype=np.float64)[order] - now
    if target.on_ground:
        misses[:, 2] = 0.0
    if target.tolerance is not None:
        far = np.linalg.norm(misses, axis=-1)
        misses *= np.maximum(1.0 - target.tolerance[order] / np.maximum(far, 1e-9), 0.0)[:, None]
    whole = np.arange(len(places), dtype=float)
    after = np.clip(np.searchsorted(times, whole), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    inside = (times[before] <= whole) & (whole <= times[after])
    led = inside & (times[after] - times[before] <= max(DENSE * fps / FPS, 1.0) + 1e-6)
    nearest = np.where(np.abs(times[before] - whole) < np.abs(times[after] - whole), before, after)
    near = np.abs(times[nearest] - whole) < 1.0 - 1e-6
    between = np.stack([np.interp(whole, times, misses[:, axis]) for axis in range(3)], -1)
    held = led | near
    return held, np.where(held[:, None], np.where(led[:, None], between, misses[nearest]), 0.0)


def place_hips(figure: Figure, wished: Wishes, fps: float) -> None:
    """Move the whole figure so that its pelvis is where it shall be."""
    if "pelvis" in wished:
        held, places = wished["pelvis"]
        miss = np.where(held[:, None], places - figure.at("pelvis"), 0.0)
        figure.shift(spread(held, miss, _frames(fps)))


def lean(figure: Figure, wished: Wishes, fps: float) -> Generator[None, None, np.ndarray]:
    """Move hips and trunk for what limbs cannot reach and for joints of the trunk; a generator that hands the thread
    back.

    Returns the frames (K,) bool in which a joint is where it shall be only as long as the hips stay.
    """
    depends = np.zeros(len(figure.places), dtype=bool)
    goals = {joint: wish for joint, wish in wished.items() if joint != "pelvis"}
    rows = np.flatnonzero(np.any([known for known, _ in goals.values()], axis=0)) if goals else depends.nonzero()[0]
    if len(rows) == 0:
        return depends
    held = np.zeros_like(depends)
    held[rows] = True
    goals = {joint: (known[rows], place[rows]) for joint, (known, place) in goals.items()}
    for joint, (known, _) in goals.items():
        if joint not in LIMB_ENDS:
            depends[rows] |= known
    before, after = figure.copy(rows), figure.copy(rows)
    fixed = wished["pelvis"][0] if "pelvis" in wished else np.zeros(len(held), dtype=bool)
    for miss in dict(_misses(before, goals)).values():
        depends[rows] |= np.linalg.norm(miss, axis=-1) > SMALLEST * figure.metre
    worked = False
    for first in range(0, len(rows), FRAMES_AT_ONCE):
        run = slice(first, first + FRAMES_AT_ONCE)
        part, asked = after.copy(run), {joint: (known[run], place[run]) for joint, (known, place) in goals.items()}
        worked |= yield from _solve(part, asked, fixed[rows][run])
        after.places[run], after.turns[run] = part.places, part.turns
    if not worked:
        return depends
    moved = np.zeros((len(held), 3))
    moved[rows] = after.at("pelvis") - before.at("pelvis")
    figure.shift(spread(held | fixed, moved, _frames(fps)))
    upright = figure.copy()
    for joint in _leaning(figure):
        above = _parent(joint)
        own = quat.multiply(quat.conjugate(_turned(before, after, above)), _turned(before, after, joint))
        vectors = np.zeros((len(held), 3))
        vectors[rows] = to_vector(own)
        carried = _turned(upright, figure, above)
        step = quat.multiply(carried, from_vector(spread(held, vectors, _frames(fps))))
        figure.turn(joint, quat.multiply(step, quat.conjugate(carried)))
    for limb in ARMS:
        if limb.upper in figure and not {limb.upper, limb.middle, limb.end} & set(goals):
            figure.turn(limb.upper, quat.conjugate(_turned(upright, figure, limb.upper)))
    return depends


def bring_arms(figure: Figure, wished: Wishes, fps: float) -> ArmGoals:
    """Point elbows and bring hands where they shall be; what is to be kept by :func:`keep_arms`."""
    goals: ArmGoals = {}
    for limb in ARMS:
        own: ArmGoals = {}
        for joint in (limb.middle, limb.end):
            if joint in wished and joint in figure:
                held, places = wished[joint]
                miss = np.where(held[:, None], places - figure.at(joint), 0.0)
                goal = figure.at(joint) + spread(held, miss, _frames(fps))
                own[joint] = (goal, _say(joint, limb, wished, fps)[:, None])
                keep_arms(figure, own)
        goals |= own
    return goals


def _say(joint: str, limb: Limb, wished: Wishes, fps: float) -> np.ndarray:
    """How much (K,) a joint of an arm has to say: an elbow only about the frames that its control holds, and before
    and after them as long as no control holds the hand."""
    held = wished[joint][0]
    share = fade(held, _frames(fps))
    if joint == limb.middle and limb.end in wished:
        share = share * (1.0 - fade(wished[limb.end][0] & ~held, _frames(fps)))
    return np.where(held, 1.0, share)


def keep_arms(figure: Figure, goals: ArmGoals) -> None:
    """Bring elbows and hands to their ``goals``."""
    for limb in ARMS:
        if limb.end in goals:
            figure.reach(limb, goals[limb.end][0], keep_end=False)
        if limb.middle in goals:
            goal, share = goals[limb.middle]
            elbow = figure.at(limb.middle)
            figure.point(limb.upper, limb.middle, elbow + share * (goal - elbow))
            if limb.end in goals:
                figure.point(limb.middle, limb.end, goals[limb.end][0])


def point_knees(figure: Figure, wished: Wishes, fps: float) -> None:
    """Point thighs so that knees are where they shall be; shin and foot go along."""
    for limb in LEGS:
        if limb.middle in wished and limb.middle in figure:
            held, places = wished[limb.middle]
            miss = np.where(held[:, None], places - figure.at(limb.middle), 0.0)
            figure.point(limb.upper, limb.middle, figure.at(limb.middle) + spread(held, miss, _frames(fps)))


def fading(held: np.ndarray, fps: float) -> np.ndarray:
    """The frames (K,) in which the correction of a joint that is held in ``held`` (K,) is felt."""
    return fade(held, _frames(fps)) > 0


def _frames(fps: float) -> int:
    return max(round(FADE * fps), 1)


def _leaning(figure: Figure) -> list[str]:
    return [joint for joint in EASE if joint != "pelvis" and joint in figure]


def _parent(joint: str) -> str:
    return SKELETON.names[SKELETON.parents[SKELETON.index(joint)]]


def _turned(before: Figure, after: Figure, joint: str) -> np.ndarray:
    """The turn (R, 4) of a segment from one figure to the other, world axes."""
    index = SKELETON.index(joint)
    return quat.multiply(after.turns[:, index], quat.conjugate(before.turns[:, index]))


def _solve(figure: Figure, goals: Wishes, hips_fixed: np.ndarray) -> Generator[None, None, bool]:
    """Move hips and trunk of ``figure`` (R frames) until what ``goals`` ask is in reach, by as little as it takes:
    Gauss-Newton steps, damped towards the pose that it had; False when nothing was to be done."""
    start, joints, worked = figure.copy(), _leaning(figure), False
    shares = np.zeros((len(hips_fixed), 1 + len(joints), 3))
    largest = LARGEST_LEAN / np.array([EASE[joint] for joint in joints])
    for _ in range(ROUNDS):
        misses = dict(_misses(figure, goals))
        if not misses or max(np.abs(miss).max() for miss in misses.values()) < SMALLEST * figure.metre:
            break
        worked = True
        right, matrix = _system(start, figure, misses, hips_fixed)
        turned = matrix.transpose(0, 2, 1)
        pull = turned @ right[..., None] - DAMPING * shares.reshape(len(shares), -1, 1)
        caution = DAMPING + CAUTION * (right**2).sum(-1)[:, None, None]
        shares += np.linalg.solve(turned @ matrix + caution * np.eye(matrix.shape[2]), pull).reshape(shares.shape)
        size = np.linalg.norm(shares[:, 1:], axis=-1)
        shares[:, 1:] *= np.minimum(1.0, largest / np.maximum(size, 1e-9))[..., None]
        figure.places[:], figure.turns[:] = start.places, start.turns
        figure.shift(shares[:, 0] * EASE["pelvis"] * figure.metre)
        for number, joint in enumerate(joints, start=1):
            carried = _turned(start, figure, _parent(joint))
            own = from_vector(shares[:, number] * EASE[joint])
            figure.turn(joint, quat.multiply(quat.multiply(carried, own), quat.conjugate(carried)))
        yield
    return worked


def _misses(figure: Figure, goals: Wishes) -> Iterable[tuple[str, np.ndarray]]:
    """Joint that is to be moved -> by what (R, 3): what the limb below lacks, or the joint's own miss."""
    total: dict[str, np.ndarray] = {}
    for joint, (held, places) in goals.items():
        if joint not in figure:
            continue
        carrier, miss = _lack(figure, joint, places)
        if carrier == "pelvis":
            continue
        total[carrier] = total.get(carrier, 0.0) + np.where(held[:, None], miss, 0.0)
    return total.items()


def _lack(figure: Figure, joint: str, places: np.ndarray) -> tuple[str, np.ndarray]:
    for limb in LIMBS:
        toe = joint == limb.end.replace("ankle", "foot") != limb.end
        if joint == limb.end or toe:
            shoulder = figure.at(limb.upper)
            goal = places if not toe else places - figure.at(joint) + figure.at(limb.end)
            way, length = goal - shoulder, figure.length(limb)[:, None]
            far = np.linalg.norm(way, axis=-1, keepdims=True)
            return limb.upper, way * np.maximum(1.0 - 0.998 * length / far, 0.0)
        if joint == limb.middle:
            way = places - figure.at(limb.upper)
            bone = np.linalg.norm(figure.at(joint) - figure.at(limb.upper), axis=-1, keepdims=True)
            return limb.upper, way * (1.0 - bone / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-9))
    return joint, places - figure.at(joint)


def _system(
    start: Figure, figure: Figure, misses: dict[str, np.ndarray], hips_fixed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Right side (R, M) and matrix (R, M, 3 + 3 leaning joints) of the step in the model's metres; unknown are the
    hips' way and each joint's own turn since ``start``, as carried by its parent, in units of ``EASE``."""
    joints, rows = _leaning(figure), len(hips_fixed)
    matrix = np.zeros((rows, 3 * len(misses), 3 + 3 * len(joints)))
    right = np.zeros((rows, 3 * len(misses)))
    for place, (joint, miss) in enumerate(misses.items()):
        span = slice(3 * place, 3 * place + 3)
        far = np.linalg.norm(miss, axis=-1, keepdims=True) / figure.metre
        along = quat.normalize(miss)
        right[:, span] = along * np.minimum(far, LARGEST_STEP)
        matrix[:, span, :3] = np.eye(3) * EASE["pelvis"] * ~hips_fixed[:, None, None]
        for number, lever in enumerate(joints, start=1):
            if SKELETON.index(joint) in DESCENDANTS[SKELETON.index(lever)]:
                x, y, z = ((figure.at(joint) - figure.at(lever)) / figure.metre).T
                zero = np.zeros(rows)
                cross = np.array([[zero, z, -y], [-z, zero, x], [y, -x, zero]]).transpose(2, 0, 1)
                carried = quat.to_matrix(_turned(start, figure, _parent(lever)))
                matrix[:, span, 3 * number : 3 * number + 3] = cross @ carried * EASE[lever]
        # A limb lacks length alone: its root may come nearer from any side. Frames in which this joint is not asked
        # for must not be held by it.
        if joint in ROOTS:
            matrix[:, span] = along[:, :, None] * (along[:, None] @ matrix[:, span])
        matrix[:, span] *= (far > 0)[..., None]
    return right, matrix
