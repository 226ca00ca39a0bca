# SPDX-License-Identifier: GPL-3.0-or-later
"""Products with weight matrices, by the faster of the two libraries that come with torch.

torch multiplies float32 matrices on the CPU with MKL, which uses half the width of an AMD processor's registers: where
both were measured, oneDNN took less than half the time and was never slower on matrices of some size. It is used where
no gradient is asked for; everywhere else, and where torch comes without it, this is ``torch.nn.functional.linear``.
Both sum in float32; the results agree to the last few bits.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

MIN_PRODUCTS = 1 << 18
"""Multiplications below which the call costs more than the library saves."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (..., K), weight (N, K), bias (N,) -> (..., N)."""
    if _is_onednn_faster(x, weight, bias):
        return torch.ops.mkldnn._linear_pointwise(x.contiguous(), weight, bias, "none", [], "")
    return F.linear(x, weight, bias)


def linear_gelu(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The exact (erf) GELU of :func:`linear`, in one pass over the numbers where that can be had."""
    if _is_onednn_faster(x, weight, bias):
        return torch.ops.mkldnn._linear_pointwise(x.contiguous(), weight, bias, "gelu", [], "none")
    return F.gelu(F.linear(x, weight, bias))


def linear_each(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x (B,S,K), a weight (B,N,K) and bias (B,N) for each sample -> (B,S,N)."""
    if len(x) == 1:
        return linear(x, weight[0], bias[0])
    return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))


def _is_onednn_faster(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    if x.device.type != "cpu" or x.dtype is not torch.float32 or x.numel() * len(weight) < MIN_PRODUCTS:
        return False
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, weight, bias)):
        return False
    # Weights that do not lie row by row send oneDNN into plain loops, a thousand times slower; a bias it misreads.
    packed = weight.is_contiguous() and (bias is None or bias.is_contiguous())
    return packed and weight.dtype is torch.float32 and _has_onednn()


@functools.cache
def _has_onednn() -> bool:
    """Whether torch brings the operator, and it means what is expected here: it is not part of torch's public face."""
    if not torch.backends.mkldnn.is_available():
        return False
    random = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(shape, generator=random) for shape in ((3, 8), (5, 8), (5,)))
    try:
        with torch.no_grad():
            plain = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
            gelu = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", [], "none")
    except (AttributeError, RuntimeError, TypeError):
        return False
    expected = F.linear(x, weight, bias)
    return torch.allclose(plain, expected, atol=1e-5) and torch.allclose(gelu, F.gelu(expected), atol=1e-5)
