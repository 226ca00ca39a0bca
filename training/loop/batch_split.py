# SPDX-License-Identifier: GPL-3.0-or-later
"""One batch, many hands: processes and accumulation steps each take a part of the batch, and the sum is the whole.

A batch is a dict of tensors with the samples first. A term of the loss that is a mean over samples counts by the part's
share of the samples; one that is a ratio of sums (over controlled points, real tokens, ...) by the part's share of its
denominator. The weighted terms of all parts then add up to the terms of the whole batch, and so do their gradients.
Where the denominator follows from the prediction, the loss gives it beside its terms (``count/<term>``), and the
processes add theirs up before the gradients are taken; parts that a process takes one after the other count alike then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Batch = dict[str, Tensor]
Counts = Callable[[Batch], dict[str, Tensor]]

COUNT = "count/"
"""Before the name of a term: the denominator of its mean, where that follows from the prediction."""


def no_counts(batch: Batch) -> dict[str, Tensor]:
    """For losses whose terms are all means over samples."""
    return {}


def size_of(batch: Batch) -> int:
    return len(next(iter(batch.values())))


def split(batch: Batch, parts: int, own: range, counts: Counts) -> Iterator[tuple[Batch, Callable[[str], float]]]:
    """The parts ``own`` out of ``parts``, each with a function: name of a term -> its weight.

    When there are more parts than samples, a part without any holds the first sample with weight 0: every process has
    to take part in the exchange of gradients.
    """
    if parts == 1:
        yield batch, lambda term: 1.0
        return
    total, rows = counts(batch), torch.arange(size_of(batch)).tensor_split(parts)
    for index in own:
        mine = rows[index]
        part = {name: value[mine if len(mine) else slice(0, 1)] for name, value in batch.items()}
        held = counts(part)

        def weight(term: str, mine: Tensor = mine, held: dict[str, Tensor] = held) -> float:
            if not len(mine):
                return 0.0
            if term in total:
                return float(held[term]) / float(total[term]) if total[term] else 0.0
            return len(mine) / size_of(batch)

        yield part, weight


def to_device(batch: Batch, device: torch.device) -> Batch:
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}
