# SPDX-License-Identifier: GPL-3.0-or-later
"""What a viewer would see wrong in a motion on the character, whatever its controls say: limbs that are not where the
motion has them, knees that bend backward, feet that slide, sink in or hover, limbs out of reach. No bpy.

Everything is measured on what Blender evaluated and beside what the motion itself does: who sits, climbs or does a
cartwheel is not at fault. Shapes: K scene frames, C of a control. Points are Blender's (Z up), scene units.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from ..shared.limbs import LIMBS, Limb, bend_angle
from ..shared.series import runs

LEGS = LIMBS[:2]


@dataclass(frozen=True)
class FaultLimits:
    """From which on something is told, and from which on a take is called broken. ``_ratio``: of the leg's length;
    ``_deg``: degrees."""

    slide_ratio: float = 0.03
    slide_broken_ratio: float = 0.15
    height_ratio: float = 0.024  # of the body's size: soles under or over the ground, for ``lasting_frames``
    lasting_frames: int = 3
    height_broken_ratio: float = 0.09
    hover_s: float = 1.0  # for which both feet are off the ground
    hover_straight_ratio: float = 0.85  # of the leg's length, from which on legs hang; climbers bend theirs
    reach_ratio: float = 0.02  # by which a control is missed since the limb is too short
    reach_straight_ratio: float = 0.97  # of the limb's length, at which it counts as stretched out
    knee_deg: float = 15.0  # of a bend to the wrong side
    knee_model_deg: float = 8.0  # of the motion's own bend, from which on it tells which side is right
    knee_min_frames: int = 2
    knee_broken_share: float = 0.1  # of the frames
    limb_deg: float = 40.0  # from the motion's directions, in one frame of ten
    limb_broken_deg: float = 60.0
    hips_deg: float = 45.0  # from where the motion's hips look, in half of the frames
    hips_broken_deg: float = 90.0
    stretch_ratio: float = 0.05  # of a bone's own length
    stretch_broken_ratio: float = 0.25


LIMITS = FaultLimits()


@dataclass(frozen=True)
class Fault:
    """One thing that is to be seen: its ``kind`` (a key of ``fault_words.WORDS``), the ``joint`` or the side
    that it is about, how much at worst (``amount``: metres, degrees or a share, as the kind says) and at which scene
    ``frame``."""

    kind: str
    joint: str
    amount: float
    frame: float
    is_broken: bool


@dataclass(frozen=True, eq=False)
class MotionOnRig:
    """A motion as it came out: joint -> its ``heads`` (K, 3), and where the motion itself has it, ``wanted`` (K, 3),
    for directions only. ``standing`` (K, 4): which contact joints do, ``slides`` (K, 4): how far these slid, metres.
    ``clearances``: side -> metres (K,) of the sole's lowest point over the ground, where that is known; ``lifted``:
    the same of the motion's own foot. ``missed``: joint -> frames (C,), targets (C, 3) and distances (C,) in metres
    of its control; ``led``: all joints that controls lead. ``leg_m``: the leg's length in metres. ``fps``: the
    scene's.
    """

    frames: np.ndarray
    heads: dict[str, np.ndarray]
    wanted: dict[str, np.ndarray]
    standing: np.ndarray
    slides: np.ndarray
    clearances: dict[str, np.ndarray]
    lifted: dict[str, np.ndarray]
    missed: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    led: frozenset[str]
    leg_m: float
    fps: float

    @property
    def size_m(self) -> float:
        """Length of a leg and the trunk with the head, metres: toys have short legs."""
        top = next(joint for joint in ("head", "neck", "left_shoulder") if joint in self.heads)
        lengths = [
            float(np.median(np.linalg.norm(self.heads[one] - self.heads[other], axis=-1)))
            for one, other in (("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("pelvis", top))
        ]
        return self.leg_m * (1 + lengths[2] / max(lengths[0] + lengths[1], 1e-9))


def find_faults(shown: MotionOnRig) -> Generator[None, None, tuple[Fault, ...]]:
    """What is to be told of a motion, what breaks it first; a generator that hands the thread back."""
    found: list[Fault] = []
    for measure in (_hips, _limbs, _stretched, _knees, _soles, _hovering, _slides, _out_of_reach):
        found += measure(shown)
        yield
    return tuple(sorted(found, key=lambda fault: not fault.is_broken))


def _at(shown: MotionOnRig, values: np.ndarray) -> tuple[float, float]:
    """The largest of ``values`` (K,), and its frame."""
    row = int(values.argmax())
    return float(values[row]), float(shown.frames[row])


def _lasting(values: np.ndarray) -> np.ndarray:
    """What ``values`` (K,) are at least for some frames around each."""
    span = LIMITS.lasting_frames
    padded = np.pad(values, span // 2, mode="edge")
    return np.min([padded[first : first + len(values)] for first in range(span)], axis=0)


def _hips(shown: MotionOnRig) -> Iterator[Fault]:
    across = [points["left_hip"] - points["right_hip"] for points in (shown.heads, shown.wanted)]
    angles = np.degrees(bend_angle(*across))
    usual = float(np.median(angles))
    if usual > LIMITS.hips_deg:
        worst, frame = _at(shown, angles)
        yield Fault("hips", "pelvis", worst, frame, bool(usual > LIMITS.hips_broken_deg))


def _limbs(shown: MotionOnRig) -> Iterator[Fault]:
    """Limbs that no control leads and that are not where the motion has them."""
    for limb in LIMBS:
        if not {limb.middle, limb.end} <= set(shown.heads) or shown.led & {
            limb.end,
            limb.middle,
            limb.end.replace("ankle", "foot"),
        }:
            continue
        angles = np.max([_off(shown, limb.upper, limb.middle), _off(shown, limb.middle, limb.end)], axis=0)
        often = float(np.percentile(angles, 90))
        if often > LIMITS.limb_deg:
            worst, frame = _at(shown, angles)
            yield Fault("limb", limb.end, worst, frame, bool(often > LIMITS.limb_broken_deg))


def _off(shown: MotionOnRig, start: str, end: str) -> np.ndarray:
    return np.degrees(bend_angle(shown.heads[end] - shown.heads[start], shown.wanted[end] - shown.wanted[start]))


def _stretched(shown: MotionOnRig) -> Iterator[Fault]:
    """Bones that come apart: the mesh between tears or stretches."""
    for limb in LIMBS:
        for start, end in ((limb.upper, limb.middle), (limb.middle, limb.end)):
            if start not in shown.heads or end not in shown.heads:
                continue
            lengths = np.linalg.norm(shown.heads[end] - shown.heads[start], axis=-1)
            usual = float(np.median(lengths))
            worst, frame = _at(shown, np.abs(lengths - usual) / max(usual, 1e-9))
            if worst > LIMITS.stretch_ratio:
                yield Fault("stretch", end, worst, frame, worst > LIMITS.stretch_broken_ratio)
                break


def _knees(shown: MotionOnRig) -> Iterator[Fault]:
    """Knees that bend away from where the motion's do, or, where that does not show it, from where the hips look."""
    front = np.cross(shown.wanted["left_hip"] - shown.wanted["right_hip"], [0.0, 0.0, 1.0])
    for limb in LEGS:
        bend, side = _bend(shown.heads, limb)
        own_bend, own_side = _bend(shown.wanted, limb)
        reference = np.where((own_bend > LIMITS.knee_model_deg)[:, None], own_side, front)
        backward = np.where((side * reference).sum(-1) < 0, bend, 0.0)
        rows = backward > LIMITS.knee_deg
        if rows.sum() >= LIMITS.knee_min_frames:
            worst, frame = _at(shown, backward)
            yield Fault("knee", limb.middle, worst, frame, bool(rows.mean() > LIMITS.knee_broken_share))


