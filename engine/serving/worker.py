# SPDX-License-Identifier: GPL-3.0-or-later
"""The one thread that loads the model and runs requests, one after the other, while the server's loop stays responsive.

The loop hands over one job at a time, so the queue and its order stay the loop's own. Events come back through a
queue, and a byte on an inproc socket wakes the loop.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import zmq

from blender_addon.shared.errors import GaitwayError
from blender_addon.shared.protocol import Welcome

from .job import InternalError, Job, ServedPipeline, run_job

log = logging.getLogger(__name__)

_WAKE_ADDRESS = "inproc://worker-has-events"


@dataclass(frozen=True)
class Loaded:
    """The model is loaded and can be described; requests may be handed over."""

    welcome: Welcome
    seconds: float


@dataclass(frozen=True)
class Failed:
    """The model could not be loaded, or does not run; the thread has ended."""

    error: GaitwayError


@dataclass(frozen=True)
class Answer:
    """An encoded message for the client of the job."""

    job: Job
    data: bytes


@dataclass(frozen=True)
class Idle:
    """The worker waits for a job; ``job`` is the one it has finished, None after the warm-up."""

    job: Job | None


Event = Loaded | Failed | Answer | Idle


class Worker:
    """Owns the thread. ``wake_socket`` becomes readable when :meth:`events` has something."""

    def __init__(
        self,
        pipeline_factory: Callable[[], ServedPipeline],
        context: zmq.Context[zmq.Socket[bytes]],
        log_file: Path | None,
    ) -> None:
        self._pipeline_factory = pipeline_factory
        self._context = context
        self._log_file = log_file
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.wake_socket = context.socket(zmq.PAIR)
        self.wake_socket.linger = 0
        self.wake_socket.bind(_WAKE_ADDRESS)
        # A daemon: a torch call that never returns must not keep a process alive that was asked to stop.
        self._thread = threading.Thread(target=self._run, name="gaitway-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hand_over(self, job: Job) -> None:
        """Run a job next; only after an Idle event."""
        self._jobs.put(job)

    def stop(self, wait: float) -> bool:
        """End the thread after its current job; False if it has not ended within ``wait`` seconds."""
        self._jobs.put(None)
        if self._thread.ident is not None:
            self._thread.join(wait)
        return not self._thread.is_alive()

    def events(self) -> list[Event]:
        """What has happened since the last call."""
        while self.wake_socket.poll(0):
            self.wake_socket.recv()
        found: list[Event] = []
        while True:
            try:
                found.append(self._events.get_nowait())
            except queue.Empty:
                return found

    def _run(self) -> None:
        with self._context.socket(zmq.PAIR) as waker:
            waker.linger = 0
            waker.connect(_WAKE_ADDRESS)

            def emit(event: Event) -> None:
                self._events.put(event)
                # It fails if enough wake-ups already wait, or if the server has ended.
                with suppress(zmq.ZMQError):
                    waker.send(b"", zmq.DONTWAIT)

            try:
                pipeline = self._load(emit)
            except GaitwayError as error:
                emit(Failed(error))
                return
            except Exception:
                log.exception("the model could not be loaded")
                where = f"The details are in {self._log_file}." if self._log_file else ""
                emit(Failed(InternalError("The model could not be loaded.", f"Run 'gaitway doctor'. {where}")))
                return
            self._serve(pipeline, emit)

    def _load(self, emit: Callable[[Event], None]) -> ServedPipeline:
        started = time.perf_counter()
        pipeline = self._pipeline_factory()
        emit(Loaded(pipeline.describe(), time.perf_counter() - started))
        started = time.perf_counter()
        pipeline.warm_up()
        log.info("warm-up took %.2f s", time.perf_counter() - started)
        emit(Idle(None))
        return pipeline

    def _serve(self, pipeline: ServedPipeline, emit: Callable[[Event], None]) -> None:
        while (job := self._jobs.get()) is not None:
            run_job(pipeline, job, partial(_answer, emit, job), self._log_file)
            emit(Idle(job))


def _answer(emit: Callable[[Event], None], job: Job, data: bytes) -> None:
    emit(Answer(job, data))
