# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's ROUTER loop: bytes in, bytes out, heartbeat, limits, turns. It knows nothing of motion.

One loop in the main thread owns every socket and every table; one worker thread loads the model and runs the requests.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import zmq

from blender_addon.shared import protocol
from blender_addon.shared.connection import (
    default_connection_path,
    process_is_alive,
    remove_connection,
    write_connection,
)
from blender_addon.shared.errors import BadRequest, Cancelled, EngineUnavailable, GaitwayError, ProtocolError
from blender_addon.shared.protocol import Cancel, Generate, Hello, Message, Ping, Pong, Shutdown

from .. import __version__
from .clients import ClientTable
from .endpoint import DEFAULT_ADDRESS, LINGER_S, open_router, own_connection, refuse_second_engine
from .job import Job, ServedPipeline, error_reply, internal_error
from .logs import start_logging
from .queue import JobQueue
from .security import CurveKeys, Gatekeeper
from .stop_signals import stop_signals
from .worker import Answer, Failed, Idle, Loaded, Worker

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 0.25
"""Seconds after which the loop checks signals, parent process and silent clients even if nothing arrives."""
MESSAGES_PER_TICK = 32
"""Messages read before the worker's events are read again, so that a flood cannot starve them."""
WORKER_STOP_S = 5.0
"""Seconds the worker may take to end its current step when the engine stops."""