def _bend(points: dict[str, np.ndarray], limb: Limb) -> tuple[np.ndarray, np.ndarray]:
    """How far a limb is bent (K,), degrees, and to which side (K, 3) its middle joint lies."""
    upper, middle, end = (points[joint] for joint in (limb.upper, limb.middle, limb.end))
    along = (end - upper) / np.maximum(np.linalg.norm(end - upper, axis=-1, keepdims=True), 1e-12)
    side = middle - upper
    side = side - (side * along).sum(-1, keepdims=True) * along
    return np.degrees(bend_angle(middle - upper, end - middle)), side


def _soles(shown: MotionOnRig) -> Iterator[Fault]:
    """Soles that are deeper under the ground than the motion's own feet, or, where these stand, higher over it."""
    for column, side in ((0, "left"), (2, "right")):
        if side not in shown.clearances:
            continue
        over, own = shown.clearances[side], shown.lifted[side]
        stands = shown.standing[:, column : column + 2].any(1)
        for kind, values in (
            ("under", np.minimum(own, 0.0) - over),
            ("over", np.where(stands, over - np.maximum(own, 0.0), 0.0)),
        ):
            worst, frame = _at(shown, _lasting(values))
            if worst > LIMITS.height_ratio * shown.size_m:
                yield Fault(kind, f"{side}_ankle", worst, frame, worst > LIMITS.height_broken_ratio * shown.size_m)


def _hovering(shown: MotionOnRig) -> Iterator[Fault]:
    """A body whose legs hang over the ground for longer than any jump."""
    if len(shown.clearances) < len(LEGS):
        return
    over = np.min(list(shown.clearances.values()), axis=0)
    extended = [np.linalg.norm(shown.heads[limb.end] - shown.heads[limb.upper], axis=-1) for limb in LEGS]
    hangs = (over > LIMITS.height_ratio * shown.size_m) & (
        np.min(extended, axis=0) > LIMITS.hover_straight_ratio * np.max(extended)
    )
    lasting = np.zeros(len(over))
    for first, end in runs(hangs):
        if shown.frames[end - 1] - shown.frames[first] >= LIMITS.hover_s * shown.fps:
            lasting[first:end] = over[first:end]
    worst, frame = _at(shown, lasting)
    if worst > 0:
        yield Fault("hover", "", worst, frame, worst > LIMITS.height_broken_ratio * shown.size_m)


def _slides(shown: MotionOnRig) -> Iterator[Fault]:
    worst, frame = _at(shown, shown.slides.max(-1))
    if worst > LIMITS.slide_ratio * shown.leg_m:
        yield Fault("slide", "", worst, frame, worst > LIMITS.slide_broken_ratio * shown.leg_m)


def _out_of_reach(shown: MotionOnRig) -> Iterator[Fault]:
    """Controls that a stretched limb does not reach."""
    for limb in LIMBS:
        if limb.end not in shown.missed or limb.middle not in shown.heads:
            continue
        frames, targets, errors = shown.missed[limb.end]
        row = int(errors.argmax())
        if not np.isfinite(errors[row]) or errors[row] < LIMITS.reach_ratio * shown.leg_m:
            continue
        at = int(np.abs(shown.frames - frames[row]).argmin())
        upper, middle, end = (shown.heads[joint][at] for joint in (limb.upper, limb.middle, limb.end))
        length = np.linalg.norm(middle - upper) + np.linalg.norm(end - middle)
        if np.linalg.norm(targets[row] - upper) > LIMITS.reach_straight_ratio * length:
            yield Fault("reach", limb.end, float(errors[row]), float(frames[row]), False)
