# SPDX-License-Identifier: GPL-3.0-or-later
"""Products with weight matrices, by the faster of the two libraries that come with torch.

torch multiplies float32 matrices on the CPU with MKL, which uses half the width of an AMD processor's registers: where
both were measured, oneDNN took less than half the time and was never slower on matrices of some size. It is used where
no gradient of the weights is asked for; everywhere else, and where torch comes without it, these are torch's own
functions. Both sum in float32; the results agree to the last few bits.

Frozen parameters are kept a second time in the order in which oneDNN reads them fastest, until they change or go. Those
in training are not: torch's fused optimizers change them without telling.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

MIN_PRODUCTS = 1 << 18
"""Multiplications below which the call costs more than the library saves."""

_CACHED, _CACHED_TRANSPOSED = "_in_onednn_order", "_transposed_in_onednn_order"
"""Attributes of frozen parameters: (place and version, the matrix); the second is the transpose's, for gradients."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (..., K), weight (N, K), bias (N,) -> (..., N)."""
    if _is_onednn_faster(x, weight, bias, x.numel() * len(weight)):
        if _asks_for_gradient(x):
            return _ThroughFrozen.apply(x, weight, bias)
        return _onednn(x, _reordered(weight), bias)
    return F.linear(x, weight, bias)


def linear_gelu(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The exact (erf) GELU of :func:`linear`, in one pass over the numbers where that can be had."""
    if _is_onednn_faster(x, weight, bias, x.numel() * len(weight)) and not _asks_for_gradient(x):
        return _onednn(x, _reordered(weight), bias, "gelu")
    return F.gelu(linear(x, weight, bias))


def linear_each(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x (B,S,K), a weight (B,N,K) and bias (B,N) for each sample -> (B,S,N)."""
    if len(x) == 1:
        return linear(x, weight[0], bias[0])
    return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))


def convolve(x: Tensor, conv: nn.Conv1d, *, gelu: bool = False) -> Tensor:
    """x (B,S,K) through a convolution of odd size over its tokens, zeros beyond the ends -> (B,S,N); GELU of it."""
    size, weight = conv.kernel_size[0], conv.weight
    if _asks_for_gradient(x) or not _is_onednn_faster(x, weight, conv.bias, x.numel() * len(weight) * size):
        out = F.conv1d(x.transpose(1, 2), weight, conv.bias, padding=size // 2)
        return (F.gelu(out) if gelu else out).transpose(1, 2)
    # As a product: each token beside its neighbours.
    seen = F.pad(x, (0, 0, size // 2, size // 2)).unfold(1, size, 1).transpose(2, 3).flatten(2)
    matrix = _reordered(weight, lambda w: w.transpose(1, 2).flatten(1))
    return _onednn(seen, matrix, conv.bias, "gelu" if gelu else "none")


class Linear(nn.Linear):
    """torch's own layer, by :func:`linear`."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class _ThroughFrozen(torch.autograd.Function):
    """:func:`linear` with a gradient for x alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.weight = weight
        return _onednn(x, _reordered(weight), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        transposed = _reordered(ctx.weight, lambda w: w.t().contiguous(), _CACHED_TRANSPOSED)
        return _onednn(gradient, transposed, None), None, None


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None, after: str = "none") -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x.contiguous(), weight, bias, after, [], "none")


def _is_onednn_faster(x: Tensor, weight: Tensor, bias: Tensor | None, products: int) -> bool:
    if not x.is_cpu or x.dtype is not torch.float32 or products < MIN_PRODUCTS:
        return False
    if torch.is_autocast_enabled("cpu"):  # whose products are in bfloat16, by torch's own functions
        return False
    if _asks_for_gradient(weight, bias):
        return False
    # Weights that do not lie row by row send oneDNN into plain loops, a thousand times slower; a bias it misreads.
    packed = weight.is_contiguous() and (bias is None or bias.is_contiguous())
    return packed and weight.dtype is torch.float32 and _has_onednn()


def _asks_for_gradient(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors)


def _reordered(
    weight: Tensor,
    arrange: Callable[[Tensor], Tensor] | None = None,
    attribute: str = _CACHED,
) -> Tensor:
    """The weight, arranged as a matrix, in oneDNN's own order if it is a frozen parameter."""
    if not isinstance(weight, nn.Parameter) or weight.requires_grad:
        return weight if arrange is None else arrange(weight)
    state = weight.data_ptr(), weight._version
    cached: tuple[tuple[int, int], Tensor] | None = getattr(weight, attribute, None)
    if cached is None or cached[0] != state:
        matrix = weight.detach() if arrange is None else arrange(weight.detach()).contiguous()
        cached = state, torch.ops.mkldnn._reorder_linear_weight(matrix)
        setattr(weight, attribute, cached)
    return cached[1]


@functools.cache
def _has_onednn() -> bool:
    """Whether torch brings the operators, and they mean what is expected: they are not part of its public face."""
    if not torch.backends.mkldnn.is_available():
        return False
    random = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(shape, generator=random) for shape in ((3, 8), (5, 8), (5,)))
    expected = F.linear(x, weight, bias)
    try:
        with torch.no_grad():
            reordered = torch.ops.mkldnn._reorder_linear_weight(weight)
            plain = [_onednn(x, matrix, bias) for matrix in (weight, reordered)]
            gelu = _onednn(x, reordered, bias, "gelu")
    except (AttributeError, RuntimeError, TypeError):
        return False
    right = all(torch.allclose(result, expected, atol=1e-5) for result in plain)
    return right and torch.allclose(gelu, F.gelu(expected), atol=1e-5)
