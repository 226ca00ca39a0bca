# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the operations that torch performs, by its own rules and by those that it lacks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class OperationCounter(TorchDispatchMode):
    """``total`` operations of matrix products, convolutions and attention while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0
        self.rules: dict[Any, Any] = {
            **flop_registry,
            torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
            torch.ops.mkldnn._linear_pointwise: _linear,
        }

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        rule = self.rules.get(func._overloadpacket)
        if rule is not None:
            self.total += rule(*args, **kwargs, out_val=out)
        return out


def _linear(x: Tensor, weight: Tensor, *others: object, **named: object) -> int:
    return 2 * x.numel() * len(weight)


def _attention(query: Tensor, key: Tensor, *others: object, **named: object) -> int:
    return 4 * query.numel() * key.shape[-2]
