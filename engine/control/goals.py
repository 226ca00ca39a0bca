# SPDX-License-Identifier: GPL-3.0-or-later
"""Goals of a motion's joints, as residuals in metres and as quadratic costs for whoever moves the joints.

Hints say where a joint goes, within a tolerance; relative targets where it goes as seen from another one; obstacles
where nothing may be; a facing where the line across the hips points. Around given joints each of them is a distance to
make up, linear in the joints' positions, so a solver needs no more than the gradient and the Gauss-Newton matrix of
half the sum of squares. Whatever the joints are functions of (the latent in ``refine``, the angles of the body in
``fit_body``) comes in by the chain rule over there.

Shapes: T frames, J = 22 joints, C joints that are concerned. Metres, radians; Y up, canonical frame; numpy, float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from blender_addon.shared import quat
from blender_addon.shared.control import CanonicalFrame
from blender_addon.shared.protocol import Obstacle, RelativeTarget
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.solids import penetration

from ..motion_order import MotionOrder
from .facing_goal import HIPS, FacingGoal
from .quadratic_cost import QuadraticCost

OBSTACLE_WEIGHT = 4.0  # of a depth beside a distance from a hint: an obstacle is not a goal among others
EXTRA_DEPTH_M = 0.002  # by which a joint is led out further than it must, so that it stays out


@dataclass(frozen=True, eq=False)
class Goals:
    """``hint`` (T, J, 3); ``requested`` (T, J, 3) bool, which of its coordinates; ``tolerance`` (T, J) metres that a
    joint may stay away. Relative targets and obstacles as the protocol has them, obstacles in the canonical frame.
    ``facing``: where the body faces; None where that is free.
    """

    hint: np.ndarray
    requested: np.ndarray
    tolerance: np.ndarray
    relative: tuple[RelativeTarget, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    facing: FacingGoal | None = None

    def __bool__(self) -> bool:
        return bool(self.required.any() or self.relative or self.obstacles)

    @property
    def required(self) -> np.ndarray:
        """(T, J) bool: hints that are more than a direction to steer in."""
        return self.requested.any(-1) & np.isfinite(self.tolerance)

    @property
    def joints(self) -> list[int]:
        """The joints that are concerned; with obstacles all of them."""
        if self.obstacles:
            return list(range(SKELETON.num_joints))
        named = {SKELETON.index(name) for target in self.relative for name in (target.joint, target.to_joint)}
        facing = HIPS if self.facing is not None else ()
        return sorted(named | set(facing) | set(np.flatnonzero(self.required.any(0)).tolist()))

    def residuals(self, joints: np.ndarray, yaw: np.ndarray) -> np.ndarray:
        """Metres (K,) by which ``joints`` (T, J, 3) with headings ``yaw`` (T,) miss, beyond tolerance: each hint, each
        frame of a relative target, each joint in an obstacle, each frame with a facing.
        """
        parts = [quat.norm(self._missing(joints))[..., 0][self.required]]
        parts += [np.linalg.norm(missing, axis=-1) for _, _, _, missing in self._relative(joints, yaw)]
        for obstacle in self.obstacles:
            depth, _ = penetration(obstacle, joints)
            parts.append(depth[depth > 0])
        if self.facing is not None:
            parts.append(self.facing.residuals(joints))
        return np.concatenate(parts)

    def cost(self, joints: np.ndarray, yaw: np.ndarray, obstacle_weight: float = OBSTACLE_WEIGHT) -> float:
        """Half the squares whose slope :meth:`linearize` gives, at ``joints`` (T, J, 3) with headings ``yaw`` (T,)."""
        total = (self._missing(joints)[self.required] ** 2).sum()
        total += sum((missing**2).sum() for _, _, _, missing in self._relative(joints, yaw))
        for obstacle in self.obstacles:
            depth, _ = penetration(obstacle, joints)
            total += obstacle_weight * (np.where(depth > 0, depth + EXTRA_DEPTH_M, 0.0) ** 2).sum()
        return float(total / 2) + (self.facing.cost(joints) if self.facing is not None else 0.0)

    def linearize(self, joints: np.ndarray, yaw: np.ndarray, obstacle_weight: float = OBSTACLE_WEIGHT) -> QuadraticCost:
        """The cost of the concerned joints around ``joints`` (T, J, 3) with headings ``yaw`` (T,)."""
        concerned = self.joints
        frames, count = len(joints), len(concerned)
        gradient, matrix = np.zeros((frames, count, 3)), np.zeros((frames, count, 3, count, 3))
        index = {joint: i for i, joint in enumerate(concerned)}
        counts = (self.requested & self.required[..., None])[:, concerned].astype(float)
        gradient -= counts * self._missing(joints)[:, concerned]
        each, axes = np.arange(count)[:, None], np.arange(3)
        matrix[:, each, axes, each, axes] += counts
        for span, joint, base, missing in self._relative(joints, yaw):
            a, b = index[joint], index[base]
            gradient[span, a] -= missing
            gradient[span, b] += missing
            for first, second, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
                matrix[span, first, axes, second, axes] += sign
        for obstacle in self.obstacles:
            depth, outward = penetration(obstacle, joints[:, concerned])
            inside = depth > 0
            gradient -= obstacle_weight * np.where(inside, depth + EXTRA_DEPTH_M, 0.0)[..., None] * outward
            normal = obstacle_weight * inside[..., None, None] * outward[..., :, None] * outward[..., None, :]
            matrix[:, np.arange(count), :, np.arange(count)] += normal.swapaxes(0, 1)
        cost = QuadraticCost(concerned, gradient.reshape(frames, -1), matrix.reshape(frames, 3 * count, 3 * count))
        if self.facing is not None:
            self.facing.add_to(cost, joints)
        return cost

    def _missing(self, joints: np.ndarray) -> np.ndarray:
        """(T, J, 3): the offset from each joint to the nearest point within its hint's tolerance; 0 without a hint."""
        missing = np.where(self.requested, self.hint - joints, 0.0)
        distance = quat.norm(missing)
        beyond = np.maximum(distance - np.where(np.isfinite(self.tolerance), self.tolerance, 0.0)[..., None], 0.0)
        return missing * (beyond / np.maximum(distance, 1e-12))

    def _relative(self, joints: np.ndarray, yaw: np.ndarray) -> list[tuple[slice, int, int, np.ndarray]]:
        """For each relative target its frames, its two joints, and the offset (frames, 3) that is missing."""
        result = []
        for target in self.relative:
            span = slice(target.start_frame, target.start_frame + target.num_frames)
            joint, base = SKELETON.indices(target.joint, target.to_joint)
            offset = quat.rotate(quat.from_yaw(yaw[span]), np.asarray(target.offset, float))
            result.append((span, joint, base, joints[span, base] + offset - joints[span, joint]))
        return result


def goals_of(order: MotionOrder, frame: CanonicalFrame) -> Goals:
    """The goals of an order in the canonical ``frame``."""
    rotation = quat.from_yaw(np.asarray(-frame.heading))
    obstacles = tuple(
        replace(
            obstacle,
            centre=tuple(frame.to_model(np.asarray(obstacle.centre, float)).tolist()),
            rotation=tuple(quat.multiply(rotation, np.asarray(obstacle.rotation, float)).tolist()),
        )
        for obstacle in order.obstacles
    )
    hint = frame.to_model(order.signal.hint)
    return Goals(hint, order.signal.coordinates, order.tolerance.astype(float), order.relative, obstacles)


def hint_goals(hint: np.ndarray, requested: np.ndarray) -> Goals:
    """Goals that are hints (T, J, 3) alone; ``requested`` (T, J, 3) bool, which of their coordinates."""
    return Goals(np.asarray(hint, float), np.asarray(requested, bool), np.zeros(hint.shape[:2]))
