# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's ROUTER loop: bytes in, bytes out, heartbeat, limits, turns. It knows nothing of motion.

One loop in the main thread owns every socket and every table; one worker thread loads the model and runs the requests.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from blender_addon.shared import protocol
from blender_addon.shared.connection import (
    default_connection_path,
    process_is_alive,
    remove_connection,
    write_connection,
)
from blender_addon.shared.errors import (
    BadRequest,
    Cancelled,
    EngineBusy,
    EngineUnavailable,
    GaitwayError,
    ProtocolError,
)
from blender_addon.shared.protocol import Cancel, Generate, Hello, Message, Ping, Pong, Shutdown, Welcome

from .. import __version__
from . import job as session
from .endpoint import DEFAULT_ADDRESS, FAREWELL, describe, open_router, refuse_second_engine
from .job import Job, Pipeline
from .logs import start_logging
from .queue import Turns
from .security import Gatekeeper, Keys
from .worker import Answer, Failed, Idle, Loaded, Worker

log = logging.getLogger(__name__)

TICK = 0.25
"""Seconds after which the loop looks up even if nothing arrives: signals, parent, silent clients."""
MESSAGES_A_TURN = 32
"""Messages read before the worker's news are looked at again, so that a flood cannot starve them."""
WORKER_PATIENCE = 5.0
"""Seconds the worker may take to come out of its present step when the engine ends."""


