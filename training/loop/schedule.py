# SPDX-License-Identifier: GPL-3.0-or-later
"""One stage's schedule: how long it trains, on what share of the clips, at which rate, and when it looks and saves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from blender_addon.shared.errors import BadRequest

_CHOICES = {"sampling": ("crops", "clips"), "use": ("last", "best")}


def check_choices(values: object, choices: Mapping[str, tuple[str, ...]]) -> None:
    """Raise BadRequest when a field that has few values, ``choices`` by name, holds another."""
    for key, allowed in choices.items():
        if getattr(values, key) not in allowed:
            raise BadRequest(f"{key} is {getattr(values, key)!r}.", f"Choose one of {', '.join(allowed)}.")


@dataclass(frozen=True)
class StageSchedule:
    """One stage's schedule: AdamW, linear warm-up, then cosine, or what ``scheduler`` says: 'flat_then_zero' goes to
    zero in the last third, and so can be given more steps while it is flat.

    ``sampling``: 'crops' of ``min_frames`` to ``max_frames`` out of clips of any length, or whole 'clips' within these
    limits, each once an epoch (as published). ``batch_size`` is that of one optimiser step, however many processes and
    ``accumulate`` parts share it.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    min_frames: int = 48
    max_frames: int = 196
    weights: Mapping[str, float] = field(default_factory=dict)
    gradient_clip: float = 1.0  # of the gradient's norm; 0 = off
    weight_decay: float = 0.0
    freeze: tuple[str, ...] = ()  # parameters whose name starts so keep their initial value
    ema_decay: float = 0.0  # of the weights that are exported; 0 = off
    validate_every: int = 250
    checkpoint_every: int = 250
    sampling: str = "crops"
    epochs: int = 0  # of 'clips'; not 0: ``steps`` follows from it and the number of clips
    pad_to: int = 0  # frames every batch is padded to at least
    scheduler: str = "cosine"  # 'flat_then_zero', or a name that diffusers' get_scheduler knows
    accumulate: int = 1  # parts a process takes its share of a batch in: less memory, the same gradient
    keep_last: int = 2  # checkpoints kept by age
    carried: bool = False  # whether motions are drawn too that only a path explains
    use: str = "last"  # whether later stages and the export take the 'last' weights or the 'best' by validation

    def __post_init__(self) -> None:
        check_choices(self, _CHOICES)
        for name in ("batch_size", "validate_every", "checkpoint_every", "accumulate", "keep_last"):
            if getattr(self, name) < 1:
                raise BadRequest(f"{name} is {getattr(self, name)}.", "It must be 1 or more.")
