# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices and precisions that are not there are refused by name; few rows run on one thread."""

from __future__ import annotations

import pytest
import torch

from blender_addon.shared.errors import DeviceError
from engine.compute.device import MIN_ROWS, pick_device, pick_dtype, pin_threads, threads_for


def test_auto_is_a_device_that_computes() -> None:
    device = pick_device("auto")
    assert float(torch.ones(2, device=device).sum()) == 2.0


def test_the_cpu_is_always_there() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_dtype(torch.device("cpu")) is torch.float32
    assert pick_dtype(torch.device("cuda")) is torch.float16


@pytest.mark.parametrize("name", ["gpu", "", "cuda:99", "cpu:x"])
def test_absent_devices_are_refused(name: str) -> None:
    with pytest.raises(DeviceError) as caught:
        pick_device(name)
    assert caught.value.hint


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_where_there_is_none() -> None:
    with pytest.raises(DeviceError, match="no CUDA device"):
        pick_device("cuda")


@pytest.mark.parametrize("name", ["bfloat16", "float16", "int8"])
def test_precisions_that_the_cpu_does_not_take(name: str) -> None:
    with pytest.raises(DeviceError):
        pick_dtype(torch.device("cpu"), name)


def test_few_rows_run_on_one_thread_and_many_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setenv("GAITWAY_THREADS", "2")
    try:
        assert pin_threads() == 2 and torch.get_num_threads() == 1
        with threads_for(MIN_ROWS - 1):
            assert torch.get_num_threads() == 1
        with pytest.raises(ValueError), threads_for(MIN_ROWS):
            assert torch.get_num_threads() == 2
            raise ValueError
        assert torch.get_num_threads() == 1
    finally:
        monkeypatch.undo()
        pin_threads()
        torch.set_num_threads(before)
