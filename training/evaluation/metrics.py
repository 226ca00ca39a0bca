# SPDX-License-Identifier: GPL-3.0-or-later
"""Every figure by which generated motion is judged, as pure functions: the random draws are arguments.

Distances from a control and sliding feet come from :mod:`engine.metrics`, so that engine and training share one
definition. The text-motion figures follow Guo et al., "Generating Diverse and Natural 3D Human Motions from Text", CVPR
2022, section 6, and the specification of MotionLCM's evaluation.

Shapes: B batch, T frames, J = 22 joints, F = 263 features, K samples, D embedding width. Metres, Y up, 20 fps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from blender_addon.shared.errors import BadRequest
from blender_addon.shared.features import CONTACT_SPEED
from blender_addon.shared.skeleton import FEET, FPS, SKELETON
from engine.metrics import ControlMetrics, control_metrics, mpjpe

GROUP = 32  # samples among which a text has to find its motion
TOP = 3
DIVERSITY_PAIRS = 300
MULTIMODALITY_TEXTS, MULTIMODALITY_REPEATS, MULTIMODALITY_PAIRS = 100, 30, 10

_REGULARISATION = 1e-6  # of covariances whose product has no finite root


@dataclass(frozen=True)
class PositionMetrics:
    """``mpjpe_aligned`` and ``mpjpe`` in metres (pelvis laid on pelvis in each frame, or not); ``feature_error``."""

    mpjpe_aligned: float
    mpjpe: float
    feature_error: float


def position_metrics(
    joints: np.ndarray,
    reference: np.ndarray,
    features: np.ndarray,
    reference_features: np.ndarray,
    lengths: Sequence[int],
) -> PositionMetrics:
    """How far padded motions (B, T, J, 3) and their features (B, T, F) are from the reference's.

    Distances are summed over frames and divided by the number of frames of all motions together; ``feature_error`` is
    the sum of each motion's Frobenius norm |features - reference| by the same number.
    """
    aligned = unaligned = frobenius = 0.0
    for b, length in enumerate(lengths):
        a, r = joints[b, :length], reference[b, :length]
        aligned += mpjpe(a, r, align_root=True) * length
        unaligned += mpjpe(a, r, align_root=False) * length
        difference = np.asarray(features[b, :length], np.float64) - np.asarray(reference_features[b, :length])
        frobenius += float(np.linalg.norm(difference))
    total = sum(lengths)
    return PositionMetrics(aligned / total, unaligned / total, frobenius / total)


def control_batch_metrics(joints: np.ndarray, hint: np.ndarray, hint_mask: np.ndarray) -> ControlMetrics:
    """Means over the samples of joints, hint (B, T, J, 3) metres and hint_mask (B, T, J): trajectory error (any point
    beyond 20 or 50 cm), location error (share of points), average error.

    Padding has mask 0. Samples without any hint do not count.
    """
    distance = np.linalg.norm(np.asarray(joints, np.float64) - np.asarray(hint, np.float64), axis=-1)
    mask = np.asarray(hint_mask, bool)
    return mean_control_metrics(control_metrics(d[m]) for d, m in zip(distance, mask, strict=True) if m.any())


def mean_control_metrics(samples: Iterable[ControlMetrics]) -> ControlMetrics:
    """Each measure's mean over samples; all zero when there are none."""
    listed = list(samples)
    if not listed:
        return ControlMetrics()
    return ControlMetrics(**{f.name: float(np.mean([getattr(s, f.name) for s in listed])) for f in fields(listed[0])})


def jerk_percentile(joints: np.ndarray, percentile: float = 99) -> float:
    """Percentile of the third derivative's length over frames and joints of (T, J, 3), in m/s^3."""
    if len(joints) < 4:
        return 0.0
    return float(np.percentile(np.linalg.norm(np.diff(joints, 3, axis=0), axis=-1) * FPS**3, percentile))


def floor_penetration(joints: np.ndarray) -> float:
    """Mean over the frames of (T, J, 3) of how deep the lowest joint stands below the floor (Y = 0), in metres."""
    return float(np.maximum(-np.asarray(joints, np.float64)[..., 1].min(-1), 0.0).mean())


def seam_speed(joints: np.ndarray, seams: Sequence[int] | None = None, percentile: float = 99) -> float:
    """Percentile, over joints, of the speed (m/s) of the steps into the frames ``seams`` of (T, J, 3); None: all steps.

    A seam is the first frame of a new patch or window; a motion is sewn well when its seams are no faster than the
    steps of real motion. No seam: 0.
    """
    steps = np.linalg.norm(np.diff(np.asarray(joints, np.float64), axis=0), axis=-1) * FPS
    chosen = steps if seams is None else steps[[s - 1 for s in seams if 0 < s < len(joints)]]
    return float(np.percentile(chosen, percentile)) if chosen.size else 0.0


def seam_sharpness(joints: np.ndarray, seams: Sequence[int]) -> float:
    """Mean acceleration around the seams of (T, J, 3) divided by that elsewhere: 1 where no seam can be seen.

    The two accelerations that the step across a seam takes part in count as the seam's. 1 when there is none.
    """
    bend = np.linalg.norm(np.diff(np.asarray(joints, np.float64), 2, axis=0), axis=-1).mean(-1)  # centred on 1..T-2
    at = np.zeros(len(bend), bool)
    for seam in seams:
        at[max(seam - 2, 0) : max(seam, 0)] = True
    if not at.any() or at.all() or bend[~at].mean() == 0:
        return 1.0
    return float(bend[at].mean() / bend[~at].mean())


