# SPDX-License-Identifier: GPL-3.0-or-later
"""Products of matrices: the faster library gives the same numbers, gradients flow, any layout in memory is taken."""

from __future__ import annotations

import copy
import gc
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.compute import matmul as matrix


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("shape", [(1, 16), (196, 256), (2, 60, 256), (3, 1, 256)])
@torch.no_grad()
def test_products_are_torchs_own(shape: tuple[int, ...]) -> None:
    x, weight, bias = draw(*shape), draw(300, shape[-1]), draw(300)
    exact = F.linear(x.double(), weight.double(), bias.double())
    torch.testing.assert_close(matrix.linear(x, weight, bias).double(), exact, rtol=0, atol=2e-4)
    torch.testing.assert_close(matrix.linear_gelu(x, weight, bias).double(), F.gelu(exact), rtol=0, atol=2e-4)
    torch.testing.assert_close(
        matrix.linear(x, weight).double(), F.linear(x.double(), weight.double()), rtol=0, atol=2e-4
    )


@torch.no_grad()
def test_strided_inputs_and_weights() -> None:
    x, weight, bias = draw(64, 196).t(), draw(64, 300).t(), draw(600)[::2]
    expected = F.linear(x, weight, bias)
    torch.testing.assert_close(matrix.linear(x, weight, bias), expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(matrix.linear(x, weight.contiguous(), bias), expected, rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_weight_for_each_sample() -> None:
    x, weight, bias = draw(3, 50, 64), draw(3, 90, 64), draw(3, 90)
    together = matrix.linear_each(x, weight, bias)
    for row in range(3):
        alone = matrix.linear_each(x[row : row + 1], weight[row : row + 1], bias[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=1e-4)
        torch.testing.assert_close(alone[0], F.linear(x[row], weight[row], bias[row]), rtol=0, atol=1e-4)


@pytest.mark.parametrize("function", [matrix.linear, matrix.linear_gelu])
@pytest.mark.parametrize("asked", ["x", "weight", "bias"])
def test_gradients_flow(function: object, asked: str) -> None:
    given = {"x": draw(196, 256), "weight": draw(300, 256), "bias": draw(300)}
    given[asked].requires_grad_()
    function(**given).sum().backward()
    assert given[asked].grad is not None and given[asked].grad.abs().sum() > 0


@pytest.mark.parametrize("function", [matrix.linear, matrix.linear_gelu])
@pytest.mark.parametrize("rows", [None, slice(0, 256)], ids=["whole", "part of it"])
def test_gradients_through_frozen_weights_are_torchs_own(function: object, rows: slice | None) -> None:
    weight, bias = nn.Parameter(draw(300, 256), False), nn.Parameter(draw(300), False)
    for _ in range(2):
        used = (weight, bias) if rows is None else (weight[rows], bias[rows])
        x, same = (draw(2, 98, 256).requires_grad_() for _ in range(2))
        function(x, *used).square().sum().backward()
        expected = F.linear(same, *used)
        (expected if function is matrix.linear else F.gelu(expected)).square().sum().backward()
        torch.testing.assert_close(x.grad, same.grad, rtol=1e-4, atol=1e-2)
        with torch.no_grad():
            weight.mul_(-0.5)  # what is kept of it must follow


@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize(("size", "width", "tokens"), [(3, 256, 25), (5, 128, 40), (3, 16, 2)])
def test_convolutions_are_torchs_own(gelu: bool, size: int, width: int, tokens: int) -> None:
    conv = nn.Conv1d(width, width + 8, size, padding=size // 2)
    x = draw(2, tokens, width)
    expected = conv(x.transpose(1, 2)).transpose(1, 2)
    expected = F.gelu(expected) if gelu else expected
    torch.testing.assert_close(matrix.convolve(x, conv, gelu=gelu), expected, rtol=0, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(matrix.convolve(x, conv, gelu=gelu), expected, rtol=0, atol=1e-5)
    matrix.convolve(x, conv, gelu=gelu).sum().backward()
    assert conv.weight.grad is not None and conv.weight.grad.abs().sum() > 0


def test_changed_weights_are_read_anew() -> None:
    layer, conv, x = matrix.Linear(256, 300), nn.Conv1d(256, 256, 3, padding=1), draw(1, 30, 256)

    def agree() -> None:
        with torch.no_grad():
            made = matrix.linear(x, layer.weight, layer.bias), matrix.convolve(x, conv)
            expected = F.linear(x, layer.weight, layer.bias), conv(x.transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(made, expected, rtol=0, atol=1e-4)

    agree()
    for fused in (False, True):
        optimizer = torch.optim.AdamW([*layer.parameters(), *conv.parameters()], lr=0.1, fused=fused)
        (layer(x).square().sum() + conv(x.transpose(1, 2)).square().sum()).backward()
        optimizer.step()
        agree()
    layer.requires_grad_(False), conv.requires_grad_(False)
    agree()
    layer.load_state_dict(matrix.Linear(256, 300).state_dict())
    conv.load_state_dict(nn.Conv1d(256, 256, 3).state_dict())
    agree()
    layer.weight.data = draw(300, 256)
    agree()


def test_what_is_kept_goes_with_its_weight() -> None:
    layer = matrix.Linear(256, 300)
    layer(draw(30, 256))
    assert not hasattr(layer.weight, matrix._CACHED)  # in training nothing is kept
    layer.requires_grad_(False)
    layer(draw(30, 256))
    if not matrix._has_onednn():
        pytest.skip("this torch comes without oneDNN")
    kept = weakref.ref(getattr(layer.weight, matrix._CACHED)[1])
    copied = copy.deepcopy(layer)
    assert kept() is not None and not hasattr(copied.weight, matrix._CACHED)
    del layer
    gc.collect()
    assert kept() is None


@torch.no_grad()
def test_autocast_is_torchs_own_even_where_the_library_was_never_tried() -> None:
    """bfloat16 training on a CPU: neither the products nor the self-test of the library may run inside autocast."""
    matrix._has_onednn.cache_clear()
    frozen = matrix.Linear(256, 300).requires_grad_(False)
    x, conv = draw(2, 60, 256), nn.Conv1d(256, 256, 3, padding=1).requires_grad_(False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert frozen(x).dtype is torch.bfloat16
        torch.testing.assert_close(frozen(x), F.linear(x, frozen.weight, frozen.bias))
        assert matrix.convolve(x, conv, gelu=True).shape == (2, 60, 256)
    torch.testing.assert_close(frozen(x), F.linear(x, frozen.weight, frozen.bias), rtol=0, atol=1e-4)
