# SPDX-License-Identifier: GPL-3.0-or-later
"""The variations of a request: begun with a seed each, grouped for sampling, gathered for the answer.

Shapes: V variations, n frames, J = 22 joints, K hints with slack.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from blender_addon.shared.control import control_errors
from blender_addon.shared.protocol import ControlError, hints_that_move

from ..metrics import control_metrics
from ..models.config import ModelConfig
from ..motion_order import MotionOrder
from .motion import MotionInProgress

SEED_STEP = 1_000_003
"""Between the seeds of variations, so that neighbouring seeds do not share motions."""
BATCH_VARIATIONS = 4
"""Variations sampled in one batch: more bring little, and make a cancel wait."""
_GROUND = np.array([1.0, 0.0, 1.0], np.float32)


def begin_variations(order: MotionOrder, config: ModelConfig) -> list[MotionInProgress]:
    """A motion in progress for each variation of ``order``."""
    patch = config.patch_size if config.token_layout == "patch" else 0
    seeds = (order.seed + variation * SEED_STEP for variation in range(order.num_variations))
    return [MotionInProgress(order, seed, config.min_frames, config.max_frames, patch) for seed in seeds]


def batches(motions: list[MotionInProgress]) -> list[list[MotionInProgress]]:
    """Variations that are sampled together. The first is alone, so that it is what one alone would be, to the bit."""
    return [motions[:1], *(motions[i : i + BATCH_VARIATIONS] for i in range(1, len(motions), BATCH_VARIATIONS))]


def stacked(motions: list[MotionInProgress], span: slice) -> tuple[np.ndarray, np.ndarray]:
    """Joints (V, n, J, 3) and foot contacts (V, n, 4) of the frames ``span``."""
    joints = np.stack([motion.joints[span] for motion in motions])
    if motions[0].order.in_place:
        starts = np.stack([motion.joints[:1, :1] for motion in motions])
        joints = joints - joints[:, :, :1] * _GROUND + starts * _GROUND
    return joints, np.stack([motion.contacts[span] for motion in motions])


def met_frames(motions: list[MotionInProgress], requested: MotionOrder, eased: np.ndarray) -> np.ndarray | None:
    """The frames (V, K) int32 in which the hints that move are met; None where there are none. ``eased`` (T, J): the
    frames in which standing ends had them met.
    """
    standing = requested.from_standing or requested.to_standing
    frames, joints = hints_that_move(requested.signal.hint_mask, requested.slack, standing).T
    return np.stack([motion.met[eased[frames, joints], joints] for motion in motions]) if len(frames) else None


def measured_errors(motions: list[MotionInProgress], requested: MotionOrder) -> tuple[ControlError, ...]:
    """How far each variation is from the requested hints; from those with slack in the frames in which they are met.
    A path that was led around something is not what was requested.
    """
    signal, moves = requested.signal, (requested.slack > 0).any(0)
    errors = []
    for motion in motions:
        hint = np.where(moves[:, None], motion.signal.hint, signal.hint)
        met = replace(signal, hint=hint, hint_mask=np.where(moves, motion.signal.hint_mask, signal.hint_mask))
        measured = control_metrics(control_errors(motion.joints[: requested.num_frames], met))
        errors.append(ControlError(measured.average_error, measured.maximum_error, measured.percentile95_error))
    return tuple(errors)