def footfalls_per_second(joints: np.ndarray) -> float:
    """How often a foot (toe joint) of (T, J, 3) comes to rest near the floor after it was moving, by the second.

    A foot rests in a step when it is lower than 12 cm and slower than 30 % of its own fast steps (95th percentile), but
    at least 0.2 m/s and at most the features' own contact threshold (0.9 m/s): so a slow sneak has footfalls too.
    Single steps that interrupt rest or movement are ignored.
    """
    feet = np.asarray(joints, np.float64)[:, SKELETON.indices(*FEET)]
    speed = np.linalg.norm(np.diff(feet, axis=0), axis=-1) * FPS
    if len(speed) < 3:
        return 0.0
    slow = np.clip(0.3 * np.percentile(speed, 95, axis=0), 0.2, CONTACT_SPEED * FPS)
    rests = (speed < slow) & (feet[1:, :, 1] < 0.12)
    steady = rests.copy()
    steady[1:-1] = rests[:-2].astype(int) + rests[1:-1] + rests[2:] >= 2  # the majority of three
    falls = (steady[1:] & ~steady[:-1]).sum()
    return float(falls) / (len(rests) / FPS)


def euclidean_matrix(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Distances (K, L) between the rows of (K, D) and (L, D)."""
    return cdist(np.asarray(first, np.float64), np.asarray(second, np.float64))


def matching_and_precision(
    text: np.ndarray, motion: np.ndarray, order: Sequence[int] | np.ndarray, group: int = GROUP, top: int = TOP
) -> tuple[float, np.ndarray]:
    """Matching score and R-precision top 1..``top`` (top,) of paired embeddings (K, D), shuffled by ``order`` (K,).

    In each whole group the matching score takes the mean distance between a text and its own motion; R-precision the
    share of texts whose own motion is among the nearest. Of equally near motions the earlier stands first, so that
    embeddings that are all the same find their own by chance only. Raises BadRequest when there is no whole group.
    """
    order = np.asarray(order)
    if len(order) < group:
        raise BadRequest(
            f"{len(order)} motions do not fill a group of {group}.", "Give more motions or a smaller group."
        )
    distances, hits = [], np.zeros(top)
    for start in range(0, len(order) - group + 1, group):
        chosen = order[start : start + group]
        matrix = euclidean_matrix(np.asarray(text)[chosen], np.asarray(motion)[chosen])
        distances.append(np.diagonal(matrix))
        place = matrix.argsort(axis=1, kind="stable").argsort(axis=1)[np.arange(group), np.arange(group)]
        hits += [(place <= k).sum() for k in range(top)]
    scores = np.concatenate(distances)
    return float(scores.mean()), hits / len(scores)


def frechet_gaussians(mean1: np.ndarray, cov1: np.ndarray, mean2: np.ndarray, cov2: np.ndarray) -> float:
    """Squared Frechet distance |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) of two Gaussians (Heusel et al., 2017)."""
    root = sqrtm(cov1 @ cov2)
    if not np.isfinite(root).all():
        small = np.eye(len(cov1)) * _REGULARISATION
        root = sqrtm((cov1 + small) @ (cov2 + small))
    return float(((mean1 - mean2) ** 2).sum() + np.trace(cov1) + np.trace(cov2) - 2 * np.trace(np.real(root)))


def frechet_distance(generated: np.ndarray, real: np.ndarray) -> float:
    """FID between embeddings (K, D) and (L, D), K and L at least 2. It grows as samples get fewer: compare like with
    like.
    """
    a, b = np.asarray(generated, np.float64), np.asarray(real, np.float64)
    return frechet_gaussians(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))


def diversity(embeddings: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Mean distance between the embeddings (K, D) at ``first`` (P,) and those at ``second`` (P,)."""
    embeddings = np.asarray(embeddings, np.float64)
    return float(np.linalg.norm(embeddings[first] - embeddings[second], axis=-1).mean())


def multimodality(embeddings: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Mean distance between repeats ``first`` and ``second`` (P,) of embeddings (texts, repeats, D)."""
    embeddings = np.asarray(embeddings, np.float64)
    return float(np.linalg.norm(embeddings[:, first] - embeddings[:, second], axis=-1).mean())


def random_pairs(count: int, pairs: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two draws of ``pairs`` (at most ``count``) of the numbers 0..count-1, each without replacement."""
    pairs = min(pairs, count)
    return generator.choice(count, pairs, replace=False), generator.choice(count, pairs, replace=False)


@dataclass(frozen=True)
class Estimate:
    """Mean of replications, and half the width of its 95 % confidence interval."""

    mean: float
    interval: float


def estimate(values: Sequence[float] | np.ndarray) -> Estimate:
    """Mean and 1.96 standard deviations (divided by n, as published) over the root of n; one value: interval 0."""
    values = np.asarray(values, np.float64)
    return Estimate(float(values.mean()), float(1.96 * values.std() / np.sqrt(len(values))))
