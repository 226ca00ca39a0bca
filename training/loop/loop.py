# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop every stage runs in: accelerate, AdamW, warm-up and cosine, clipping, EMA, logs, checkpoints, resume.

A stage is a :class:`training.loop.trainer.Task`: its module, how a batch is drawn, its loss and validation. All draws
of step n come from a generator seeded by (seed, n), on the CPU: a run that was killed and resumed, or that several
processes share, gives the same losses as one that was not.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from . import checkpoints
from .batch_split import COUNT, Batch, split, to_device
from .checkpoints import TrainingStopped
from .metrics_log import MetricsLog
from .schedule import StageSchedule
from .signals import StopOnSignal
from .trainer import Network, Task, Trainer, on_cpu, open_trainer

VALIDATION_SEED = 1_000_003
"""Of the draws that stages validate with, the same in every run."""


def step_generator(seed: int, step: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def train_step(trainer: Trainer, flag: bool) -> tuple[dict[str, float], bool]:
    """One optimiser step; returns the terms of the whole batch, and whether ``flag`` was set in any process."""
    task, accelerator = trainer.task, trainer.accelerator
    count, rank, accumulate = accelerator.num_processes, accelerator.process_index, task.stage.accumulate
    trainer.model.train()
    torch.manual_seed(trainer.seed * 7_919 + trainer.step + rank * 1_000_000_007)  # dropout
    if task.before_step:
        task.before_step(task.module)
    whole = task.draw(step_generator(trainer.seed, trainer.step), trainer.step)
    trainer.optimizer.zero_grad()
    own = range(rank * accumulate, (rank + 1) * accumulate)
    totals: dict[str, float] = {}
    for number, (part, weight) in enumerate(split(whole, count * accumulate, own, task.counts)):
        with _exchange_gradients(trainer, last=number == accumulate - 1):
            terms = trainer.model(to_device(part, accelerator.device))
            late = _late_weights(trainer, terms, weight)
            names = [name for name in terms if name != "loss" and not name.startswith(COUNT)] or ["loss"]
            weighted = {name: terms[name] * late.get(name, weight(name)) for name in names}
            weighted["loss"] = torch.stack(list(weighted.values())).sum()
            accelerator.backward(weighted["loss"] * count)  # gradients are averaged over the processes
        for name, value in weighted.items():
            totals[name] = totals.get(name, 0.0) + float(value.detach())
    if count > 1:
        sent = torch.tensor([*totals.values(), float(flag)], dtype=torch.float64, device=accelerator.device)
        *values, raised = accelerator.reduce(sent, "sum").tolist()
        totals, flag = dict(zip(totals, values, strict=True)), raised > 0
    return totals, flag


def _late_weights(trainer: Trainer, terms: dict[str, Tensor], weight: Callable[[str], float]) -> dict[str, float]:
    """Weights of the terms whose denominators the prediction gives: this process's share of all of them."""
    names = [name for name in terms if name.startswith(COUNT)]
    accelerator, accumulate = trainer.accelerator, trainer.task.stage.accumulate
    if not names or accelerator.num_processes * accumulate == 1:
        return {}
    holds_any = weight("") > 0
    own = torch.stack([terms[name].detach().double() for name in names]) * holds_any
    total = accelerator.reduce(own, "sum") if accelerator.num_processes > 1 else own
    shares = (holds_any * own.clamp(min=1) / total.clamp(min=1) / accumulate).tolist()
    return {name.removeprefix(COUNT): share for name, share in zip(names, shares, strict=True)}


def _exchange_gradients(trainer: Trainer, last: bool) -> contextlib.AbstractContextManager[Any]:
    """Processes exchange gradients with the last part of a step only."""
    return contextlib.nullcontext() if last else trainer.accelerator.no_sync(trainer.model)


def apply_gradients(trainer: Trainer) -> None:
    """Clip, step, schedule, average. Raises TrainingStopped when the gradient is not finite."""
    task, accelerator = trainer.task, trainer.accelerator
    norm = accelerator.clip_grad_norm_(trainer.parameters, task.stage.gradient_clip or math.inf)
    if accelerator.mixed_precision != "fp16":  # whose loss scaling meets infinities, and passes over them
        _check_finite(trainer, "gradient", float(norm))
    trainer.optimizer.step()
    if not accelerator.optimizer_step_was_skipped:  # by fp16's loss scaling
        trainer.scheduler.step()
    trainer.step += 1
    if trainer.ema:
        trainer.ema.update(task.module, trainer.step)


@torch.no_grad()
def measure(trainer: Trainer, folder: Path) -> dict[str, float]:
    """Validation figures of the module as it would be exported, on the CPU; keeps it when it is the best so far."""
    task = trainer.task
    exported = on_cpu(trainer.exported.eval())
    torch.manual_seed(trainer.seed)
    figures = task.validate(exported)
    if task.criterion:
        value = sum(figures[name] for name in task.criterion) / len(task.criterion)
        if trainer.best is None or value < trainer.best:
            trainer.best = value
            best = {"step": trainer.step, "value": value, "module": exported.state_dict()}
            checkpoints.write_state(best, folder / f"{task.name}_best.pt")
    return figures


def run_task(
    task: Task[Network],
    folder: Path,
    seed: int = 0,
    max_minutes: float | None = None,
    mixed_precision: str | None = None,
    swanlab: bool = False,
) -> Network:
    """Train ``task.module`` in place to ``stage.steps`` (or for ``max_minutes``); returns what is to be exported.

    ``folder`` receives ``<name>.pt`` (resumed from when present), ``<name>_best.pt``, ``<name>_log.jsonl`` and curves.
    Raises TrainingStopped when loss or gradient are no longer finite or the disk is full.
    """
    trainer = open_trainer(task, seed, mixed_precision)
    trainer.resume(folder)
    main, stage = trainer.accelerator.is_main_process, task.stage
    started_at, first = time.monotonic(), trainer.step
    with _metrics_log(trainer, folder, swanlab) as log, StopOnSignal() as stop:
        over = False
        while trainer.step < stage.steps and not over:
            late = max_minutes is not None and time.monotonic() - started_at > 60 * max_minutes
            terms, over = train_step(trainer, late or stop.stop_requested)
            _check_finite(trainer, "loss", terms["loss"])
            apply_gradients(trainer)
            _add(trainer.sums, terms)
            due, done = trainer.step % stage.validate_every == 0, over or trainer.step == stage.steps
            if main and (due or (done and not stop.stop_requested)):  # who asks to stop does not want to wait
                rate = (trainer.step - first) / (time.monotonic() - started_at)
                means = {name: value / trainer.sums["count"] for name, value in trainer.sums.items() if name != "count"}
                log.write(trainer.step, means, measure(trainer, folder), trainer.scheduler.get_last_lr()[0], rate)
            if due:
                trainer.sums = {}
            if main and (done or trainer.step % stage.checkpoint_every == 0):
                trainer.save(folder)
            log.advance(trainer.step, terms["loss"])
        if main and trainer.step > first:
            log.draw_curves()
    trainer.accelerator.wait_for_everyone()
    return trainer.exported.eval()


def finished(folder: Path, name: str, stage: StageSchedule) -> bool:
    """Whether the stage has made all its steps."""
    path = folder / f"{name}.pt"
    return path.is_file() and int(checkpoints.read(path)["step"]) >= stage.steps


@contextlib.contextmanager
def _metrics_log(trainer: Trainer, folder: Path, swanlab: bool) -> Iterator[MetricsLog]:
    main, task = trainer.accelerator.is_main_process, trainer.task
    log = MetricsLog(task.name, folder, trainer.step, task.stage.steps, main, swanlab)
    try:
        with log:
            yield log
    except OSError as error:
        raise checkpoints.disk_trouble(folder, error) from error


def _check_finite(trainer: Trainer, what: str, value: float) -> None:
    if not math.isfinite(value):
        name = trainer.task.name
        raise TrainingStopped(
            f"The {what} of {name} is no longer finite at step {trainer.step}.",
            f"{name}.pt in the run folder is the last good checkpoint. Lower the learning rate or check the data.",
        )


def _add(sums: dict[str, float], terms: dict[str, float]) -> None:
    for key, value in (terms | {"count": 1.0}).items():
        sums[key] = sums.get(key, 0.0) + value


# The parameters of a Task without those that such a loss cannot have, and of run_task.
def run_stage(
    name: str,
    stage: StageSchedule,
    module: nn.Module,
    step: Callable[[nn.Module, torch.Generator], dict[str, Tensor]],
    validate: Callable[[nn.Module], dict[str, float]],
    folder: Path,
    seed: int = 0,
    max_minutes: float | None = None,
    mixed_precision: str | None = None,
) -> nn.Module:
    """:func:`run_task` for a loss that cannot be split, such as a contrastive one: every process takes the whole
    batch.

    ``step(module, generator)`` draws its batch itself.
    """

    def draw(generator: torch.Generator, number: int) -> Batch:
        return {"step": torch.tensor([number])}

    def loss(network: nn.Module, part: Batch) -> dict[str, Tensor]:
        return step(network, step_generator(seed, int(part["step"][0])))

    task = Task(name, stage, module, draw, loss, validate)
    return run_task(task, folder, seed, max_minutes, mixed_precision)
