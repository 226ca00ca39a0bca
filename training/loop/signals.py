# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C or a termination request ends a run after the present step, with a checkpoint."""

from __future__ import annotations

import signal


class StopOnSignal:
    """A context in which ``stop_requested`` tells whether the run was asked to end."""

    def __init__(self) -> None:
        self.stop_requested = False

    def __enter__(self) -> StopOnSignal:
        self._old = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def _handle(self, *_: object) -> None:
        self.stop_requested = True

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
