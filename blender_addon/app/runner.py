# SPDX-License-Identifier: GPL-3.0-or-later
"""One request at a time as a generator on Blender's main thread, a slice of it a tick; what goes wrong ends it with an
error for the panel, and never Blender's timer.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Generator

from .. import time_slices
from ..shared.errors import Cancelled, GaitwayError, RetargetError

PRESS_BUDGET_S = 0.025
"""How long the press of a button may hold Blender's main thread; what is wrong is told at once if it is found
meanwhile.
"""
READING = "Reading the controls"


class RequestRunner:
    """Drives the request under way, and keeps what went wrong and how long ticks took."""

    def __init__(self) -> None:
        self._request: Generator[None, None, None] | None = None
        self._phase = ""
        self.is_at_work = False
        """Whether the request has something to do here, and does not only wait."""
        self.error: tuple[str, str] | None = None
        """(message, hint) of what went wrong last; the panel shows it until the next try."""
        self.longest_tick_s = 0.0
        """Longest time that one tick of the last request held the main thread, the press of the button included."""
        self.longest_work_s = 0.0
        """The same without the time in which other programs had the processor."""

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self._request is not None

    def show_error(self, error: GaitwayError) -> None:
        """Let the panel show what went wrong."""
        self.error = (error.message, error.hint)

    def advance(self) -> None:
        """One tick's share of the request under way."""
        if self._request is None:
            return
        try:
            time_slices.run_for(self._request, goes_on=lambda: self.is_at_work)
        except StopIteration:
            self._leave_request()
        except Cancelled:
            self.abandon(cancelled())
        except GaitwayError as error:
            self.abandon(error)
        except ReferenceError:  # as Blender says of what is not there any more
            self.abandon(
                RetargetError(
                    "Something that the motion needs was deleted while it was being generated.", "Generate again."
                )
            )
        except Exception as error:  # a tick that raises would end Blender's timer and leave the panel waiting for ever
            traceback.print_exc()
            self.abandon(
                RetargetError(
                    f"The motion could not be applied: {error}.",
                    "Undo, and report this with the message in Blender's console.",
                )
            )

    def record_tick(self, started: float, cpu_started: float) -> None:
        """Note how long one tick took; ``started`` of ``time.perf_counter`` and ``cpu_started`` of ``time.thread_time``
        were read at its start.
        """
        self.longest_tick_s = max(self.longest_tick_s, time.perf_counter() - started)
        self.longest_work_s = max(self.longest_work_s, time.thread_time() - cpu_started)

    def finish_work(self) -> None:
        """Run what is being read or keyed to its end, however long it takes: half of it must not get into a file."""
        while self.is_at_work and self.busy:
            self.advance()

    def abandon(self, error: GaitwayError) -> None:
        """End the request under way with ``error``."""
        if self._request is not None:
            self._request.close()
        self._leave_request()
        self.show_error(error)

    def forget(self) -> None:
        """Clear what the last request left to be shown."""
        self.error = None
        self.longest_tick_s = self.longest_work_s = 0.0

    def _begin(self, request: Generator[None, None, None]) -> None:
        """Begin a request, which starts by reading the controls. Raises what it finds wrong at once."""
        started, cpu_started = time.perf_counter(), time.thread_time()
        self.forget()
        self._request, self._phase, self.is_at_work = request, READING, True
        try:
            time_slices.run_for(request, PRESS_BUDGET_S, lambda: self.is_at_work)
        except GaitwayError as error:
            self.abandon(error)
            raise
        self.record_tick(started, cpu_started)

    def _enter_phase(self, phase: str) -> None:
        self._phase = phase

    def _leave_request(self) -> None:
        self._request, self._phase, self.is_at_work = None, "", False


def cancelled() -> Cancelled:
    """What a request ends with that the user cancelled."""
    return Cancelled("Cancelled.", "The character keeps its previous animation.")
