# SPDX-License-Identifier: GPL-3.0-or-later
"""One request's life: it runs, reports, can be cancelled, and ends in exactly one Result or Error, whatever happens."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from blender_addon.shared.errors import Cancelled, DeviceError, GaitwayError
from blender_addon.shared.protocol import Error, Generate, Part, Progress, Result, Welcome, encode

log = logging.getLogger(__name__)

MAX_ERROR_LENGTH = 2000
"""Characters of an error's message, and of its hint."""


class Pipeline(Protocol):
    """What the server needs of :class:`engine.pipeline.Pipeline`."""

    def describe(self) -> Welcome: ...

    def warm_up(self) -> None: ...

    def generate(self, request: Generate) -> Iterator[Progress | Part | Result]: ...


@dataclass(eq=False)
class Job:
    """A client's request, and the flag through which another thread stops it."""

    client: bytes
    request: Generate
    cancelled: threading.Event = field(default_factory=threading.Event)
    reason: str = "Cancelled."
    cancelled_at: float = 0.0

    def cancel(self, reason: str) -> None:
        """Ask the worker to stop at the next step; the first reason counts."""
        if not self.cancelled.is_set():
            self.reason, self.cancelled_at = reason, time.perf_counter()
            self.cancelled.set()


def run(pipeline: Pipeline, job: Job, send: Callable[[bytes], None], log_file: Path | None) -> None:
    """Run a job to its end and ``send`` each message, encoded; the last is its Result or Error. Raises nothing."""
    identifier = job.request.request_id
    answer: GaitwayError
    started = time.perf_counter()
    try:
        _generate(pipeline, job, send)
        log.info("%s done in %.3f s", identifier, time.perf_counter() - started)
        return
    except Cancelled as error:
        if job.cancelled_at:
            log.info("%s stopped %.0f ms after cancel", identifier, 1000 * (time.perf_counter() - job.cancelled_at))
        answer = error
    except GaitwayError as error:
        log.info("%s refused: %s", identifier, error)
        answer = error
    except Exception as error:
        log.exception("%s failed", identifier)
        answer = _out_of_memory(error) or internal_error(log_file)
    send(encode(error_reply(identifier, answer)))


def _generate(pipeline: Pipeline, job: Job, send: Callable[[bytes], None]) -> None:
    # Closing the generator is what stops the work: it ends at its present step, whatever it holds is released.
    with closing(pipeline.generate(job.request)) as items:  # type: ignore[type-var]
        if job.cancelled.is_set():
            raise Cancelled(job.reason)
        for item in items:
            if job.cancelled.is_set():
                raise Cancelled(job.reason)
            send(encode(item))
            if isinstance(item, Result):
                return
        raise RuntimeError("the pipeline ended without a result")


def error_reply(request_id: str, error: GaitwayError) -> Error:
    """The message for an error. Text that the wire would refuse (endless, or not valid Unicode) is made to fit."""

    def fit(text: str) -> str:
        return text.encode("utf-8", errors="replace").decode("utf-8")[:MAX_ERROR_LENGTH]

    return Error(request_id, error.code, fit(error.message), fit(error.hint))


class InternalError(GaitwayError):
    """A fault of Gaitway's own; its traceback is in the log and nowhere else."""

    code = "internal"


def internal_error(log_file: Path | None) -> InternalError:
    """The error for what should not happen: it names the log file, where the traceback is."""
    where = f"The details are in {log_file}." if log_file else "The details are in the engine's output."
    return InternalError("The engine met an error of its own; it keeps running.", f"Try again. {where}")


def _out_of_memory(error: Exception) -> GaitwayError | None:
    """torch names it differently on each device; the names are compared, so that serving does not wait for torch."""
    is_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if not (is_memory or "can't allocate memory" in str(error) or "out of memory" in str(error).lower()):
        return None
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    return DeviceError(
        "There is not enough memory for this request.",
        "Ask for a shorter motion or fewer variations, close other programs, or start the engine with --device cpu.",
    )
