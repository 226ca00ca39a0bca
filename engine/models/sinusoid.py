# SPDX-License-Identifier: GPL-3.0-or-later
"""Frequencies of the time and guidance embeddings, the same to the last bit on every machine.

The arguments of these sines reach 1e4, so that one unit in the last place of a float32 frequency moves the embedding
by up to 1e-3, and exp in float32 differs by that much between math libraries and even between CPUs of one library. So
the exponents are rounded to float32 as the published models were trained, exp is taken in float64, and the result is
rounded once. Where the exact value lies within a fortieth of a unit of the middle between two float32 numbers, the
library behind the published numbers may take the other neighbour; those few exponents are listed.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

_OTHER_NEIGHBOUR = {  # exponent -> side
    -0.2900894582271576: -1.0,  # guidance, 256 wide
    -0.8634694218635559: 1.0,  # time, 64 and 768 wide
    -4.725096702575684: -1.0,  # time, 768 wide
    -4.940964221954346: 1.0,
    -5.228786945343018: -1.0,
}


@functools.cache
def _frequencies(half: int, spacing: int) -> Tensor:
    index = torch.arange(half, dtype=torch.float32)
    if half == spacing:  # time: the product is rounded before the division
        exponents = index * -math.log(10000.0) / spacing
    else:  # guidance: the divided logarithm is rounded before the product
        exponents = index * -(torch.tensor(math.log(10000.0), dtype=torch.float32) / spacing)
    frequencies = exponents.double().exp().float()
    for position, exponent in enumerate(exponents.tolist()):
        if exponent in _OTHER_NEIGHBOUR:
            side = torch.tensor(_OTHER_NEIGHBOUR[exponent] * torch.inf)
            frequencies[position] = torch.nextafter(frequencies[position], side)
    return frequencies


@functools.cache
def frequencies(half: int, spacing: int, device: torch.device) -> Tensor:
    """10000^(-i / spacing) for i = 0..half-1, (half,) float32; spacing is half (time) or half - 1 (guidance)."""
    return _frequencies(half, spacing).to(device)
