# SPDX-License-Identifier: GPL-3.0-or-later
"""Frequencies of the time and guidance embeddings, the same to the last bit on every machine.

The arguments of these sines reach 1e4, so that one unit in the last place of a float32 frequency moves the embedding
by up to 1e-3, and exp in float32 differs by that much between math libraries and even between CPUs of one library. So
the exponents are rounded to float32 as the published models were trained, exp is taken in float64, and the result
rounded once. Where the exact value lies within a hundredth of a unit of the middle between two float32 numbers, the
library behind the published numbers takes the other neighbour; those few are listed.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

_TAKE_THE_OTHER_NEIGHBOUR = {
    (384, 384): {36: 1.0, 197: -1.0, 206: 1.0, 218: -1.0},  # time, 768 wide
    (128, 127): {4: -1.0},  # guidance, 256 wide
}


@functools.cache
def _frequencies(half: int, spacing: int) -> Tensor:
    index = torch.arange(half, dtype=torch.float32)
    if half == spacing:  # time: the product is rounded before the division
        exponents = index * -math.log(10000.0) / spacing
    else:  # guidance: the divided logarithm is rounded before the product
        exponents = index * -(torch.tensor(math.log(10000.0), dtype=torch.float32) / spacing)
    frequencies = exponents.double().exp().float()
    for position, side in _TAKE_THE_OTHER_NEIGHBOUR.get((half, spacing), {}).items():
        frequencies[position] = torch.nextafter(frequencies[position], torch.tensor(side * torch.inf))
    return frequencies


def frequencies(half: int, spacing: int, device: torch.device) -> Tensor:
    """10000^(-i / spacing) for i = 0..half-1, (half,) float32; spacing is half (time) or half - 1 (guidance)."""
    return _frequencies(half, spacing).to(device)
