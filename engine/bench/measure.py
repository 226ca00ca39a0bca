# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage of a request costs: seconds, processor seconds, peak memory, operations; and how fast this machine
multiplies matrices, which bounds all of it from below.

Figures from a machine that others use too mean little alone: measure in alternation with what they are compared with,
and take medians.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from blender_addon.shared.protocol import Part, Progress, Result

if TYPE_CHECKING:
    from torch import Tensor

_MATRIX_SIZE = 1024  # rows and columns of the matrices whose product is timed
_OWN_PROCESS = Path("/proc/self")


@dataclass
class StageCost:
    """Of one run: seconds by the clock, seconds of all processors, peak memory (MB; None where it is not known), and
    operations (a multiplication and an addition are two).
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mb: float | None = None
    operations: float = 0.0


@dataclass
class MeasuredRun:
    """One request: its stages in order, and the longest time between two chances to cancel."""

    stages: dict[str, StageCost] = field(default_factory=dict)
    longest_wait: float = 0.0
    result: Result | None = None

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages.values())


def measure_run(
    items: Iterator[Progress | Part | Result], operations_so_far: Callable[[], int] = lambda: 0
) -> MeasuredRun:
    """Run a request to its end. What happens after a Progress belongs to the stage that it names."""
    run, name = MeasuredRun(), ""
    _reset_peak()
    wall, cpu, operations = time.perf_counter(), time.process_time(), 0
    for item in items:
        now, spent, counted = time.perf_counter(), time.process_time(), operations_so_far()
        peak = _peak_mb()
        if name:
            cost = run.stages.setdefault(name, StageCost())
            cost.seconds += now - wall
            cost.cpu_seconds += spent - cpu
            cost.operations += counted - operations
            cost.peak_memory_mb = max((mb for mb in (cost.peak_memory_mb, peak) if mb is not None), default=None)
            run.longest_wait = max(run.longest_wait, now - wall)
        if isinstance(item, Progress):
            name = item.stage
        elif isinstance(item, Result):
            run.result = item
        _reset_peak()
        wall, cpu, operations = time.perf_counter(), time.process_time(), counted
    return run


def counting(items: Iterator[Progress | Part | Result]) -> MeasuredRun:
    """As :func:`follow`, with the operations of all matrix products, convolutions and attention counted; slower."""
    from .operation_counter import OperationCounter

    with OperationCounter() as counter:
        return measure_run(items, lambda: counter.total)


def median_run(runs: list[MeasuredRun]) -> MeasuredRun:
    """Stage by stage the medians of several runs of the same request; the worst wait."""
    stages = {}
    for name in runs[0].stages:
        same = [run.stages[name] for run in runs if name in run.stages]
        peaks = [stage.peak_memory_mb for stage in same if stage.peak_memory_mb is not None]
        stages[name] = StageCost(
            statistics.median(stage.seconds for stage in same),
            statistics.median(stage.cpu_seconds for stage in same),
            max(peaks, default=None),
            same[0].operations,
        )
    return MeasuredRun(stages, max(run.longest_wait for run in runs), runs[-1].result)


@dataclass(frozen=True)
class Rate:
    """Operations a second in products of large float32 matrices: of torch's own product, and of the engine's."""

    torch: float
    engine: float


def matrix_rate(device: str = "cpu") -> Rate:
    """One measurement, some tens of milliseconds."""
    import torch

    from ..compute.device import threads_for
    from ..compute.matmul import linear

    x, weight = (torch.ones(_MATRIX_SIZE, _MATRIX_SIZE, device=device) for _ in range(2))

    def timed(product: Callable[[Tensor, Tensor], Tensor]) -> float:
        started = time.perf_counter()
        product(x, weight)
        if x.is_cuda:
            torch.cuda.synchronize()
        return 2 * _MATRIX_SIZE**3 / (time.perf_counter() - started)

    with torch.no_grad(), threads_for(_MATRIX_SIZE):
        return Rate(timed(torch.nn.functional.linear), timed(linear))


def median_rate(rates: list[Rate]) -> Rate:
    return Rate(statistics.median(rate.torch for rate in rates), statistics.median(rate.engine for rate in rates))


def process_peak_mb() -> float:
    """Peak memory of this process so far."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _reset_peak() -> None:
    """Make Linux count peak memory from here on."""
    with contextlib.suppress(OSError):
        (_OWN_PROCESS / "clear_refs").write_text("5")


def _peak_mb() -> float | None:
    """Peak memory since :func:`_reset_peak`; None where the system does not say."""
    try:
        lines = (_OWN_PROCESS / "status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)
