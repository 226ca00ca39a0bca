# SPDX-License-Identifier: GPL-3.0-or-later
"""Products of matrices: the faster library gives the same numbers, gradients flow, any layout in memory is taken."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models import matrix


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
