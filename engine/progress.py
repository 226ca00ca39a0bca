# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of a request, and the seconds that its stages took."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TypeVar

from blender_addon.shared.protocol import Progress

Made = TypeVar("Made")


class ProgressClock:
    """Counts the parts of a request for its progress, and the seconds of each stage for its report."""

    def __init__(self, request_id: str, steps: int) -> None:
        """``steps`` of all windows and variations together, at most."""
        self.request_id = request_id
        self.total = 3 + steps
        self.done = 0
        self.timing: dict[str, float] = {}
        self.last = time.perf_counter()
        self.stage: str | None = None

    def expect(self, steps: int) -> None:
        """The same number, once it is known to be less."""
        self.total = 3 + steps

    def tell(self, stage: str, count: int = 1) -> Progress:
        """Progress at the begin of ``stage`` of ``count`` variations at once; the time since the last call belongs to
        the stage that was running.
        """
        now = time.perf_counter()
        if self.stage is not None:
            self.timing[self.stage] = self.timing.get(self.stage, 0.0) + now - self.last
        self.last, self.stage = now, stage
        self.done += count
        return self._progress()

    def _progress(self) -> Progress:
        # A variation that refines in fewer steps than allowed leaves its share of the bar to what follows.
        return Progress(self.request_id, self.stage or "", min(1.0, self.done / self.total))

    def meanwhile(self, work: Generator[None, None, Made]) -> Generator[Progress, None, Made]:
        """The present stage said again at every piece of ``work``, where it can be abandoned; what that returns."""
        while True:
            try:
                next(work)
            except StopIteration as done:
                return done.value
            yield self._progress()

    def finish(self) -> dict[str, float]:
        """Seconds by stage, and 'Total'."""
        self.tell("")
        return self.timing | {"Total": sum(self.timing.values())}
