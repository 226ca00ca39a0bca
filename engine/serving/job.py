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

ERROR_MAX_CHARACTERS = 2000
"""Characters of an error's message, and of its hint."""


class ServedPipeline(Protocol):
    """What the server needs from :class:`engine.pipeline.Pipeline`."""

    def describe(self) -> Welcome: ...

    def warm_up(self) -> None: ...

    def generate(self, request: Generate) -> Iterator[Progress | Part | Result]: ...


@dataclass(eq=False)
class Job:
    """A client's request, and the flag by which another thread cancels it."""

    client: bytes
    request: Generate
    cancelled: threading.Event = field(default_factory=threading.Event)
    cancel_reason: str = "Cancelled."
    cancelled_at: float = 0.0

    def cancel(self, reason: str) -> None:
        """Make the worker stop at the next step; the first reason counts."""
        if not self.cancelled.is_set():
            self.cancel_reason, self.cancelled_at = reason, time.perf_counter()
            self.cancelled.set()


def run_job(pipeline: ServedPipeline, job: Job, send: Callable[[bytes], None], log_file: Path | None) -> None:
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
            log.info(
                "%s stopped %.0f ms after it was cancelled", identifier, 1000 * (time.perf_counter() - job.cancelled_at)
            )
        answer = error
    except GaitwayError as error:
        log.info("%s refused: %s", identifier, error)
        answer = error
    except Exception as error:
        log.exception("%s failed", identifier)
        answer = _out_of_memory(error) or internal_error(log_file)
    send(encode(error_reply(identifier, answer)))


def _generate(pipeline: ServedPipeline, job: Job, send: Callable[[bytes], None]) -> None:
    # Closing the generator is what stops the work: it ends at its current step and releases what it holds.
    with closing(pipeline.generate(job.request)) as items:  # type: ignore[type-var]
        if job.cancelled.is_set():
            raise Cancelled(job.cancel_reason)
        for item in items:
            if job.cancelled.is_set():
                raise Cancelled(job.cancel_reason)
            send(encode(item))
            if isinstance(item, Result):
                return
        raise RuntimeError("the pipeline ended without a result")


def error_reply(request_id: str, error: GaitwayError) -> Error:
    """The message for an error. Text that the wire would refuse (too long, or not valid Unicode) is cut."""

    def fit(text: str) -> str:
        return text.encode("utf-8", errors="replace").decode("utf-8")[:ERROR_MAX_CHARACTERS]

    return Error(request_id, error.code, fit(error.message), fit(error.hint))


class InternalError(GaitwayError):
    """A bug in Gaitway; its traceback is in the log and nowhere else."""

    code = "internal"


def internal_error(log_file: Path | None) -> InternalError:
    """The error for a bug: it names the log file, where the traceback is."""
    where = f"The details are in {log_file}." if log_file else "The details are in the engine's output."
    return InternalError("The engine had an internal error; it keeps running.", f"Try again. {where}")


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
        "Generate a shorter motion or fewer variations, close other programs, or start the engine with --device cpu.",
    )
