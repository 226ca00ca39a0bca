# SPDX-License-Identifier: GPL-3.0-or-later
"""What limbs cannot reach, hips and trunk bring into reach: the shoulder is shrugged, the trunk leans, and hips that no
control holds move. Head, shoulders and the trunk's own joints are brought to their targets in the same way.

A damped least-squares problem in each frame that has a target, blended into the frames between.

K scene frames, R frames with a target. World points, scene units.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from ...shared import quat
from ...shared.limbs import LIMBS
from ...shared.skeleton import SKELETON
from .blending import control_fade, from_rotation_vector, spread, to_rotation_vector
from .effectors import ARMS
from .figure import DESCENDANTS, Figure, JointTargets

ROOTS = tuple(limb.upper for limb in LIMBS)
END_JOINTS = ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_foot", "right_foot")
EASE = {
    "pelvis": 0.15,
    "spine1": 0.15,
    "spine2": 0.15,
    "spine3": 0.15,
    "neck": 0.3,
    "left_collar": 0.3,
    "right_collar": 0.3,
}
"""How readily hips move (metres), the trunk leans and shoulders are shrugged (radians): units of the unknowns."""


@dataclass(frozen=True)
class LeanParams:
    """Metres are those of the model's body."""

    max_lean_rad: float = 0.5  # at each joint
    max_step_m: float = 0.1  # of one round
    max_rounds: int = 16
    damping: float = 1e-5  # cost of an unknown beside the square metres that are lacking
    caution: float = 0.2  # damping for each square metre lacking (Levenberg, 1944), without which steps would run away
    frames_at_once: int = 256
    min_residual_m: float = 1e-3  # less is not worth leaning for
    reach_ratio: float = 0.998  # of its length that a limb may be stretched to


_PARAMS = LeanParams()


def lean(figure: Figure, targets: JointTargets, fps: float) -> Generator[None, None, np.ndarray]:
    """Move hips and trunk for what limbs cannot reach and for joints of the trunk; a generator that hands the thread
    back.

    Returns the frames (K,) bool in which a joint is at its target only as long as the hips stay.
    """
    depends = np.zeros(len(figure.positions), dtype=bool)
    others = {joint: target for joint, target in targets.items() if joint != "pelvis"}
    rows = np.flatnonzero(np.any([now for now, _ in others.values()], axis=0)) if others else depends.nonzero()[0]
    if len(rows) == 0:
        return depends
    goals = {joint: (now[rows], positions[rows]) for joint, (now, positions) in others.items()}
    for joint, (now, _) in goals.items():
        if joint not in END_JOINTS:
            depends[rows] |= now
    before, after = figure.copy(rows), figure.copy(rows)
    hips_fixed = targets["pelvis"][0] if "pelvis" in targets else np.zeros(len(depends), dtype=bool)
    for residual in _residuals(before, goals).values():
        depends[rows] |= np.linalg.norm(residual, axis=-1) > _PARAMS.min_residual_m * figure.metre
    changed = False
    for first in range(0, len(rows), _PARAMS.frames_at_once):
        run = slice(first, first + _PARAMS.frames_at_once)
        part, part_goals = after.copy(run), {joint: (now[run], at[run]) for joint, (now, at) in goals.items()}
        changed |= yield from _solve(part, part_goals, hips_fixed[rows][run])
        after.positions[run], after.rotations[run] = part.positions, part.rotations
    if changed:
        _blend(figure, _Lean(rows, before, after, hips_fixed, set(goals)), fps)
    return depends


@dataclass(frozen=True, eq=False)
class _Lean:
    """What was solved: the figure ``before`` and ``after`` in the frames ``rows`` (R,), the frames (K,) in which a
    control holds the hips, and the joints that have targets."""

    rows: np.ndarray
    before: Figure
    after: Figure
    hips_fixed: np.ndarray
    joints: set[str]


def _blend(figure: Figure, solved: _Lean, fps: float) -> None:
    """Blend what was solved into ``figure``. Arms without a target keep their direction."""
    before, after, rows, reach = solved.before, solved.after, solved.rows, control_fade(fps)
    controlled = np.zeros(len(figure.positions), dtype=bool)
    controlled[rows] = True
    offsets = np.zeros((len(controlled), 3))
    offsets[rows] = after.joint("pelvis") - before.joint("pelvis")
    figure.shift(spread(controlled | solved.hips_fixed, offsets, reach))
    upright = figure.copy()
    for joint in _leaning(figure):
        above = _parent(joint)
        own = quat.multiply(quat.conjugate(_rotation(before, after, above)), _rotation(before, after, joint))
        vectors = np.zeros((len(controlled), 3))
        vectors[rows] = to_rotation_vector(own)
        carried = _rotation(upright, figure, above)
        step = quat.multiply(carried, from_rotation_vector(spread(controlled, vectors, reach)))
        figure.rotate(joint, quat.multiply(step, quat.conjugate(carried)))
    for limb in ARMS:
        if limb.upper in figure and not {limb.upper, limb.middle, limb.end} & solved.joints:
            figure.rotate(limb.upper, quat.conjugate(_rotation(upright, figure, limb.upper)))


def _leaning(figure: Figure) -> list[str]:
    return [joint for joint in EASE if joint != "pelvis" and joint in figure]


def _parent(joint: str) -> str:
    return SKELETON.names[SKELETON.parents[SKELETON.index(joint)]]


def _rotation(before: Figure, after: Figure, joint: str) -> np.ndarray:
    """The rotation (R, 4) of a segment from one figure to the other, world axes."""
    index = SKELETON.index(joint)
    return quat.multiply(after.rotations[:, index], quat.conjugate(before.rotations[:, index]))


