# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage trains (:class:`Task`), and it on its device with optimizer, schedule and average (:class:`Trainer`)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from diffusers.optimization import get_scheduler
from torch import Tensor, nn

from blender_addon.shared.errors import BadRequest
from engine.models.layers import MixtureOfExperts

from . import checkpoints, distributed
from .batch_split import Batch, Counts, no_counts
from .schedule import StageSchedule

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class Task(Generic[Network]):
    """What one stage trains.

    ``draw(generator, step)`` gives the whole batch of a step on the CPU; ``loss(module, part)`` the terms of a part of
    it and their sum ``loss``; ``validate(module)`` figures of a module on the CPU, of which the mean of ``criterion``
    says what is best (least). ``companion``: a module that ``before_step`` changes and that is resumed too
    (distillation's target).
    """

    name: str
    stage: StageSchedule
    module: Network
    draw: Callable[[torch.Generator, int], Batch]
    loss: Callable[[Network, Batch], dict[str, Tensor]]
    validate: Callable[[Network], dict[str, float]]
    criterion: tuple[str, ...] = ()
    counts: Counts = no_counts
    companion: nn.Module | None = None
    before_step: Callable[[Network], None] | None = None
    has_unused: bool = False  # parameters that a step may leave without a gradient


def on_cpu(module: Network) -> Network:
    """``module`` itself where it is on the CPU, else a copy there: validation gives the same figures on any device."""
    if next(module.parameters()).device.type == "cpu":
        return module
    for layer in module.modules():
        if isinstance(layer, MixtureOfExperts):
            layer.routing = None  # of the last training step; tensors with a history cannot be copied
    return copy.deepcopy(module).cpu()


class Ema:
    """Exponential moving average of a module's parameters."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.module = decay, copy.deepcopy(module).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for average, value in zip(self.module.parameters(), module.parameters(), strict=True):
            average.lerp_(value.detach(), 1 - decay)


class LossModule(nn.Module):
    """The task's loss as a module's forward, so that accelerate can share and autocast it."""

    def __init__(self, task: Task[Any]) -> None:
        super().__init__()
        self.module, self._loss = task.module, task.loss

    def forward(self, part: Batch) -> dict[str, Tensor]:
        return self._loss(self.module, part)


@dataclass(eq=False)
class Trainer:
    """A task on its device, with everything that a checkpoint has to hold."""

    task: Task[Any]
    seed: int
    accelerator: Accelerator
    model: nn.Module
    parameters: list[nn.Parameter]
    optimizer: Any
    scheduler: Any
    ema: Ema | None
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best: float | None = None

    @property
    def exported(self) -> Any:
        return self.ema.module if self.ema else self.task.module

    def parts(self) -> dict[str, Any]:
        """What is saved by its state, under the names in the file."""
        named = {
            "module": self.task.module,
            "optimizer": self.optimizer,
            "scheduler": self.scheduler,
            "ema": self.ema.module if self.ema else None,
            "companion": self.task.companion,
            "scaler": getattr(self.accelerator, "scaler", None),
        }
        return {name: part for name, part in named.items() if part is not None}

    def save(self, folder: Path) -> None:
        state = dict.fromkeys(("ema", "companion")) | {name: part.state_dict() for name, part in self.parts().items()}
        state |= {"step": self.step, "sums": self.sums, "best": self.best}
        checkpoints.save(state, folder / f"{self.task.name}.pt", self.task.stage.keep_last)

    def resume(self, folder: Path) -> None:
        path = folder / f"{self.task.name}.pt"
        if path.is_file():
            state = checkpoints.resume(path, self.parts())
            self.step, self.sums, self.best = int(state["step"]), state.get("sums") or {}, state.get("best")


def freeze(module: nn.Module, names: tuple[str, ...]) -> None:
    """Parameters whose name begins with one of ``names`` keep their value. Raises BadRequest for a name of none."""
    unused = set(names)
    for key, parameter in module.named_parameters():
        if key.startswith(names):
            parameter.requires_grad_(False)
            unused -= {name for name in names if key.startswith(name)}
    if unused:
        known = ", ".join(name for name, _ in module.named_children())
        raise BadRequest(f"There are no parameters called '{min(unused)}' to freeze.", f"Names begin with: {known}.")


FLAT = 2 / 3  # of the steps of 'flat_then_zero'


def _schedule(stage: StageSchedule, optimizer: torch.optim.Optimizer) -> Any:
    """The stage's learning rate over its steps. Raises ValueError for an unknown name."""
    if stage.scheduler != "flat_then_zero":
        return get_scheduler(
            stage.scheduler, optimizer, num_warmup_steps=stage.warmup_steps, num_training_steps=stage.steps
        )

    def factor(step: int) -> float:
        left = (stage.steps - step) / max(1.0, (1 - FLAT) * stage.steps)
        return max(0.0, min(1.0, left, step / max(1, stage.warmup_steps)))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def open_trainer(task: Task[Any], seed: int, mixed_precision: str | None) -> Trainer:
    """``task`` with optimizer and schedule on the device that accelerate gives this process."""
    stage = task.stage
    unused = DistributedDataParallelKwargs(find_unused_parameters=task.has_unused)
    try:
        accelerator = Accelerator(
            cpu=distributed.on_cpu_only(), mixed_precision=mixed_precision, kwargs_handlers=[unused]
        )
    except (ValueError, ImportError) as error:
        raise BadRequest(
            f"This machine cannot train with these settings ({error}).", "Try --mixed-precision no."
        ) from error
    freeze(task.module, stage.freeze)
    parameters = [p for p in task.module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=stage.learning_rate, weight_decay=stage.weight_decay, fused=True)
    try:
        scheduler = _schedule(stage, optimizer)
    except ValueError as error:
        raise BadRequest(
            f"There is no schedule called '{stage.scheduler}'.",
            "cosine, constant_with_warmup and flat_then_zero are usual.",
        ) from error
    model, optimizer = accelerator.prepare(LossModule(task), optimizer)
    ema = Ema(task.module, stage.ema_decay) if stage.ema_decay else None
    return Trainer(task, seed, accelerator, model, parameters, optimizer, scheduler, ema)
