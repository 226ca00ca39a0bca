# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage tells while it runs: a line in the terminal, a progress bar, ``<stage>_log.jsonl``, TensorBoard, and
SwanLab when asked for. Only the main process writes.
"""

from __future__ import annotations

import importlib.util
import json
import math
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from accelerate.tracking import GeneralTracker, SwanLabTracker, TensorBoardTracker
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from blender_addon.shared.errors import BadRequest

from .checkpoints import whole_file
from .curves import draw_curves, read_log

console = Console()


class MetricsLog:
    """The log of one stage from step ``start`` on; lines of a killed run beyond ``start`` are taken back first."""

    def __init__(self, name: str, folder: Path, start: int, steps: int, main: bool, swanlab: bool = False) -> None:
        self.name, self.folder, self.main = name, folder, main
        self.path = folder / f"{name}_log.jsonl"
        self._progress = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]:.4g}"), console=console, disable=not (main and console.is_terminal),
        )  # fmt: skip
        self._bar = self._progress.add_task(name, total=steps, completed=start, loss=math.nan)
        if swanlab and importlib.util.find_spec("swanlab") is None:
            raise BadRequest("SwanLab is not installed.", "Install it with: pip install 'gaitway[swanlab]'")
        self._trackers: list[GeneralTracker] = []
        if main:
            folder.mkdir(parents=True, exist_ok=True)
            self._take_back(start)
            self._trackers.append(TensorBoardTracker(name, folder / "tensorboard", purge_step=start))
            if swanlab:
                self._trackers.append(SwanLabTracker("gaitway", experiment_name=f"{folder.name}-{name}"))

    def __enter__(self) -> MetricsLog:
        for tracker in self._trackers:
            tracker.start()
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        for tracker in self._trackers:
            tracker.finish()

    def write(
        self, step: int, means: dict[str, float], measured: dict[str, float], learning_rate: float, rate: float
    ) -> None:
        """Mean losses since the last line, and validation figures."""
        entry: dict[str, Any] = {
            "step": step,
            "time": round(time.time()),
            "lr": learning_rate,
            "steps_per_second": round(rate, 3),
        }
        entry |= {f"train/{key}": round(value, 6) for key, value in means.items()}
        entry |= {f"val/{key}": round(value, 6) for key, value in measured.items()}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        numbers = {key: value for key, value in entry.items() if "/" in key and math.isfinite(value)}
        for tracker in self._trackers:
            tracker.log(numbers, step=step)
        shown = "  ".join(f"{key} {value:.4g}" for key, value in {**means, **measured}.items())
        console.print(f"[bold]{self.name}[/] {step}  {rate:.2f}/s  {shown}", highlight=False)

    def advance(self, step: int, loss: float) -> None:
        self._progress.update(self._bar, completed=step, loss=loss)

    def draw_curves(self) -> None:
        """A picture of the log; nothing while it has no line, as in a run that was stopped before its first figures."""
        if self.path.is_file():
            draw_curves(self.folder, self.name)

    def _take_back(self, start: int) -> None:
        if not self.path.is_file():
            return
        kept = [line for line in read_log(self.path) if line["step"] <= start]
        with whole_file(self.path) as stream:
            stream.write("".join(json.dumps(line) + "\n" for line in kept).encode())