def _solve(figure: Figure, goals: JointTargets, hips_fixed: np.ndarray) -> Generator[None, None, bool]:
    """Move hips and trunk of ``figure`` (R frames) until the ``goals`` are in reach, by as little as it takes:
    Gauss-Newton steps, damped towards the pose that it had; False when nothing was to be done."""
    start, joints, changed = figure.copy(), _leaning(figure), False
    unknowns = np.zeros((len(hips_fixed), 1 + len(joints), 3))
    largest = _PARAMS.max_lean_rad / np.array([EASE[joint] for joint in joints])
    for _ in range(_PARAMS.max_rounds):
        residuals = _residuals(figure, goals)
        worst = max((np.abs(residual).max() for residual in residuals.values()), default=0.0)
        if worst < _PARAMS.min_residual_m * figure.metre:
            break
        changed = True
        wanted, jacobian = _linearize(start, figure, residuals, hips_fixed)
        transposed = jacobian.transpose(0, 2, 1)
        gradient = transposed @ wanted[..., None] - _PARAMS.damping * unknowns.reshape(len(unknowns), -1, 1)
        damping = _PARAMS.damping + _PARAMS.caution * (wanted**2).sum(-1)[:, None, None]
        hessian = transposed @ jacobian + damping * np.eye(jacobian.shape[2])
        unknowns += np.linalg.solve(hessian, gradient).reshape(unknowns.shape)
        size = np.linalg.norm(unknowns[:, 1:], axis=-1)
        unknowns[:, 1:] *= np.minimum(1.0, largest / np.maximum(size, 1e-9))[..., None]
        figure.positions[:], figure.rotations[:] = start.positions, start.rotations
        figure.shift(unknowns[:, 0] * EASE["pelvis"] * figure.metre)
        for number, joint in enumerate(joints, start=1):
            carried = _rotation(start, figure, _parent(joint))
            own = from_rotation_vector(unknowns[:, number] * EASE[joint])
            figure.rotate(joint, quat.multiply(quat.multiply(carried, own), quat.conjugate(carried)))
        yield
    return changed


def _residuals(figure: Figure, goals: JointTargets) -> dict[str, np.ndarray]:
    """Joint that is to be moved -> by what (R, 3): what the limb below it lacks, or its own distance from its goal."""
    total: dict[str, np.ndarray] = {}
    for joint, (now, positions) in goals.items():
        if joint not in figure:
            continue
        moved, residual = _residual(figure, joint, positions)
        if moved == "pelvis":
            continue
        total[moved] = total.get(moved, 0.0) + np.where(now[:, None], residual, 0.0)
    return total


def _residual(figure: Figure, joint: str, positions: np.ndarray) -> tuple[str, np.ndarray]:
    """The joint that is to be moved for ``joint`` to come to ``positions`` (R, 3), and by what (R, 3)."""
    for limb in LIMBS:
        toe = joint == limb.end.replace("ankle", "foot") != limb.end
        if joint == limb.end or toe:
            root = figure.joint(limb.upper)
            goal = positions if not toe else positions - figure.joint(joint) + figure.joint(limb.end)
            offset, length = goal - root, figure.length(limb)[:, None]
            far = np.linalg.norm(offset, axis=-1, keepdims=True)
            return limb.upper, offset * np.maximum(1.0 - _PARAMS.reach_ratio * length / far, 0.0)
        if joint == limb.middle:
            offset = positions - figure.joint(limb.upper)
            bone = np.linalg.norm(figure.joint(joint) - figure.joint(limb.upper), axis=-1, keepdims=True)
            far = np.linalg.norm(offset, axis=-1, keepdims=True)
            return limb.upper, offset * (1.0 - bone / np.maximum(far, 1e-9))
    return joint, positions - figure.joint(joint)


def _linearize(
    start: Figure, figure: Figure, residuals: dict[str, np.ndarray], hips_fixed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Right side (R, M) and Jacobian (R, M, 3 + 3 leaning joints) of a step in the model's metres; unknown are the
    hips' offset and each joint's own rotation since ``start``, as carried by its parent, in units of ``EASE``."""
    joints, rows = _leaning(figure), len(hips_fixed)
    jacobian = np.zeros((rows, 3 * len(residuals), 3 + 3 * len(joints)))
    wanted = np.zeros((rows, 3 * len(residuals)))
    for row, (joint, residual) in enumerate(residuals.items()):
        span = slice(3 * row, 3 * row + 3)
        far = np.linalg.norm(residual, axis=-1, keepdims=True) / figure.metre
        along = quat.normalize(residual)
        wanted[:, span] = along * np.minimum(far, _PARAMS.max_step_m)
        jacobian[:, span, :3] = np.eye(3) * EASE["pelvis"] * ~hips_fixed[:, None, None]
        for number, lever in enumerate(joints, start=1):
            if SKELETON.index(joint) in DESCENDANTS[SKELETON.index(lever)]:
                x, y, z = ((figure.joint(joint) - figure.joint(lever)) / figure.metre).T
                zero = np.zeros(rows)
                cross = np.array([[zero, z, -y], [-z, zero, x], [y, -x, zero]]).transpose(2, 0, 1)
                carried = quat.to_matrix(_rotation(start, figure, _parent(lever)))
                jacobian[:, span, 3 * number : 3 * number + 3] = cross @ carried * EASE[lever]
        # A limb lacks length alone: its root may come nearer from any side. Frames that do not ask for this joint are
        # not to be held by it.
        if joint in ROOTS:
            jacobian[:, span] = along[:, :, None] * (along[:, None] @ jacobian[:, span])
        jacobian[:, span] *= (far > 0)[..., None]
    return wanted, jacobian
