# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop every stage runs in: accelerate, AdamW, warm-up and cosine, clipping, EMA, logs, atomic checkpoints, resume.

A stage gives its trainable module, a function ``step(generator) -> {term: loss}`` and a function ``validate() -> {name:
value}``. All random draws of step n come from a generator seeded by (seed, n): a run that was killed and resumed gives
the same losses as one that was not.
"""

from __future__ import annotations

import copy
import json
import math
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from diffusers.optimization import get_scheduler
from rich.console import Console
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from blender_addon.shared.errors import BadCheckpoint, GaitwayError

from .recipes import Stage

console = Console()


class TrainingStopped(GaitwayError):
    """A run that cannot go on; its last good checkpoint is intact."""

    code = "training"


def step_generator(seed: int, step: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


class Ema:
    """Exponential moving average of a module's parameters."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.module = decay, copy.deepcopy(module).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for average, value in zip(self.module.parameters(), module.parameters(), strict=True):
            average.lerp_(value.detach(), 1 - decay)


def run_stage(
    name: str,
    stage: Stage,
    module: nn.Module,
    step: Callable[[nn.Module, torch.Generator], dict[str, Tensor]],
    validate: Callable[[nn.Module], dict[str, float]],
    folder: Path,
    seed: int = 0,
    max_minutes: float | None = None,
    mixed_precision: str = "no",
    companion: nn.Module | None = None,
) -> nn.Module:
    """Train ``module`` in place until ``stage.steps`` (or for ``max_minutes``); returns the module to export: EMA or
    itself.

    ``companion`` is a module that the step itself changes and that must be resumed too (distillation's target).
    ``folder`` receives ``<name>.pt`` (resumed from when present), ``<name>_log.jsonl`` and TensorBoard curves. Raises
    TrainingStopped when the loss is no longer finite.
    """
    accelerator = Accelerator(mixed_precision=mixed_precision)
    for key, parameter in module.named_parameters():
        if key.startswith(stage.freeze):
            parameter.requires_grad_(False)
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=stage.learning_rate, weight_decay=stage.weight_decay, fused=True)
    scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=stage.warmup_steps, num_training_steps=stage.steps)
    model, optimizer = accelerator.prepare(module, optimizer)
    ema = Ema(module, stage.ema_decay) if stage.ema_decay else None
    path = folder / f"{name}.pt"
    start = _resume(path, module, optimizer, scheduler, ema, companion)
    writer = SummaryWriter(folder / "tensorboard" / name, purge_step=start)
    sums: dict[str, float] = {}
    began = time.monotonic()
    stop = _StopOnSignal()
    number = start
    while number < stage.steps and not stop.asked:
        model.train()
        torch.manual_seed(seed * 7_919 + number)  # dropout
        terms = step(model, step_generator(seed, number))
        loss = terms["loss"]
        if not torch.isfinite(loss):
            raise TrainingStopped(
                f"The loss of {name} is no longer finite at step {number}.",
                f"The last good checkpoint is {path}. Lower the learning rate or look at the data.",
            )
        optimizer.zero_grad()
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(parameters, stage.gradient_clip)
        optimizer.step()
        scheduler.step()
        number += 1
        if ema:
            ema.update(module, number)
        for key, value in terms.items():
            sums[key] = sums.get(key, 0.0) + float(value.detach())
        sums["count"] = sums.get("count", 0.0) + 1
        out_of_time = max_minutes is not None and time.monotonic() - began > 60 * max_minutes
        if number % stage.validate_every == 0 or number == stage.steps or out_of_time:
            exported = ema.module if ema else module
            exported.eval()
            means = {key: value / sums["count"] for key, value in sums.items() if key != "count"}
            with torch.no_grad():
                torch.manual_seed(seed)
                measured = validate(exported)
            rate = (number - start) / (time.monotonic() - began)
            _log(folder / f"{name}_log.jsonl", writer, name, number, means, measured, scheduler.get_last_lr()[0], rate)
            sums = {}
        if number % stage.checkpoint_every == 0 or number == stage.steps or out_of_time or stop.asked:
            _save(path, number, module, optimizer, scheduler, ema, companion)
        if out_of_time:
            break
    writer.close()
    stop.restore()
    exported = ema.module if ema else module
    return exported.eval()


def _log(path: Path, writer: SummaryWriter, name: str, step: int, means: dict[str, float], measured: dict[str, float],
         learning_rate: float, rate: float) -> None:  # fmt: skip
    entry: dict[str, Any] = {
        "step": step,
        "time": round(time.time()),
        "lr": learning_rate,
        "steps_per_second": round(rate, 3),
    }
    entry |= {f"train/{key}": round(value, 6) for key, value in means.items()}
    entry |= {f"val/{key}": round(value, 6) for key, value in measured.items()}
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    for key, value in entry.items():
        if "/" in key and math.isfinite(value):
            writer.add_scalar(key, value, step)
    shown = "  ".join(f"{key} {value:.4g}" for key, value in {**means, **measured}.items())
    console.print(f"[bold]{name}[/] {step}  {rate:.2f}/s  {shown}", highlight=False)


def _save(
    path: Path,
    step: int,
    module: nn.Module,
    optimizer: Any,
    scheduler: Any,
    ema: Ema | None,
    companion: nn.Module | None,
) -> None:
    """Write beside the target, then rename: a crash or a full disk leaves the previous checkpoint whole."""
    state = {"step": step, "module": module.state_dict(), "optimizer": optimizer.state_dict(),
             "scheduler": scheduler.state_dict(), "ema": ema.module.state_dict() if ema else None,
             "companion": companion.state_dict() if companion else None}  # fmt: skip
    temporary = path.with_suffix(".tmp")
    try:
        torch.save(state, temporary)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise TrainingStopped(
            f"The checkpoint could not be written to {path} ({error}).",
            "Free some disk space and start the same command again; it goes on from the last checkpoint.",
        ) from error


def _resume(
    path: Path, module: nn.Module, optimizer: Any, scheduler: Any, ema: Ema | None, companion: nn.Module | None
) -> int:
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        return 0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        module.load_state_dict(state["module"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        if ema and state["ema"] is not None:
            ema.module.load_state_dict(state["ema"])
        if companion:
            companion.load_state_dict(state["companion"])
    except Exception as error:
        raise BadCheckpoint(
            f"{path} cannot be resumed from ({type(error).__name__}).",
            "It belongs to another recipe or is damaged: choose another run folder or delete the file.",
        ) from error
    return int(state["step"])


def load_exported(path: Path, module: nn.Module) -> nn.Module:
    """Fill ``module`` with a finished (or paused) stage's weights, the EMA's when it has one. Raises BadCheckpoint when
    missing.
    """
    if not path.is_file():
        raise BadCheckpoint(f"{path} is missing.", "Run the stages in order: vae, mld, distill, control.")
    state = torch.load(path, map_location="cpu", weights_only=True)
    module.load_state_dict(state["ema"] or state["module"])
    return module.eval()


class _StopOnSignal:
    """Ctrl-C or a termination request ends the run after the present step, with a checkpoint."""

    def __init__(self) -> None:
        self.asked = False
        self._old = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}

    def _handle(self, *_: object) -> None:
        self.asked = True

    def restore(self) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
