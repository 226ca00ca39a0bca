# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metric of an evaluation as a row: what it is called, how it is computed, and how it is shown.

Tables, the JSON file and the charts are drawn from these rows: a new metric is a function and its row. A row's function
takes what its table is about (see each table) and gives a number, or None where there is none.

Shapes: T frames, J = 22 joints, D embedding width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np

from blender_addon.shared.skeleton import FPS, SKELETON
from engine.metrics import ControlMetrics, foot_skating_ratio

from . import metrics
from .metrics import PositionMetrics

Subject = TypeVar("Subject")

CM, MM = 100, 1000  # in a metre
_PELVIS = SKELETON.index("pelvis")


@dataclass(frozen=True)
class Metric(Generic[Subject]):
    """``name`` in the JSON file; ``label`` and ``digits`` after the point in tables, in none without a label;
    ``chart``: the title of its chart, where it has one.
    """

    name: str
    label: str
    digits: int
    function: Callable[[Subject], float | None]
    chart: str = ""


def measured(table: Sequence[Metric[Any]], subject: object) -> dict[str, float]:
    """Each metric of ``subject`` by its name."""
    values = {metric.name: metric.function(subject) for metric in table}
    return {name: float(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True, eq=False)
class MotionSet:
    """Motions (T, J, 3) in metres, and the first frames of the patches of each; ``seams`` None: there are no
    patches.
    """

    motions: Sequence[np.ndarray]
    seams: Sequence[Sequence[int]] | None = None

    def mean(self, function: Callable[[np.ndarray], float]) -> float:
        return float(np.mean([function(motion) for motion in self.motions]))

    def mean_at_seams(self, function: Callable[[np.ndarray, Sequence[int]], float]) -> float | None:
        if self.seams is None:
            return None
        return float(np.mean([function(motion, own) for motion, own in zip(self.motions, self.seams, strict=True)]))


MOTION: tuple[Metric[MotionSet], ...] = (
    Metric("skating", "skating", 3, lambda s: s.mean(foot_skating_ratio), chart="foot skating ratio"),
    Metric("jerk_p99", "jerk p99", 0, lambda s: s.mean(metrics.jerk_percentile), chart="jerk, m/s³"),
    Metric("floor_mm", "floor mm", 1, lambda s: s.mean(lambda motion: MM * metrics.floor_penetration(motion))),
    Metric("speed_p99", "p99 m/s", 2, lambda s: s.mean(metrics.seam_speed)),
    Metric("seam_speed_p99", "seam m/s", 2, lambda s: s.mean_at_seams(metrics.seam_speed)),
    Metric("seam_sharpness", "sharp", 2, lambda s: s.mean_at_seams(metrics.seam_sharpness)),
)
"""Of motions by themselves."""


@dataclass(frozen=True, eq=False)
class Reconstructed:
    """Motions that went through the autoencoder, each with its number of frames, and their paths' errors (cm)."""

    positions: Sequence[tuple[PositionMetrics, int]]
    path_errors: Sequence[float]

    def mean(self, name: str, unit: float = 1.0) -> float:
        """Of all frames alike."""
        frames = sum(length for _, length in self.positions)
        return unit * sum(getattr(metric, name) * length for metric, length in self.positions) / frames


POSITIONS: tuple[Metric[Reconstructed], ...] = (
    Metric("mpjpe_mm", "mpjpe mm", 1, lambda r: r.mean("mpjpe_aligned", MM)),
    Metric("mpjpe_unaligned_mm", "unaligned", 1, lambda r: r.mean("mpjpe", MM)),
    Metric("feature_error", "feature", 3, lambda r: r.mean("feature_error")),
    Metric("path_cm", "path cm", 2, lambda r: float(np.mean(r.path_errors))),
)
"""Of reconstruction, beside :data:`MOTION`."""


def _mean(name: str) -> Callable[[Sequence[ControlMetrics]], float]:
    return lambda samples: float(np.mean([getattr(sample, name) for sample in samples]))


CONTROL: tuple[Metric[Sequence[ControlMetrics]], ...] = (
    Metric("error_cm", "error cm", 2, lambda samples: CM * _mean("average_error")(samples)),
    Metric("worst_cm", "worst cm", 1, lambda samples: CM * max(sample.average_error for sample in samples)),
    Metric("trajectory_error_20cm", "traj 20", 2, _mean("trajectory_error_20cm")),
    Metric("trajectory_error_50cm", "traj 50", 2, _mean("trajectory_error_50cm")),
    Metric("location_error_20cm", "loc 20", 3, _mean("location_error_20cm")),
    Metric("location_error_50cm", "loc 50", 3, _mean("location_error_50cm")),
)
"""Of a network's answers to hints, a sample each; beside :data:`MOTION` and :data:`SECONDS`."""

SECONDS: Metric[float] = Metric("seconds", "s a clip", 3, lambda seconds: seconds)


@dataclass(frozen=True, eq=False)
class Delivered:
    """What left the engine: motions and the errors of their controls, seconds a clip; ``real``: :data:`MOTION` of the
    captured motions.
    """

    motions: Sequence[np.ndarray]
    errors: Sequence[ControlMetrics]
    seconds: float
    real: dict[str, float]

    @cached_property
    def quality(self) -> dict[str, float]:
        return measured(MOTION, MotionSet(self.motions))

    def mean_cm(self, name: str) -> float:
        return float(np.mean([CM * getattr(error, name) for error in self.errors]))

    def pelvis_height(self) -> float:
        return float(np.mean([motion[:, _PELVIS, 1].mean() for motion in self.motions]))


DELIVERED: tuple[Metric[Delivered], ...] = (
    Metric("error_cm", "error cm", 3, lambda d: d.mean_cm("average_error")),
    Metric("worst_cm", "worst key", 2, lambda d: d.mean_cm("maximum_error")),
    Metric("skating", "skating", 3, lambda d: d.quality["skating"]),
    Metric("skating_ratio", "x real", 2, lambda d: d.quality["skating"] / max(d.real["skating"], 1e-9)),
    Metric("jerk_p99", "jerk p99", 0, lambda d: d.quality["jerk_p99"]),
    Metric("jerk_ratio", "x real", 2, lambda d: d.quality["jerk_p99"] / d.real["jerk_p99"]),
    Metric("floor_mm", "floor mm", 1, lambda d: d.quality["floor_mm"]),
    Metric("speed_p99", "", 2, lambda d: d.quality["speed_p99"]),
    Metric("pelvis_cm", "", 1, lambda d: CM * d.pelvis_height()),
    Metric("seconds", "s a clip", 3, lambda d: d.seconds),
)


@dataclass(frozen=True, eq=False)
class Embedded:
    """Embeddings of sentences (K, D), where the evaluator reads them, and of motions (K, D), in an ``order`` of which
    ``group`` belong together; ``pairs`` for diversity. Of generated motions also the ``real`` ones, and ``repeats``
    (texts, repeats, D) with the pairs of them.
    """

    text: np.ndarray | None
    motion: np.ndarray
    order: np.ndarray
    group: int
    pairs: tuple[np.ndarray, np.ndarray]
    real: np.ndarray | None = None
    repeats: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    @cached_property
    def retrieval(self) -> tuple[float, np.ndarray] | None:
        """Matching score, and R-precision at 1, 2, 3."""
        if self.text is None:
            return None
        return metrics.matching_and_precision(self.text, self.motion, self.order, self.group)


def _precision(top: int) -> Callable[[Embedded], float | None]:
    return lambda e: None if e.retrieval is None else e.retrieval[1][top - 1]


TEXT: tuple[Metric[Embedded], ...] = (
    *(Metric(f"r_precision_{top}", f"R top {top}", 3, _precision(top)) for top in range(1, metrics.TOP + 1)),
    Metric("matching", "matching", 3, lambda e: None if e.retrieval is None else e.retrieval[0]),
    Metric("fid", "FID", 3, lambda e: None if e.real is None else metrics.frechet_distance(e.motion, e.real)),
    Metric("diversity", "diversity", 3, lambda e: metrics.diversity(e.motion, *e.pairs)),
    Metric("multimodality", "multimod.", 3, lambda e: None if e.repeats is None else metrics.multimodality(*e.repeats)),
)
"""Of motions made from text, by an evaluator."""


@dataclass(frozen=True, eq=False)
class Moving:
    """One motion (T, J, 3) in metres."""

    joints: np.ndarray

    @cached_property
    def pelvis(self) -> np.ndarray:
        return np.asarray(self.joints, np.float64)[:, _PELVIS]

    @cached_property
    def speed(self) -> np.ndarray:
        """(T-1,) m/s over the ground."""
        return np.linalg.norm(np.diff(self.pelvis[:, [0, 2]], axis=0), axis=-1) * FPS


MOVEMENT: tuple[Metric[Moving], ...] = (
    Metric("speed", "m/s", 2, lambda m: m.speed.mean(), chart="speed, m/s"),
    Metric("speed_p95", "p95", 2, lambda m: np.percentile(m.speed, 95)),
    Metric("height_cm", "height cm", 1, lambda m: CM * float(m.pelvis[:, 1].mean()), chart="height of the pelvis, cm"),
    Metric("height_range_cm", "range cm", 1, lambda m: CM * float(np.ptp(m.pelvis[:, 1]))),
    Metric("footfalls", "falls/s", 2, lambda m: metrics.footfalls_per_second(m.joints), chart="footfalls a second"),
)
"""What tells verbs apart."""