def serve(
    pipeline_factory: Callable[[], ServedPipeline],
    *,
    address: str = DEFAULT_ADDRESS,
    connection_file: Path | None = None,
    parent_pid: int | None = None,
    log_file: Path | None = None,
    announce: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Serve until Shutdown, SIGTERM, SIGINT or the end of ``parent_pid``. Call from the main thread.

    ``pipeline_factory`` loads the model and is called in the worker thread, after the port is open and the connection
    file is written. ``announce`` gets a sentence for the terminal when the state changes. None for a path means the
    user's own folder of that kind. Raises GaitwayError if the port cannot be opened, another engine owns the connection
    file, or the model cannot be loaded.
    """
    log_file = start_logging(log_file)
    connection_file = connection_file or default_connection_path()
    try:
        # The signals first: as soon as the connection file exists, somebody may ask this process to stop.
        with stop_signals() as stop_reasons:
            server = Server(pipeline_factory, address, connection_file, log_file, announce)
            try:
                server.run(parent_pid, stop_reasons)
            finally:
                server.close()
    except GaitwayError as error:
        log.error("the engine stops: %s", error)
        raise
    except Exception:
        log.exception("the engine stops")
        raise


class Server:
    """The loop and its tables. :func:`serve` is the entry point; tests may run one in a thread of their own."""

    def __init__(
        self,
        pipeline_factory: Callable[[], ServedPipeline],
        address: str,
        connection_file: Path,
        log_file: Path | None,
        announce: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Open the port and write the connection file. Raises EngineBusy, EngineUnavailable or BadFile."""
        self._log_file = log_file
        self._announce = announce
        self._connection_file = connection_file
        self._clients = ClientTable()
        self._jobs = JobQueue()
        self._worker_idle = False
        self._welcome: bytes | None = None  # encoded, once the model is loaded
        self._stop_reason: str | None = None
        self._keys = CurveKeys.generate()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            refuse_second_engine(connection_file)
            self._gatekeeper = Gatekeeper(self._context, self._keys)
            self._router, self.address = open_router(self._context, self._keys, address)
            self._worker = Worker(pipeline_factory, self._context, log_file)
            write_connection(own_connection(self._keys, self.address), connection_file)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def stop(self, reason: str) -> None:
        """End the loop at its next tick; may be called from another thread."""
        self._stop_reason = self._stop_reason or reason

    def run(self, parent_pid: int | None = None, stop_reasons: Sequence[str] = ()) -> None:
        """The loop, until :meth:`stop`, an entry in ``stop_reasons``, or the end of ``parent_pid``.

        Raises GaitwayError if the model cannot be loaded.
        """
        log.info("engine %s listens on %s", __version__, self.address)
        self._announce(f"Listening on {self.address}; loading the model.")
        self._worker.start()
        poller = zmq.Poller()
        for each in (self._router, self._gatekeeper.socket, self._worker.wake_socket):
            poller.register(each, zmq.POLLIN)
        next_check = 0.0
        while self._stop_reason is None and not stop_reasons:
            poller.poll(int(POLL_INTERVAL_S * 1000))
            self._gatekeeper.answer()
            self._read_messages()
            self._read_worker()
            self._start_next()
            if time.monotonic() >= next_check:
                next_check = time.monotonic() + POLL_INTERVAL_S
                self._drop_silent_clients()
                if parent_pid is not None and not process_is_alive(parent_pid):
                    self.stop("the program that started it has ended")
        self._answer_open_jobs(self._stop_reason or stop_reasons[0])

    def close(self) -> None:
        """Remove the connection file, stop the worker, close the sockets."""
        remove_connection(self._connection_file, self._keys.server_public)
        if self._jobs.running is not None:
            self._jobs.running.cancel("The engine is stopping.")
        if not self._worker.stop(WORKER_STOP_S):
            log.warning("the worker did not end its current step in time; the process ends without it")
        self._context.destroy(linger=int(LINGER_S * 1000))

    # Clients

    def _read_messages(self) -> None:
        for _ in range(MESSAGES_PER_TICK):
            try:
                client, *frames = self._router.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            try:
                if len(frames) != 1:
                    raise ProtocolError("A message must be one frame.", "Send each message by itself.")
                self._receive(client, protocol.decode(frames[0]))
            except GaitwayError as error:
                log.info("refused a message: %s", error)
                self._send_error(client, "", error)
            except Exception:
                log.exception("a message could not be handled")
                self._send_error(client, "", internal_error(self._log_file))

    def _receive(self, client: bytes, message: Message) -> None:
        self._clients.heard(client)
        match message:
            case Ping():
                self._send(client, Pong(message.token))
                if self._clients.must_hear_of_drop(client):
                    lost = EngineUnavailable("The engine had disconnected this client.", "Press Generate Motion again.")
                    self._send_error(client, "", lost)
            case Hello():
                log.info("hello from %s", self._clients.greet(client, message))
                if self._welcome is not None:
                    self._send_bytes(client, self._welcome)
            case Generate():
                self._accept(client, message)
            case Cancel():
                self._refuse_job(self._jobs.cancel(client, message.request_id, "Cancelled."), "Cancelled.")
            case Shutdown():
                self.stop("a client asked for it")
            case Pong():
                pass
            case _:
                raise ProtocolError(f"{type(message).__name__} is a message of the engine.", "Do not send it.")

    def _accept(self, client: bytes, request: Generate) -> None:
        if client not in self._clients or self._welcome is None:
            raise ProtocolError("Generate came before Welcome.", "Send Hello and wait for Welcome first.")
        if not 0 < len(request.request_id) <= protocol.MAX_REQUEST_ID_LENGTH:
            raise BadRequest(
                "The request has no usable request_id.", f"Give it 1 to {protocol.MAX_REQUEST_ID_LENGTH} characters."
            )
        reason = "Replaced by a newer request."
        self._refuse_job(self._jobs.add(client, request, reason), reason)

    def _drop_silent_clients(self) -> None:
        for client in self._clients.silent():
            self._drop(client, f"It sent nothing for {protocol.CLIENT_TIMEOUT:.0f} seconds.")

    def _drop(self, client: bytes, reason: str) -> None:
        log.info("dropped %s: %s", self._clients.drop(client), reason)
        reason = f"The engine disconnected this client. {reason}"
        self._refuse_job(self._jobs.cancel(client, None, reason), reason)

    def _refuse_job(self, job: Job | None, reason: str) -> None:
        if job is not None:
            self._send_error(job.client, job.request.request_id, Cancelled(reason))

    def _send(self, client: bytes, message: Message) -> None:
        self._send_bytes(client, protocol.encode(message))

    def _send_error(self, client: bytes, request_id: str, error: GaitwayError) -> None:
        self._send(client, error_reply(request_id, error))

    def _send_bytes(self, client: bytes, data: bytes) -> None:
        try:
            self._router.send_multipart([client, data], zmq.DONTWAIT)
        except zmq.ZMQError as error:
            # Disconnected (EHOSTUNREACH), or it does not read (EAGAIN): nobody would get the result of its request.
            if client in self._clients:
                self._drop(client, f"It cannot be reached: {error.strerror}.")

    # Worker

    def _start_next(self) -> None:
        if self._worker_idle and (job := self._jobs.start_next()) is not None:
            self._worker_idle = False
            log.info("%s starts", job.request.request_id)
            self._worker.hand_over(job)

    def _read_worker(self) -> None:
        for event in self._worker.events():
            match event:
                case Answer():
                    self._send_bytes(event.job.client, event.data)
                case Idle():
                    self._jobs.running, self._worker_idle = None, True
                case Loaded():
                    welcome = event.welcome
                    log.info("loaded %s on %s in %.2f s", welcome.model, welcome.device, event.seconds)
                    self._announce(f"Ready: {welcome.model} on {welcome.device}, {event.seconds:.1f} s.")
                    self._welcome = protocol.encode(welcome)
                    for client in self._clients.identities():
                        self._send_bytes(client, self._welcome)
                case Failed():
                    for client in self._clients.identities():
                        self._send_error(client, "", event.error)
                    raise event.error

    def _answer_open_jobs(self, reason: str) -> None:
        log.info("the engine stops: %s", reason)
        self._announce(f"Stopping: {reason}.")
        stopped = EngineUnavailable(
            f"The engine was stopped: {reason}.", "Start the engine again, then press Generate Motion again."
        )
        for job in self._jobs.open_jobs():
            self._send_error(job.client, job.request.request_id, stopped)
