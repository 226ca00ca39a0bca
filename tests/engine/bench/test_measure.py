# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring: operations are counted as by hand, costs go to the stage that caused them, comparisons are quotients."""

from __future__ import annotations

import json
import mmap
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from blender_addon.shared.errors import BadRequest
from blender_addon.shared.protocol import Progress
from engine.bench.bench import Row, measure_request, walk_request
from engine.bench.measure import Rate, matrix_rate, measure_run
from engine.bench.operation_counter import OperationCounter
from engine.bench.random_model import published_sizes
from engine.bench.reference_times import compare, read_reference_times
from engine.compute import matmul as matrix
from engine.models.layers import Attention

REFERENCE = Path(__file__).parents[2] / "benchmarks" / "reference_times.json"


@torch.no_grad()
def test_operations_are_counted_as_by_hand() -> None:
    x, weight = torch.randn(1, 100, 64), torch.randn(300, 64)
    matrix.linear(x, weight)  # looks for oneDNN at its first call
    with OperationCounter() as counter:
        matrix.linear(x, weight)  # large enough for oneDNN
        torch.nn.functional.linear(x, weight)
    assert counter.total == 2 * 2 * 100 * 64 * 300
    with OperationCounter() as counter:
        Attention(64, 4, 0.0).eval()(x)
    assert counter.total == 2 * 100 * 64 * (3 * 64 + 64) + 4 * 100 * 100 * 64
    with OperationCounter() as counter:
        torch.nn.Conv1d(8, 16, 3, padding=1)(torch.randn(1, 8, 50))
    assert counter.total == 2 * 50 * 8 * 16 * 3


def test_costs_go_to_the_stage_that_caused_them() -> None:
    def request() -> Iterator[Progress]:
        yield Progress("a", "Sleeping", 0.0)
        time.sleep(0.1)
        yield Progress("a", "Working", 0.3)
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
        yield Progress("a", "Holding", 0.6)
        with mmap.mmap(-1, 50 << 20) as held:  # from the system: numpy might take what it has had before
            held.write(b"1" * (50 << 20))
        yield Progress("a", "Nothing", 0.9)

    stages = measure_run(request()).stages
    assert list(stages) == ["Sleeping", "Working", "Holding"]
    assert stages["Sleeping"].seconds >= 0.1 > 0.05 > stages["Sleeping"].cpu_seconds
    assert stages["Working"].cpu_seconds >= 0.1
    if sys.platform == "linux" and stages["Holding"].peak_memory_mb is not None:
        assert stages["Holding"].peak_memory_mb > stages["Working"].peak_memory_mb + 40


def test_a_rate_is_a_rate() -> None:
    rate = matrix_rate()
    assert 1e8 < rate.torch < 1e14 and 1e8 < rate.engine < 1e14


def test_the_published_sizes_run_and_cost_what_their_shapes_say() -> None:
    row = measure_request(published_sizes("cpu"), walk_request(60, 1, "path"), repeats=1, control="path")
    # A denoiser step over 18 tokens, nine layers: four matrices of attention, two of the feed-forward, the way over.
    layer, joints = 18 * (4 * 256**2 + 2 * 256 * 1024) + 2 * 18**2 * 256, 4 * 18 * 512 * 256
    denoiser = 2 * (9 * layer + joints)
    controlnet = denoiser + 2 * 9 * 18 * 256**2
    assert row.stages["Sampling"].operations == pytest.approx(denoiser + controlnet, rel=0.02)
    assert row.floor_seconds > 0


def test_comparisons_are_quotients(tmp_path: Path) -> None:
    reference = read_reference_times(REFERENCE)
    assert reference.seconds[196, 1, "path"] == 0.16 and reference.matrix_gflops == 141
    rows = [Row(196, steps, "path", 0.08, 0.0, Rate(70.5e9, 1e9)) for steps in (1, 2)]
    (row,) = compare(reference, rows)
    assert row["ratio"] == pytest.approx(2.0)
    assert row["ratio_at_equal_rate"] == pytest.approx(4.0)  # half as fast a machine: twice the merit
    values = json.loads(REFERENCE.read_text())
    del values["matrix_gflops"]
    (tmp_path / "times.json").write_text(json.dumps(values))
    (row,) = compare(read_reference_times(tmp_path / "times.json"), rows)
    assert row["ratio_at_equal_rate"] is None


@pytest.mark.parametrize(
    "content",
    ["", "nonsense", "[]", '{"rows": []}', '{"rows": [{"frames": 1, "steps": 1, "control": "path", "seconds": 0}]}'],
)
def test_files_without_times_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "times.json").write_text(content)
    with pytest.raises(BadRequest, match="no times"):
        read_reference_times(tmp_path / "times.json")
    with pytest.raises(BadRequest, match="no times"):
        read_reference_times(tmp_path / "missing.json")
