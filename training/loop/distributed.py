# SPDX-License-Identifier: GPL-3.0-or-later
"""This process among those that train together, as `accelerate launch` or `torchrun` started them."""

from __future__ import annotations

import os

import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env


def on_cpu_only() -> bool:
    """Whether accelerate is to use the CPU: told so, or several processes on a machine without an accelerator (it would
    take each of them for the only one).
    """
    together = int(os.environ.get("LOCAL_RANK", -1)) >= 0 or int(os.environ.get("WORLD_SIZE", 1)) > 1
    return parse_flag_from_env("ACCELERATE_USE_CPU") or (together and not torch.accelerator.is_available())


def state() -> PartialState:
    """Rank, number of processes and device; joins the others at the first call."""
    return PartialState(cpu=on_cpu_only())
