# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in Blender's main thread, in slices: generators that hand the thread back wherever they can, and are run
here for as long as it may be held.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from types import SimpleNamespace
from typing import Any, TypeVar

TICK_BUDGET_S = 0.010
"""Seconds that a tick is given; its last slice may take longer."""

Returned = TypeVar("Returned")


def run_for(work: Iterator[None], seconds: float = TICK_BUDGET_S, goes_on: Callable[[], bool] = lambda: True) -> None:
    """Run one slice of ``work``, and more while there is time and it ``goes_on``. Raises StopIteration at its end."""
    end = time.perf_counter() + seconds
    next(work)
    while goes_on() and time.perf_counter() < end:
        next(work)


def copy_properties(item: Any) -> SimpleNamespace:
    """A copy of the properties of an item of one of Blender's lists: the item may be removed before the work that reads
    it ends.
    """
    return SimpleNamespace(**{name: getattr(item, name) for name in item.bl_rna.properties.keys()})  # noqa: SIM118


def run_to_end(work: Generator[None, None, Returned]) -> Returned:
    """Run ``work`` to its end at once; what it returns."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value
