# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals of the operating system that ask the engine to stop, handled by its loop instead of the interpreter."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGBREAK")


@contextmanager
def stop_signals() -> Iterator[list[str]]:
    """A list that receives the reason to stop when SIGINT or SIGTERM arrives; outside the main thread it stays empty.

    The handlers that were there before are set again at the end of the block.
    """
    stop_reasons: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield stop_reasons
        return

    def handle(number: int, frame: Any) -> None:
        stop_reasons.append(f"it received {signal.Signals(number).name}")

    previous = {
        number: signal.signal(number, handle) for name in _NAMES if (number := getattr(signal, name, None)) is not None
    }
    try:
        yield stop_reasons
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
