# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage of a request costs: seconds, processor seconds, the most memory held, multiplications; and how fast this
machine multiplies matrices, which bounds it all from below.

Figures on a machine that others use as well are worth little alone: everything here is meant to be taken in turns with
what it shall be compared with, and medians of that.
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

_RATE_SIZE = 1024  # rows and columns of the matrices whose product is timed
_OWN = Path("/proc/self")


@dataclass
class Stage:
    """Of one run: seconds by the clock, seconds of all processors, the most memory held (MB; None where the system does
    not tell), and operations (a multiplication and an addition are two).
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mb: float | None = None
    operations: float = 0.0


@dataclass
class Run:
    """One request: its stages in order, and the longest time between two chances to cancel."""

    stages: dict[str, Stage] = field(default_factory=dict)
    longest_wait: float = 0.0
    result: Result | None = None

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages.values())


def follow(items: Iterator[Progress | Part | Result], operations_so_far: Callable[[], int] = lambda: 0) -> Run:
    """Run a request to its end. What happens after a Progress belongs to the stage that it names."""
    run, name = Run(), ""
    _forget_peak()
    wall, cpu, operations = time.perf_counter(), time.process_time(), 0
    for item in items:
        now, spent, counted = time.perf_counter(), time.process_time(), operations_so_far()
        peak = _peak_mb()
        if name:
            stage = run.stages.setdefault(name, Stage())
            stage.seconds += now - wall
            stage.cpu_seconds += spent - cpu
            stage.operations += counted - operations
            stage.peak_memory_mb = (
                peak if stage.peak_memory_mb is None or peak is None else max(stage.peak_memory_mb, peak)
            )
            run.longest_wait = max(run.longest_wait, now - wall)
        if isinstance(item, Progress):
            name = item.stage
        elif isinstance(item, Result):
            run.result = item
        _forget_peak()
        wall, cpu, operations = time.perf_counter(), time.process_time(), counted
    return run


def counting(items: Iterator[Progress | Part | Result]) -> Run:
    """As :func:`follow`, with the operations of all matrix products, convolutions and attention counted; slower."""
    from .operation_counter import OperationCounter

    with OperationCounter() as counter:
        return follow(items, lambda: counter.total)


def median_run(runs: list[Run]) -> Run:
    """Stage by stage the medians of several runs of the same request; the worst wait."""
    stages = {}
    for name in runs[0].stages:
        same = [run.stages[name] for run in runs if name in run.stages]
        peaks = [stage.peak_memory_mb for stage in same if stage.peak_memory_mb is not None]
        stages[name] = Stage(
            statistics.median(stage.seconds for stage in same),
            statistics.median(stage.cpu_seconds for stage in same),
            max(peaks, default=None),
            same[0].operations,
        )
    return Run(stages, max(run.longest_wait for run in runs), runs[-1].result)


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

    x, weight = (torch.ones(_RATE_SIZE, _RATE_SIZE, device=device) for _ in range(2))

    def timed(product: Callable[[Tensor, Tensor], Tensor]) -> float:
        started = time.perf_counter()
        product(x, weight)
        if x.is_cuda:
            torch.cuda.synchronize()
        return 2 * _RATE_SIZE**3 / (time.perf_counter() - started)

    with torch.no_grad(), threads_for(_RATE_SIZE):
        return Rate(timed(torch.nn.functional.linear), timed(linear))


def median_rate(rates: list[Rate]) -> Rate:
    return Rate(statistics.median(rate.torch for rate in rates), statistics.median(rate.engine for rate in rates))


def process_peak_mb() -> float:
    """The most memory that this process has held so far."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _forget_peak() -> None:
    """Let Linux count the most memory held from here on."""
    with contextlib.suppress(OSError):
        (_OWN / "clear_refs").write_text("5")


def _peak_mb() -> float | None:
    """The most memory held since :func:`_forget_peak`; None where the system does not tell."""
    try:
        lines = (_OWN / "status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)
