# SPDX-License-Identifier: GPL-3.0-or-later
"""What a generation amounts to in figures: control error in centimetres, foot skating ratio, seconds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.protocol import Generate, Result, Welcome
from blender_addon.shared.skeleton import FPS

from .export.clip_pose import skeleton_joints

if TYPE_CHECKING:
    from rich.console import Console


TOTAL = "Total"
"""The entry of ``Result.timing`` that is the sum of the others."""


@dataclass(frozen=True)
class VariationReport:
    """One motion: distances from the asked points in cm (None when nothing was asked), the share of sliding steps.

    ``skeleton_average_error_cm`` is the average error of what .bvh and .glb hold, whose bones keep their lengths.
    """

    average_error_cm: float | None
    maximum_error_cm: float | None
    percentile95_error_cm: float | None
    skeleton_average_error_cm: float | None
    foot_skating_ratio: float
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """One run of ``gaitway generate``. ``seconds`` is the whole, loading included; ``timing`` its stages."""

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

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def make_report(
    request: Generate,
    result: Result,
    welcome: Welcome,
    files: list[list[Path]],
    seconds: float,
    timing: dict[str, float],
) -> Report:
    """The report of ``result``; ``files`` lists what was written for each variation."""
    asked = int(request.hint_mask.sum())
    variations = []
    signal = ControlSignal(request.hint, request.hint_mask, request.free_height)
    motions = zip(result.joints, result.control_errors, result.foot_skating, files, strict=True)
    for joints, error, skating, written in motions:
        exported = 100 * float(control_errors(skeleton_joints(joints), signal).mean()) if asked else None
        average, maximum, percentile95 = (
            100 * value if asked else None for value in (error.average, error.maximum, error.percentile95)
        )
        names = tuple(str(path) for path in written)
        variations.append(VariationReport(average, maximum, percentile95, exported, skating, names))
    return Report(
        prompt=" ".join(block.text for block in request.prompts),
        motion_seconds=(request.num_frames - 1) / FPS,
        num_frames=request.num_frames,
        controlled_points=asked,
        seed=result.seed,
        model=welcome.model,
        model_hash=result.model_hash,
        device=welcome.device,
        seconds=seconds,
        timing=timing,
        variations=tuple(variations),
    )


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
        if report.controlled_points:
            table.add_row("average error", f"{variation.average_error_cm:.2f} cm")
            table.add_row("maximum error", f"{variation.maximum_error_cm:.2f} cm")
            table.add_row("average in .bvh, .glb", f"{variation.skeleton_average_error_cm:.2f} cm")
        table.add_row("foot skating ratio", f"{variation.foot_skating_ratio:.3f}")
        table.add_row("written", escape("\n".join(variation.files) or "nothing"))
    stages = ", ".join(f"{stage.lower()} {seconds:.2f}" for stage, seconds in report.timing.items())
    table.add_row("seconds", f"{report.seconds:.2f} ({escape(stages)})")
    facts = f"{report.motion_seconds:.1f} s, seed {report.seed}, {report.model} on {report.device}"
    table.add_row("motion", escape(facts))
    console.print(table, highlight=False)
