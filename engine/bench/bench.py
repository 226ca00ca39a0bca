# SPDX-License-Identifier: GPL-3.0-or-later
"""How long things take on this machine: a cold start in a new process, then lengths, steps and controls in this one.

Figures are medians of several runs after a warm-up, in which operations are counted. Before each run the machine's rate
of matrix products is measured, so that a time can be compared with what the arithmetic alone would take just then.
``python -m engine.bench.bench`` is the new process of the cold start.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.errors import EngineUnavailable
from blender_addon.shared.protocol import Generate, PromptBlock
from blender_addon.shared.skeleton import FPS

from ..inputs.controls import WALKING_HEIGHT_M
from .measure import Rate, StageCost, counting, matrix_rate, measure_run, median_rate, median_run, process_peak_mb

if TYPE_CHECKING:
    from ..pipeline import Pipeline

FRAMES = (60, 120, 196)
STEP_COUNTS = (1, 2, 4)
VARIATION_COUNTS = (1, 2, 4, 8)
CONTROL_CASES = ("none", "path", "refined")  # only text; a pelvis path in every frame; the same with refinement
PROMPT = "a person walks along a winding path"
PUBLISHED_SIZES = "published-sizes"  # instead of a checkpoint: the published model's sizes with random weights


@dataclass(frozen=True)
class Row:
    """One setting: ``seconds`` from request to joints, its stages, the ``longest_wait`` between two chances to cancel,
    and how fast matrices were multiplied between its runs.
    """

    frames: int
    steps: int
    control: str
    seconds: float
    longest_wait: float
    rate: Rate
    stages: dict[str, StageCost] = field(default_factory=dict)
    variations: int = 1

    @property
    def times_real_time(self) -> float:
        """Seconds of motion made in one second."""
        return self.frames / FPS / self.seconds

    @property
    def cpu_seconds(self) -> float:
        """Of all processors."""
        return sum(cost.cpu_seconds for cost in self.stages.values())

    @property
    def operations(self) -> float:
        """Of matrix products, convolutions and attention."""
        return sum(cost.operations for cost in self.stages.values())

    @property
    def floor_seconds(self) -> float:
        """What these operations would take at the rate of large matrix products."""
        return self.operations / self.rate.engine

    def to_dict(self) -> dict[str, Any]:
        """Plain values; ``stages`` are seconds, as in earlier versions, ``costs`` all that is known of each."""
        return {
            "frames": self.frames,
            "steps": self.steps,
            "control": self.control,
            "variations": self.variations,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "longest_wait": self.longest_wait,
            "times_real_time": self.times_real_time,
            "gflop": self.operations / 1e9,
            "floor_seconds": self.floor_seconds,
            "matrix_gflops": self.rate.torch / 1e9,
            "engine_matrix_gflops": self.rate.engine / 1e9,
            "stages": {name: cost.seconds for name, cost in self.stages.items()},
            "costs": {name: asdict(cost) for name, cost in self.stages.items()},
        }


@dataclass(frozen=True)
class ColdStart:
    """A new process: seconds to import, to load the model, to the first motion, in all, and its peak memory in MB."""

    importing: float
    loading: float
    first_motion: float
    total: float
    peak_memory_mb: float


def load_pipeline(source: Path | str | None, device: str) -> Pipeline:
    """The embedded model, a checkpoint, or ``PUBLISHED_SIZES``."""
    if source == PUBLISHED_SIZES:
        from .random_model import published_sizes

        return published_sizes(device)
    from ..pipeline import Pipeline

    return Pipeline.load(Path(source) if source else None, device=device)


def walk_request(frames: int, steps: int, control: str, seed: int = 0) -> Generate:
    """A walk at 1.2 m/s, winding 0.6 m to either side where it has a path."""
    signal = ControlSignal.empty(frames)
    if control != "none":
        times = np.arange(frames) / FPS
        height = np.full(frames, WALKING_HEIGHT_M)
        points = np.stack([0.6 * np.sin(0.8 * times), height, 1.2 * times], axis=-1)
        signal = ControlSignal.from_tracks({"pelvis": (times, points)}, frames)
    return Generate(
        request_id="bench",
        prompts=(PromptBlock(PROMPT, 0, frames),),
        num_frames=frames,
        hint=signal.hint,
        hint_mask=signal.hint_mask,
        seed=seed,
        num_inference_steps=steps,
        refine=control == "refined",
        exact=control == "refined",
    )


def measure_request(
    pipeline: Pipeline, request: Generate, repeats: int, control: str, without: tuple[str, ...] = ()
) -> Row:
    """Run ``request`` ``repeats`` times after one warm-up; medians. Stages named in ``without`` are left out."""
    counted = counting(pipeline.generate(request))
    runs, rates = [], []
    for run in range(repeats):
        rates.append(matrix_rate(str(pipeline.device)))
        # A slightly different path each time: the pipeline caches what it has computed from the last one.
        request = dataclasses.replace(request, hint=request.hint * np.float32(1 + 1e-4 * (run + 1)))
        runs.append(measure_run(pipeline.generate(request)))
        for name in without:
            runs[-1].stages.pop(name, None)
    typical = median_run(runs)
    for name, cost in typical.stages.items():
        cost.operations = counted.stages[name].operations if name in counted.stages else 0.0
    # Not the sum of the stages' medians: on a busy machine each of them may come from another run.
    seconds = float(np.median([run.seconds for run in runs]))
    return Row(
        request.num_frames,
        request.num_inference_steps,
        control,
        seconds,
        typical.longest_wait,
        median_rate(rates),
        typical.stages,
        request.num_variations,
    )


def measure_all(
    pipeline: Pipeline,
    repeats: int,
    show: Callable[[str, float], None] = lambda stage, fraction: None,
    *,
    networks_only: bool = False,
) -> Iterator[Row]:
    """A row for every length that the model can generate, number of steps, and kind of control.

    ``networks_only`` leaves out what comes after the networks, as other implementations do: refinement, and finishing,
    which keeps bone lengths and plants feet.
    """
    lengths, controls = _settings(pipeline, networks_only)
    settings = [(f, s, c) for f in lengths for s in STEP_COUNTS for c in controls]
    for done, (count, steps, control) in enumerate(settings):
        show(f"{count} frames, {steps} steps, control: {control}", done / len(settings))
        yield _measured(pipeline, walk_request(count, steps, control), repeats, control, networks_only)


def measure_variations(pipeline: Pipeline, repeats: int, *, networks_only: bool = False) -> Iterator[Row]:
    """The longest motion with the most steps and control, in one variation and in several at once."""
    lengths, controls = _settings(pipeline, networks_only)
    request = walk_request(lengths[-1], STEP_COUNTS[-1], controls[-1])
    for count in VARIATION_COUNTS:
        several = dataclasses.replace(request, num_variations=count)
        yield _measured(pipeline, several, repeats, controls[-1], networks_only)


def _settings(pipeline: Pipeline, networks_only: bool) -> tuple[list[int], Sequence[str]]:
    """Lengths that the model can generate, and kinds of control."""
    welcome = pipeline.describe()
    lengths = [count for count in FRAMES if welcome.min_frames <= count <= welcome.max_frames]
    return lengths, (CONTROL_CASES[:2] if networks_only else CONTROL_CASES) if welcome.joints else CONTROL_CASES[:1]


def _measured(pipeline: Pipeline, request: Generate, repeats: int, control: str, networks_only: bool) -> Row:
    if not networks_only:
        return measure_request(pipeline, request, repeats, control)
    request = dataclasses.replace(request, plant_feet=False, exact=False)
    return measure_request(pipeline, request, repeats, control, ("Finishing",))


def cold_start(source: Path | str | None, device: str) -> ColdStart:
    """Time a new process from its start to its first motion. Raises EngineUnavailable when it fails."""
    command = [sys.executable, "-m", "engine.bench.bench", str(source or ""), device]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    total = time.perf_counter() - started
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise EngineUnavailable(f"A new process could not generate a motion: {last}", "Run `gaitway doctor`.")
    return ColdStart(total=total, **json.loads(done.stdout.splitlines()[-1]))


def bench_summary(
    cold: ColdStart, rows: list[Row], model: str, device: str, video_memory_mb: float | None
) -> dict[str, Any]:
    """Everything as plain values, with the ratios that can be compared between machines."""
    seconds = {(row.frames, row.steps, row.control): row.seconds for row in rows}
    longest = max(row.frames for row in rows)
    base = seconds[longest, 1, "none"]
    ratios = {
        f"{longest} frames, {steps} steps, {control}": seconds[longest, steps, control] / base
        for steps in STEP_COUNTS
        for control in CONTROL_CASES
        if (longest, steps, control) in seconds
    }
    return {
        "model": model,
        "device": device,
        "cold_start": asdict(cold),
        "matrix_gflops": median_rate([row.rate for row in rows]).torch / 1e9,
        "engine_matrix_gflops": median_rate([row.rate for row in rows]).engine / 1e9,
        "rows": [row.to_dict() for row in rows],
        "ratios_to_one_step_without_control": ratios,
        "longest_wait_for_cancel": max(row.longest_wait for row in rows),
        "peak_memory_mb": process_peak_mb(),
        "video_memory_mb": video_memory_mb,
    }


def _child(source: str, device: str) -> None:
    """The cold process: import, load, generate one motion, print the times."""
    started = time.perf_counter()
    import engine.pipeline  # noqa: F401  (what takes the time of importing)

    imported = time.perf_counter()
    pipeline = load_pipeline(source, device)
    loaded = time.perf_counter()
    welcome = pipeline.describe()
    frames = min(FRAMES[1], welcome.max_frames)
    for _ in pipeline.generate(walk_request(frames, 0, "path" if welcome.joints else "none")):
        pass
    times = {
        "importing": imported - started,
        "loading": loaded - imported,
        "first_motion": time.perf_counter() - loaded,
    }
    print(json.dumps(times | {"peak_memory_mb": process_peak_mb()}))


if __name__ == "__main__":
    _child(*sys.argv[1:])
