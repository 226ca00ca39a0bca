# SPDX-License-Identifier: GPL-3.0-or-later
"""Engine processes for tests, and time for the add-on: Blender's timers never fire in the bpy module, so tests call
its tick.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import bpy

from blender_addon import time_slices
from blender_addon.app import timer
from blender_addon.app.engine import ENGINE
from blender_addon.app.generation import GENERATION

REPOSITORY = Path(__file__).resolve().parents[3]
ENGINE_PYTHON = os.environ.get("GAITWAY_ENGINE_PYTHON", sys.executable)
"""What runs the engine: Blender's Python need not have torch, and for users it never has."""
PATIENCE = 120.0


@contextmanager
def running_engine(connection: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """``python -m command`` serving at ``connection``; ends with the block."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
    arguments = [ENGINE_PYTHON, "-m", *command, "--connection-file", str(connection)]
    process = subprocess.Popen(arguments, cwd=REPOSITORY, env=environment)
    try:
        wait_for(lambda: connection.exists() or process.poll() is not None)
        assert process.poll() is None, "the engine did not start"
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], object], patience: float = PATIENCE) -> None:
    """Let the add-on's timer function run, as Blender would, until ``what()`` is true."""
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, f"nothing came of it: {ENGINE.status} {GENERATION.step_label} {GENERATION.error}"
        time.sleep(min(timer.tick(), 0.02))


@contextmanager
def piece_by_piece() -> Iterator[None]:
    """One piece of work a tick, so that no stage of a request passes unseen."""
    with mock.patch.object(time_slices, "run_for", lambda work, *_share, **_conditions: next(work)):
        yield


def generate() -> None:
    """Press the button, with an undo step before it as every action of an animator leaves one, and wait for the end."""
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.gaitway.generate() == {"FINISHED"}
    wait_for(lambda: not GENERATION.busy)
