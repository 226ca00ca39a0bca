# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device the networks run on, and in which precision."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import psutil
import torch
from threadpoolctl import threadpool_limits

from blender_addon.shared.errors import DeviceError

DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def pick_device(name: str = "auto") -> torch.device:
    """'auto' takes CUDA, then Apple's MPS, then the CPU. Raises DeviceError when the asked one is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(device for device in ("cuda", "mps", "cpu") if there[device]))
    kind, _, index = name.partition(":")
    if kind not in there:
        raise DeviceError(f"There is no device called {name!r}.", f"Choose one of {', '.join(DEVICES)}.")
    if not there[kind]:
        raise DeviceError(
            f"This machine has no {kind.upper()} device that torch can use.",
            "Use --device auto or --device cpu, or install a build of torch for this device.",
        )
    if index and not (index.isdigit() and int(index) < (torch.cuda.device_count() if kind == "cuda" else 1)):
        raise DeviceError(f"There is no {kind.upper()} device with number {index!r}.", "Leave the number out.")
    return torch.device(name)


def pick_dtype(device: torch.device, name: str = "auto") -> torch.dtype:
    """'auto' is float16 on CUDA devices, else float32. Raises DeviceError for what the device lacks.

    Along a path, joints of the default model differ from float32's by 0.2 mm on average in float16 (1.1 mm at
    most), by some 4 mm at most in bfloat16.
    """
    if name == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    if name not in DTYPES:
        raise DeviceError(f"There is no precision called {name!r}.", f"Choose one of auto, {', '.join(DTYPES)}.")
    dtype = DTYPES[name]
    if dtype is not torch.float32 and device.type != "cuda":
        raise DeviceError(f"{name} is for CUDA devices, not for {device.type}.", "Use float32 here.")
    if dtype is torch.bfloat16 and not torch.cuda.is_bf16_supported():
        raise DeviceError("This CUDA device has no bfloat16.", "Use float16 or float32.")
    return dtype


MAX_THREADS = 8
"""The matrices here are some hundred rows: more threads would wait for each other longer than they work."""
MIN_ROWS = 256
"""Tokens of a batch below which a second thread costs more than it brings: waking it takes as long as its share. The
published decoder took 21 ms for 196 frames on one core, 20 to 27 on two.
"""

_threads = 1  # that large networks may use


def pin_threads() -> int:
    """Give large networks one thread a physical core, up to ``MAX_THREADS`` (GAITWAY_THREADS overrides), and all else
    one; return how many.

    Sums are taken in an order that depends on the number of threads: pinned, every way into the engine gives the same
    bytes.
    """
    global _threads
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    _threads = int(os.environ.get("GAITWAY_THREADS") or 0) or min(cores, MAX_THREADS)
    torch.set_num_threads(1)
    return _threads


def one_blas_thread() -> None:
    """Give the BLAS libraries of numpy and scipy one thread each, in a process that has loaded them already, too.

    The banded systems of inverse kinematics are small, and threads of OpenBLAS spin while they wait for each other: as
    soon as something else ran, one solve on two threads took 93 ms of processor time instead of 4.7.
    Two threads round otherwise, too: some motions came out up to 0.006 mm elsewhere than with one.
    """
    threadpool_limits(1, user_api="blas")


@contextlib.contextmanager
def threads_for(rows: int) -> Iterator[None]:
    """All threads for a network that sees at least ``MIN_ROWS`` tokens, all samples counted; else those there are."""
    before = torch.get_num_threads()
    if rows < MIN_ROWS or before >= _threads:
        yield
        return
    torch.set_num_threads(_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
