# SPDX-License-Identifier: GPL-3.0-or-later
"""Many takes at once, each in a process; an interrupt is answered within a take and leaves only whole files."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from blender_addon.shared.errors import GaitwayError, error_from_code

from .take import TakeJob, process_take

Failure = tuple[str, str, str]


def process_takes(jobs: Sequence[TakeJob], processes: int, done: Callable[[], None]) -> None:
    """Run ``jobs`` in ``processes`` processes and call ``done`` after each. Raises the first error that stops the work;
    KeyboardInterrupt after the takes at hand are finished.
    """
    if processes == 1 or len(jobs) < 2:
        for job in jobs:
            process_take(job)
            done()
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(processes, len(jobs)), mp_context=context, initializer=_start_worker)
    try:
        _run_in(pool, jobs, done)
    except BrokenProcessPool as error:
        raise GaitwayError(
            "A process that prepared a take was stopped from outside.",
            "There may be too little memory: run again with a smaller --jobs; finished takes are kept.",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _run_in(pool: ProcessPoolExecutor, jobs: Sequence[TakeJob], done: Callable[[], None]) -> None:
    """A bounded number of jobs is handed out at a time, so that an interrupt is answered within a take."""
    waiting = iter(jobs)
    at_work = {pool.submit(_run, job) for job in itertools.islice(waiting, 2 * (os.cpu_count() or 1))}
    while at_work:
        finished, at_work = wait(at_work, return_when=FIRST_COMPLETED)
        for future in finished:
            failure = future.result()
            if failure is not None:
                raise error_from_code(*failure)
            done()
        at_work |= {pool.submit(_run, job) for job in itertools.islice(waiting, len(finished))}


def _run(job: TakeJob) -> Failure | None:
    """In the worker. An error travels as its parts: exceptions lose their hint when they are pickled."""
    try:
        process_take(job)
    except GaitwayError as error:
        return error.code, error.message, error.hint
    return None


def _start_worker() -> None:
    """The main process answers Ctrl-C; a worker goes when the main process has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
