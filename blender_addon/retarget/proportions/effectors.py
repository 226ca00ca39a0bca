# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints with a control reach it on this armature, whose arms are longer or shorter than the model's.

The pelvis is moved there. Hands are brought there by their arms; for what an arm lacks :mod:`.lean` moves shoulders,
trunk and hips first; the other arm keeps its direction. Elbows and knees are pointed. Between the keys of a control its
correction fades in and out. What is out of reach stays so, and is measured on the rig afterwards.

K scene frames, N points of a control. World points, scene units.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...shared.limbs import LIMBS, Limb
from ...shared.skeleton import FPS
from ..pose.resample import interpolate
from .blending import control_fade, fade, spread
from .figure import Figure, JointTargets

ARMS = tuple(limb for limb in LIMBS if "shoulder" in limb.upper)
LEGS = tuple(limb for limb in LIMBS if "hip" in limb.upper)
MAX_GAP_FRAMES = 1.5  # model frames between two points of a control that is meant to lead in between

ArmGoals = dict[str, tuple[np.ndarray, np.ndarray]]
"""Elbow or wrist -> where it is brought (K, 3), and its influence (K, 1), 0..1."""


@dataclass(frozen=True, eq=False)
class Target:
    """A control asks ``joint`` to be at ``points`` (N, 3), world, at the scene frames ``frames`` (N,), which need not
    be whole; with ``on_ground`` over the ground, at any height; each to within ``tolerance`` (N,) scene units."""

    joint: str
    frames: np.ndarray
    points: np.ndarray
    on_ground: bool = False
    tolerance: np.ndarray | None = None


def max_gap(fps: float) -> float:
    """Scene frames between two points of a control that is meant to lead in between."""
    return max(MAX_GAP_FRAMES * fps / FPS, 1.0) + 1e-6


def joint_targets(figure: Figure, targets: Iterable[Target], frames: np.ndarray, fps: float) -> JointTargets:
    """``targets`` at the whole scene frames ``frames`` (K,).

    A point between two of them is asked of both, as far from the joint there as it is in between.
    """
    found: JointTargets = {}
    for target in targets:
        if target.joint in figure:
            positions = figure.joint(target.joint)
            controlled, residuals = _on_whole_frames(target, positions, frames, fps)
            found[target.joint] = (controlled, positions + residuals)
    return found


def _on_whole_frames(
    target: Target, positions: np.ndarray, frames: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Frames (K,) in which the target counts, and how far ``positions`` (K, 3) are from it there (K, 3)."""
    order = np.argsort(target.frames, kind="stable")
    times = np.asarray(target.frames, dtype=np.float64)[order] - frames[0]
    now = np.repeat(positions, len(times), axis=0) if len(positions) == 1 else interpolate(positions, times)
    residuals = np.asarray(target.points, dtype=np.float64)[order] - now
    if target.on_ground:
        residuals[:, 2] = 0.0
    if target.tolerance is not None:
        far = np.linalg.norm(residuals, axis=-1)
        residuals *= np.maximum(1.0 - target.tolerance[order] / np.maximum(far, 1e-9), 0.0)[:, None]
    whole = np.arange(len(positions), dtype=float)
    after = np.clip(np.searchsorted(times, whole), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    inside = (times[before] <= whole) & (whole <= times[after])
    dense = inside & (times[after] - times[before] <= max_gap(fps))
    nearest = np.where(np.abs(times[before] - whole) < np.abs(times[after] - whole), before, after)
    near = np.abs(times[nearest] - whole) < 1.0 - 1e-6
    between = np.stack([np.interp(whole, times, residuals[:, axis]) for axis in range(3)], -1)
    controlled = dense | near
    return controlled, np.where(controlled[:, None], np.where(dense[:, None], between, residuals[nearest]), 0.0)


def _correction(figure: Figure, targets: JointTargets, joint: str, fps: float) -> np.ndarray:
    """Offsets (K, 3) that bring ``joint`` to its target, faded in and out around the frames that ask for it."""
    controlled, positions = targets[joint]
    residual = np.where(controlled[:, None], positions - figure.joint(joint), 0.0)
    return spread(controlled, residual, control_fade(fps))


def place_hips(figure: Figure, targets: JointTargets, fps: float) -> None:
    """Move the whole figure so that its pelvis is at its target."""
    if "pelvis" in targets:
        figure.shift(_correction(figure, targets, "pelvis", fps))


def bring_arms(figure: Figure, targets: JointTargets, fps: float) -> ArmGoals:
    """Bring elbows and hands to their targets; what :func:`keep_arms` keeps."""
    goals: ArmGoals = {}
    for limb in ARMS:
        own: ArmGoals = {}
        for joint in (limb.middle, limb.end):
            if joint in targets and joint in figure:
                goal = figure.joint(joint) + _correction(figure, targets, joint, fps)
                own[joint] = (goal, _influence(joint, limb, targets, fps)[:, None])
                keep_arms(figure, own)
        goals |= own
    return goals


def _influence(joint: str, limb: Limb, targets: JointTargets, fps: float) -> np.ndarray:
    """Influence (K,) of the target of a joint of an arm: that of an elbow counts only about the frames in which its
    control holds it, and before and after them as long as no control holds the hand."""
    controlled = targets[joint][0]
    share = fade(controlled, control_fade(fps))
    if joint == limb.middle and limb.end in targets:
        share = share * (1.0 - fade(targets[limb.end][0] & ~controlled, control_fade(fps)))
    return np.where(controlled, 1.0, share)


def keep_arms(figure: Figure, goals: ArmGoals) -> None:
    """Bring elbows and hands to their ``goals``."""
    for limb in ARMS:
        if limb.end in goals:
            figure.reach(limb, goals[limb.end][0], keep_end=False)
        if limb.middle in goals:
            goal, share = goals[limb.middle]
            elbow = figure.joint(limb.middle)
            figure.point(limb.upper, limb.middle, elbow + share * (goal - elbow))
            if limb.end in goals:
                figure.point(limb.middle, limb.end, goals[limb.end][0])


def point_knees(figure: Figure, targets: JointTargets, fps: float) -> None:
    """Point thighs so that knees are at their targets; shin and foot go along."""
    for limb in LEGS:
        if limb.middle in targets and limb.middle in figure:
            goal = figure.joint(limb.middle) + _correction(figure, targets, limb.middle, fps)
            figure.point(limb.upper, limb.middle, goal)


def corrected_frames(controlled: np.ndarray, fps: float) -> np.ndarray:
    """The frames (K,) in which the correction of a joint changes anything that a control holds in ``controlled``
    (K,)."""
    return fade(controlled, control_fade(fps)) > 0
