# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of networks on a graphics card, recorded once and replayed (CUDA graphs).

A step of sampling is some hundred small operations, each of which takes longer to ask for than to do. Recorded, they
are asked for all at once. A recording is bound to shapes and to places in memory, so what is given is copied into its
own tensors and what it gives is copied out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor

log = logging.getLogger(__name__)

Inputs = Sequence[Tensor | None]
Call = Callable[..., Tensor]
Replay = Callable[[Inputs], Tensor]

MAX_RECORDINGS = 32
"""Shapes that are remembered; each recording holds the memory that its call works in."""
_WARM_UP_CALLS = 2  # libraries set themselves up in their first calls, which must not be recorded
_TOLERANCE = 1e-2  # beside the largest number of an answer: what float16 differs by between two orders of summation


class GraphCache:
    """Calls by name and shapes: the first of a kind is made as it is, the second is recorded too, others are replayed.

    What is called must depend on nothing that changes but its inputs, and its weights must stay where they are. A
    recording that does not give what the call itself gave is never used, and no other one is made.
    """

    def __init__(self, record: Callable[[Call, Inputs], Replay] | None = None) -> None:
        """``record``: makes a recording; None: on the present CUDA device."""
        self._record = record or record_on_card
        self._known: dict[Hashable, Replay | None] = {}
        self.works = True

    def __call__(self, name: str, call: Call, *inputs: Tensor | None) -> Tensor:
        """``call(*inputs)``, or the same replayed. Without gradients."""
        key = (name, *(None if x is None else (x.shape, x.dtype) for x in inputs))
        replay = self._known.get(key)
        if replay is not None:
            return replay(inputs)
        answer = call(*inputs)
        if self.works:
            self._known[key] = self._recorded(call, inputs, answer) if key in self._known else None
            if len(self._known) > MAX_RECORDINGS:
                del self._known[next(iter(self._known))]
        return answer

    def _recorded(self, call: Call, inputs: Inputs, answer: Tensor) -> Replay | None:
        try:
            replay = self._record(call, inputs)
            off = (replay(inputs) - answer).abs().max()
            self.works = bool(off <= _TOLERANCE * answer.abs().max())
            problem = f"the result is off by {float(off):.2g}"
        except RuntimeError as error:
            self.works, problem = False, str(error)
        if self.works:
            return replay
        log.warning("CUDA graphs do not work on this device (%s); the networks run without them", problem)
        self._known.clear()
        return None


def record_on_card(call: Call, inputs: Inputs) -> Replay:
    """A recording of ``call`` on the present CUDA device. Raises RuntimeError when it cannot be recorded."""
    held = [None if x is None else x.clone() for x in inputs]
    beside, here = torch.cuda.Stream(), torch.cuda.current_stream()
    beside.wait_stream(here)
    with torch.cuda.stream(beside):
        for _ in range(_WARM_UP_CALLS):
            call(*held)
    here.wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        answer = call(*held)

    def replay(given: Inputs) -> Tensor:
        for own, new in zip(held, given, strict=True):
            if own is not None and new is not None:
                own.copy_(new)
        graph.replay()
        return answer.clone()

    return replay
