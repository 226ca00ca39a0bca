# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices and precisions that are not there are refused by name."""

from __future__ import annotations

import pytest
import torch

from blender_addon.shared.errors import DeviceError
from engine.device import pick_device, pick_dtype


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