def serve(
    pipeline_factory: Callable[[], Pipeline],
    *,
    address: str = DEFAULT_ADDRESS,
    connection_file: Path | None = None,
    parent_pid: int | None = None,
    log_file: Path | None = None,
    announce: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Serve until asked to stop: by Shutdown, SIGTERM, SIGINT or the end of ``parent_pid``. Call from the main thread.

    ``pipeline_factory`` loads the model and is called in the worker thread, after the port is open and the connection
    file is written. ``announce`` gets a sentence for the terminal when the state changes. None for a path means the
    user's own folder of that kind. Raises GaitwayError if the port cannot be opened, another engine owns the connection
    file, or the model cannot be loaded.
    """
    log_file = start_logging(log_file)
    connection_file = connection_file or default_connection_path()
    try:
        # The signals first: as soon as the connection file lies there, somebody may tell this process to end.
        with _signals() as asked:
            server = Server(pipeline_factory, address, connection_file, log_file, announce)
            try:
                server.run(parent_pid, asked)
            finally:
                server.close()
    except GaitwayError as error:
        log.error("the engine ends: %s", error)
        raise
    except Exception:
        log.exception("the engine ends")
        raise


@dataclass
class _Client:
    name: str
    last_heard: float


class Server:
    """The loop and its tables. :func:`serve` is the way in; tests may run one in a thread of their own."""

    def __init__(
        self,
        pipeline_factory: Callable[[], Pipeline],
        address: str,
        connection_file: Path,
        log_file: Path | None,
        announce: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Open the port and write the connection file. Raises EngineBusy, EngineUnavailable or BadFile."""
        self._log_file = log_file
        self._announce = announce
        self._connection_file = connection_file
        self._clients: dict[bytes, _Client] = {}
        self._forgotten: set[bytes] = set()
        self._turns = Turns()
        self._worker_idle = False
        self._welcome: Welcome | None = None
        self._stop_reason: str | None = None
        self._keys = Keys.generate()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            refuse_second_engine(connection_file)
            self._gatekeeper = Gatekeeper(self._context, self._keys)
            self._router, self.address = open_router(self._context, self._keys, address)
            self._worker = Worker(pipeline_factory, self._context, log_file)
            write_connection(describe(self._keys, self.address), connection_file)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def stop(self, reason: str) -> None:
        """End the loop at its next turn; may be called from another thread."""
        self._stop_reason = self._stop_reason or reason

    def run(self, parent_pid: int | None = None, asked: Sequence[str] = ()) -> None:
        """The loop, until :meth:`stop`, a reason in ``asked``, or the end of ``parent_pid``.

        Raises GaitwayError if the model cannot be loaded.
        """
        log.info("engine %s listens on %s", __version__, self.address)
        self._announce(f"Listening on {self.address}; loading the model.")
        self._worker.start()
        poller = zmq.Poller()
        for each in (self._router, self._gatekeeper.socket, self._worker.wake_socket):
            poller.register(each, zmq.POLLIN)
        next_look = 0.0
        while self._stop_reason is None and not asked:
            poller.poll(int(TICK * 1000))
            self._gatekeeper.answer()
            self._read_messages()
            self._read_worker()
            self._start_next()
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + TICK
                self._forget_silent_clients()
                if parent_pid is not None and not process_is_alive(parent_pid):
                    self.stop("the program that started it has ended")
        self._say_goodbye(self._stop_reason or asked[0])

    def close(self) -> None:
        """Remove the connection file, stop the worker, close the sockets."""
        remove_connection(self._connection_file, self._keys.server_public)
        if self._turns.running is not None:
            self._turns.running.cancel("The engine is stopping.")
        if not self._worker.stop(WORKER_PATIENCE):
            log.warning("the worker did not come out of its present step; the process ends without it")
        self._context.destroy(linger=int(FAREWELL * 1000))

    # Clients

    def _read_messages(self) -> None:
        for _ in range(MESSAGES_A_TURN):
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
                self._send_error(client, "", session.internal_error(self._log_file))

    def _receive(self, client: bytes, message: Message) -> None:
        if client in self._clients:
            self._clients[client].last_heard = time.monotonic()
        match message:
            case Ping():
                self._send(client, Pong(message.token))
                if client in self._forgotten:  # it may never have learned that, and would wait for ever
                    self._forgotten.discard(client)
                    lost = EngineUnavailable("The engine lost touch with this client.", "Press Generate again.")
                    self._send_error(client, "", lost)
            case Hello():
                self._greet(client, message)
            case Generate():
                self._accept(client, message)
            case Cancel():
                self._refuse_job(self._turns.cancel(client, message.request_id, "Cancelled."), "Cancelled.")
            case Shutdown():
                self.stop("a client asked for it")
            case Pong():
                pass
            case _:
                raise ProtocolError(f"{type(message).__name__} is a message of the engine.", "Do not send it.")

    def _greet(self, client: bytes, hello: Hello) -> None:
        if hello.protocol_version != protocol.PROTOCOL_VERSION:
            raise ProtocolError(
                f"{hello.client} {hello.client_version} speaks protocol {hello.protocol_version}, "
                f"engine {__version__} speaks protocol {protocol.PROTOCOL_VERSION}.",
                "Update the add-on and the engine to the same version of Gaitway.",
            )
        if client not in self._clients and len(self._clients) >= protocol.MAX_CLIENTS:
            raise EngineBusy(
                f"The engine serves {protocol.MAX_CLIENTS} clients already.",
                "Close one of them, or start another engine with a connection file of its own.",
            )
        self._forgotten.discard(client)
        self._clients[client] = _Client(f"{hello.client} {hello.client_version}".strip()[:80], time.monotonic())
        log.info("hello from %s", self._clients[client].name)
        if self._welcome is not None:
            self._send(client, self._welcome)

    def _accept(self, client: bytes, request: Generate) -> None:
        if client not in self._clients or self._welcome is None:
            raise ProtocolError("Generate came before Welcome.", "Say Hello and wait for Welcome first.")
        if not 0 < len(request.request_id) <= protocol.MAX_REQUEST_ID_LENGTH:
            raise BadRequest(
                "The request has no usable request_id.", f"Give it 1 to {protocol.MAX_REQUEST_ID_LENGTH} characters."
            )
        reason = "Replaced by a newer request."
        self._refuse_job(self._turns.add(client, request, reason), reason)

    def _forget_silent_clients(self) -> None:
        limit = time.monotonic() - protocol.CLIENT_TIMEOUT
        for client, state in list(self._clients.items()):
            if state.last_heard < limit:
                self._forget(client, f"Nothing was heard from it for {protocol.CLIENT_TIMEOUT:.0f} seconds.")

    def _forget(self, client: bytes, reason: str) -> None:
        log.info("forgets %s: %s", self._clients.pop(client).name, reason)
        self._forgotten.add(client)
        reason = f"The engine gave this client up. {reason}"
        self._refuse_job(self._turns.cancel(client, None, reason), reason)

    def _refuse_job(self, job: Job | None, reason: str) -> None:
        if job is not None:
            self._send_error(job.client, job.request.request_id, Cancelled(reason))

    def _send(self, client: bytes, message: Message) -> None:
        self._send_bytes(client, protocol.encode(message))

    def _send_error(self, client: bytes, request_id: str, error: GaitwayError) -> None:
        self._send(client, session.error_reply(request_id, error))

    def _send_bytes(self, client: bytes, data: bytes) -> None:
        try:
            self._router.send_multipart([client, data], zmq.DONTWAIT)
        except zmq.ZMQError as error:
            # Gone (EHOSTUNREACH), or it does not read (EAGAIN): its request would be work for nobody.
            if client in self._clients:
                self._forget(client, f"It cannot be reached: {error.strerror}.")

    # Worker

    def _start_next(self) -> None:
        if self._worker_idle and (job := self._turns.begin_next()) is not None:
            self._worker_idle = False
            log.info("%s begins", job.request.request_id)
            self._worker.hand_over(job)

    def _read_worker(self) -> None:
        for event in self._worker.events():
            match event:
                case Answer():
                    self._send_bytes(event.job.client, event.data)
                case Idle():
                    self._turns.running, self._worker_idle = None, True
                case Loaded():
                    self._welcome = event.welcome
                    log.info("loaded %s on %s in %.2f s", event.welcome.model, event.welcome.device, event.seconds)
                    self._announce(f"Ready: {event.welcome.model} on {event.welcome.device}, {event.seconds:.1f} s.")
                    for client in list(self._clients):
                        self._send(client, event.welcome)
                case Failed():
                    for client in list(self._clients):
                        self._send_error(client, "", event.error)
                    raise event.error

    def _say_goodbye(self, reason: str) -> None:
        log.info("the engine ends: %s", reason)
        self._announce(f"Stopping: {reason}.")
        gone = EngineUnavailable(
            f"The engine was stopped: {reason}.", "Start the engine again, then press Generate again."
        )
        for job in self._turns.open_jobs():
            self._send_error(job.client, job.request.request_id, gone)


@contextmanager
def _signals() -> Iterator[list[str]]:
    """Let SIGINT and SIGTERM end the loop instead of the interpreter: the list receives the reason to stop.

    Outside the main thread it stays empty.
    """
    asked: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]

    def handle(number: int, frame: Any) -> None:
        asked.append(f"it was told to end by {signal.Signals(number).name}")

    before = {name: signal.signal(getattr(signal, name), handle) for name in names}
    try:
        yield asked
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
