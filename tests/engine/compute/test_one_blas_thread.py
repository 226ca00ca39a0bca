# SPDX-License-Identifier: GPL-3.0-or-later
"""numpy and scipy solve on one thread, whoever loads them and when: on a busy machine a request waits, no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from engine.checkpoints.folder import EMBEDDED

from ...conftest import REPOSITORY

THREADS = "print(*(pool['num_threads'] for pool in threadpoolctl.threadpool_info() if pool['user_api'] == 'blas'))"
BESIDE_BUSY_CORES = """
import json, os, subprocess, sys, time
import numpy as np, scipy.linalg  # before the engine, as a host program may have done
from threadpoolctl import threadpool_info, threadpool_limits
from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Generate, PromptBlock
from blender_addon.shared.skeleton import FPS
from engine.pipeline import Pipeline

frames = 196
times = np.arange(frames) / FPS
pelvis = np.stack([0.6 * np.sin(0.8 * times), 0 * times + 0.93, times], -1)
reach = 0.1 * np.stack([0 * times, np.sin(2 * times), np.sin(5 * times)], -1)
left, right = pelvis + reach + [0.35, 0, 0.1], pelvis - reach + [-0.35, 0, 0.1]
tracks = {"pelvis": pelvis, "left_wrist": left, "right_wrist": right}
signal = ControlSignal.from_tracks({joint: (times, points) for joint, points in tracks.items()}, frames)
walk = PromptBlock("a person walks forward", 0, frames)
request = Generate("r", (walk,), frames, signal.hint, signal.hint_mask, refine=True, exact=True)

def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

before = max(blas_threads())
pipeline, seen = Pipeline.load(device="cpu"), set()

def processor_seconds():
    began = time.process_time()
    for _ in pipeline.generate(request):
        seen.update(blas_threads())
    return time.process_time() - began

processor_seconds()
with threadpool_limits(1, user_api="blas"):
    quiet = processor_seconds()
spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
try:
    busy = processor_seconds()
finally:
    for each in spinning:
        each.kill()
        each.wait()
print(json.dumps({"before": before, "seen": sorted(seen), "quiet": quiet, "busy": busy}))
"""


def in_a_process(code: str, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in ("OPENBLAS_NUM_THREADS", "PYTHONPATH")}
    environment = kept | {"PYTHONPATH": str(REPOSITORY)} | variables
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("entry", ["engine.cli", "engine.compute.device", "training.data.plant_feet"])
def test_a_process_of_ours_loads_blas_with_one_thread(entry: str) -> None:
    code = f"import {entry}, numpy, scipy.linalg, threadpoolctl\n{THREADS}"
    assert set(in_a_process(code).split()) == {"1"}


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="this machine has one core")
@pytest.mark.skipif(not (EMBEDDED / "model.safetensors").is_file(), reason="needs the embedded weights")
def test_hand_controls_cost_the_same_beside_busy_cores() -> None:
    """In a process that had loaded BLAS with two threads before the engine came."""
    found = json.loads(in_a_process(BESIDE_BUSY_CORES, OPENBLAS_NUM_THREADS="2"))
    assert found["before"] > 1, "nothing is shown where BLAS has one thread anyway"
    assert found["seen"] == [1]
    assert found["busy"] < 2 * found["quiet"], found
