# SPDX-License-Identifier: GPL-3.0-or-later
"""How long things take on this machine: a cold start in a new process, then lengths, steps and controls in this one.

Figures are medians of several runs after a warm-up. ``python -m engine.bench`` is the new process of the cold start.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.errors import EngineUnavailable
from blender_addon.shared.protocol import Generate, PromptBlock, Result
from blender_addon.shared.skeleton import FPS
from engine.control_file import WALKING_HEIGHT
from engine.report import TOTAL

if TYPE_CHECKING:
    from engine.pipeline import Pipeline

FRAMES = (60, 120, 196)
STEPS = (1, 2, 4)
CONTROLS = ("none", "path", "refined")  # text alone; a pelvis path in every frame; the same, refined onto the path
PROMPT = "a person walks along a winding path"


@dataclass(frozen=True)
class Row:
    """One setting: ``seconds`` from request to joints, its ``stages``, and the ``longest_wait`` between two chances
    to cancel.
    """

    frames: int
    steps: int
    control: str
    seconds: float
    longest_wait: float
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def times_real_time(self) -> float:
        """Seconds of motion made in one second."""
        return self.frames / FPS / self.seconds


@dataclass(frozen=True)
class ColdStart:
    """A new process: seconds to import, to load the model, to the first motion, in all, and its peak memory in MB."""

    importing: float
    loading: float
    first_motion: float
    total: float
    peak_memory_mb: float


def walk_request(frames: int, steps: int, control: str, seed: int = 0) -> Generate:
    """A walk at 1.2 m/s, winding 0.6 m to either side where it has a path."""
    signal = ControlSignal.empty(frames)
    if control != "none":
        times = np.arange(frames) / FPS
        height = np.full(frames, WALKING_HEIGHT)
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
    )


def measure(pipeline: Pipeline, request: Generate, repeats: int, control: str) -> Row:
    """Run ``request`` ``repeats`` times after one warm-up; medians."""
    seconds, waits, stages = [], [], []
    for run in range(repeats + 1):
        started = last = time.perf_counter()
        longest, result = 0.0, None
        for item in pipeline.generate(request):
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
            result = item
        if run and isinstance(result, Result):
            seconds.append(last - started)
            waits.append(longest)
            stages.append({stage: value for stage, value in result.timing.items() if stage != TOTAL})
    medians = {name: statistics.median(stage[name] for stage in stages) for name in stages[0]}
    steps = request.num_inference_steps
    return Row(request.num_frames, steps, control, statistics.median(seconds), max(waits), medians)


def measure_all(
    pipeline: Pipeline, repeats: int, show: Callable[[str, float], None] = lambda stage, fraction: None
) -> Iterator[Row]:
    """A row for every length that the model can make, number of steps, and kind of control."""
    welcome = pipeline.describe()
    frames = [count for count in FRAMES if welcome.min_frames <= count <= welcome.max_frames]
    controls = CONTROLS if welcome.joints else CONTROLS[:1]
    settings = [(f, s, c) for f in frames for s in STEPS for c in controls]
    for done, (count, steps, control) in enumerate(settings):
        show(f"{count} frames, {steps} steps, control: {control}", done / len(settings))
        yield measure(pipeline, walk_request(count, steps, control), repeats, control)


def cold_start(checkpoint: Path | None, device: str) -> ColdStart:
    """Time a new process from its start to its first motion. Raises EngineUnavailable with what it said when it
    fails.
    """
    command = [sys.executable, "-m", "engine.bench", str(checkpoint or ""), device]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    total = time.perf_counter() - started
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EngineUnavailable(f"A new process could not make a motion: {last}", "Run `gaitway doctor`.")
    return ColdStart(total=total, **json.loads(done.stdout.splitlines()[-1]))


def peak_memory_mb() -> float:
    """The most memory that this process has held so far."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def summary(cold: ColdStart, rows: list[Row], model: str, device: str, video_memory_mb: float | None) -> dict[str, Any]:
    """Everything as plain values, with the ratios that can be compared between machines."""
    seconds = {(row.frames, row.steps, row.control): row.seconds for row in rows}
    longest = max(row.frames for row in rows)
    base = seconds[longest, 1, "none"]
    ratios = {
        f"{longest} frames, {steps} steps, {control}": seconds[longest, steps, control] / base
        for steps in STEPS
        for control in CONTROLS
        if (longest, steps, control) in seconds
    }
    return {
        "model": model,
        "device": device,
        "cold_start": asdict(cold),
        "rows": [asdict(row) | {"times_real_time": row.times_real_time} for row in rows],
        "ratios_to_one_step_without_control": ratios,
        "longest_wait_for_cancel": max(row.longest_wait for row in rows),
        "peak_memory_mb": peak_memory_mb(),
        "video_memory_mb": video_memory_mb,
    }


def _child(checkpoint: str, device: str) -> None:
    """The cold process: import, load, make one motion, print the times."""
    began = time.perf_counter()
    from engine.pipeline import Pipeline

    imported = time.perf_counter()
    pipeline = Pipeline.load(Path(checkpoint) if checkpoint else None, device=device)
    loaded = time.perf_counter()
    welcome = pipeline.describe()
    frames = min(FRAMES[1], welcome.max_frames)
    for _ in pipeline.generate(walk_request(frames, 0, "path" if welcome.joints else "none")):
        pass
    times = {"importing": imported - began, "loading": loaded - imported, "first_motion": time.perf_counter() - loaded}
    print(json.dumps(times | {"peak_memory_mb": peak_memory_mb()}))


if __name__ == "__main__":
    _child(*sys.argv[1:])
