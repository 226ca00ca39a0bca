# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished generation in figures: control error in centimetres, foot skating ratio, seconds.

A figure is one row of :data:`METRICS`: its name in the JSON line, its function, its label and digits in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.protocol import ControlError, Generate, MotionSource, Result, Welcome
from blender_addon.shared.skeleton import FPS

from .export.clip_pose import skeleton_joints

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_SOURCES = 5
TOTAL = "Total"
"""The entry of ``Result.timing`` that is the sum of the others."""


@dataclass(frozen=True, eq=False)
class Variation:
    """One motion of a result, as a metric gets it: ``joints`` (T,22,3) in metres, the targets, and what the engine
    has measured itself.
    """

    joints: np.ndarray
    signal: ControlSignal
    control_error: ControlError
    foot_skating: float


@dataclass(frozen=True)
class ReportMetric:
    """``name`` and ``function`` of a figure; its ``label``, ``digits`` and ``unit`` in the table, no label: only in
    JSON. One that ``needs_targets`` is None for a motion without them.
    """

    name: str
    function: Callable[[Variation], float]
    label: str = ""
    digits: int = 2
    unit: str = ""
    needs_targets: bool = True


def _skeleton_error_cm(variation: Variation) -> float:
    """Average error of what .bvh and .glb contain, whose bones keep their lengths."""
    return 100 * float(control_errors(skeleton_joints(variation.joints), variation.signal).mean())


METRICS = (
    ReportMetric("average_error_cm", lambda v: 100 * v.control_error.average, "average error", 2, " cm"),
    ReportMetric("maximum_error_cm", lambda v: 100 * v.control_error.maximum, "maximum error", 2, " cm"),
    ReportMetric("percentile95_error_cm", lambda v: 100 * v.control_error.percentile95),
    ReportMetric("skeleton_average_error_cm", _skeleton_error_cm, "average in .bvh, .glb", 2, " cm"),
    ReportMetric("foot_skating_ratio", lambda v: v.foot_skating, "foot skating ratio", 3, needs_targets=False),
)


@dataclass(frozen=True)
class VariationReport:
    """The figures of one motion by the names of :data:`METRICS`, the files that were written, and the captured clips
    that it was made of.
    """

    figures: dict[str, float | None]
    files: tuple[str, ...] = ()
    sources: tuple[MotionSource, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**self.figures, "files": self.files, "sources": tuple(asdict(source) for source in self.sources)}


@dataclass(frozen=True)
class Report:
    """One run of ``gaitway generate``. ``seconds`` is the whole, loading included; ``timing`` its stages; ``nearness``,
    ``closest`` and ``notice`` what ``Result`` says of the library of captured motion.
    """

    prompt: str
    motion_seconds: float
    num_frames: int
    controlled_points: int
    seed: int
    model: str
    model_hash: str
    device: str
    seconds: float
    timing: dict[str, float] = field(default_factory=dict)
    variations: tuple[VariationReport, ...] = ()
    nearness: float | None = None
    closest: str = ""
    notice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "variations": [variation.to_dict() for variation in self.variations]}


def make_report(
    request: Generate, result: Result, welcome: Welcome, files: list[list[Path]], timing: dict[str, float]
) -> Report:
    """The report of ``result``; ``files`` lists what was written for each variation, ``timing`` the seconds of each
    stage and of the whole, ``TOTAL``.
    """
    sources = result.sources or ((),) * len(files)
    return Report(
        prompt=" ".join(block.text for block in request.prompts),
        motion_seconds=(request.num_frames - 1) / FPS,
        num_frames=request.num_frames,
        controlled_points=int(request.hint_mask.sum()),
        seed=result.seed,
        model=welcome.model,
        model_hash=result.model_hash,
        device=welcome.device,
        seconds=timing[TOTAL],
        timing={stage: seconds for stage, seconds in timing.items() if stage != TOTAL},
        variations=tuple(
            VariationReport(_figures(variation), tuple(str(path) for path in written), made_of)
            for variation, written, made_of in zip(_variations(request, result), files, sources, strict=True)
        ),
        nearness=result.nearness,
        closest=result.closest,
        notice=result.notice,
    )


def _variations(request: Generate, result: Result) -> Iterator[Variation]:
    signal = ControlSignal(request.hint, request.hint_mask, request.free_height)
    for joints, error, skating in zip(result.joints, result.control_errors, result.foot_skating, strict=True):
        yield Variation(joints, signal, error, skating)


def _figures(variation: Variation) -> dict[str, float | None]:
    has_targets = bool(variation.signal.hint_mask.any())
    return {
        metric.name: metric.function(variation) if has_targets or not metric.needs_targets else None
        for metric in METRICS
    }


def _made_of(sources: Sequence[MotionSource]) -> str:
    """A line for each captured clip that a motion was made of, the longest first."""
    if not sources:
        return "the network alone"
    frames: dict[tuple[str, str, bool], int] = {}
    for source in sources:
        clip = (source.caption, source.clip, source.mirrored)
        frames[clip] = frames.get(clip, 0) + source.num_frames
    longest = sorted(frames, key=lambda clip: -frames[clip])
    lines = [
        f"{caption} ({name}{', mirrored' if mirrored else ''}, {frames[caption, name, mirrored] / FPS:.1f} s)"
        for caption, name, mirrored in longest[:SHOWN_SOURCES]
    ]
    return "\n".join([*lines, *([f"and {more} more"] if (more := len(frames) - SHOWN_SOURCES) > 0 else [])])


def print_report(report: Report, console: Console) -> None:
    """The report as a table for a person."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for number, variation in enumerate(report.variations, 1):
        if len(report.variations) > 1:
            table.add_row(f"Motion {number}", "")
        for metric in METRICS:
            value = variation.figures[metric.name]
            if metric.label and value is not None:
                table.add_row(metric.label, f"{value:.{metric.digits}f}{metric.unit}")
        if report.nearness is not None:
            table.add_row("made of", escape(_made_of(variation.sources)))
        table.add_row("written", escape("\n".join(variation.files) or "nothing"))
    if report.notice:
        table.add_row("note", escape(report.notice))
    stages = ", ".join(f"{stage.lower()} {seconds:.2f}" for stage, seconds in report.timing.items())
    table.add_row("seconds", f"{report.seconds:.2f} ({escape(stages)})")
    facts = f"{report.motion_seconds:.1f} s, seed {report.seed}, {report.model} on {report.device}"
    table.add_row("motion", escape(facts))
    console.print(table, highlight=False)
