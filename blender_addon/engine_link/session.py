# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of the conversation as a plain state machine: Blender's timer calls ``pump``, panels read the rest.

One request is under way at a time; a newer one replaces it. Every answer carries the id of its request, and answers
to any other than the present one are dropped. Nothing here waits, starts a thread, or knows Blender; ``now`` is any
clock in seconds that only rises, and is given, so that tests need not wait either.

States: ``offline`` - ``starting`` (a process was started, no connection file yet) - ``connecting`` (the engine is
asked, or loads its model) - ``ready`` - ``running`` - ``cancelling``. All that changes the state stands in this one
file, which is longer for it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Literal

from ..shared import protocol
from ..shared.connection import Connection, default_connection_path, read_connection
from ..shared.errors import BadFile, Cancelled, EngineUnavailable, GaitwayError
from ..shared.protocol import (
    Cancel,
    Error,
    Generate,
    Hello,
    Message,
    Part,
    Ping,
    Pong,
    Progress,
    Result,
    Shutdown,
    Welcome,
)
from .client import Client
from .own_engine import STARTUP_TIMEOUT_S, OwnEngine

State = Literal["offline", "starting", "connecting", "ready", "running", "cancelling"]

LIVENESS_INTERVAL_S = 1.0
"""Between two looks whether the engine's process is alive."""
SHUTDOWN_LINGER_S = 0.1
"""For the last message to reach an engine of ours."""
_RESTART_HINT = "Start the engine again; its log file has details."


class Session:
    """One client's connection to one engine, its request under way, and what to show about both."""

    def __init__(self, client_name: str = "blender", client_version: str = "") -> None:
        self.client_name = client_name
        self.client_version = client_version
        self.state: State = "offline"
        self.status = "The engine is not running."
        self.step_label = ""
        self.fraction = 0.0
        self.running_since: float | None = None
        """When the engine started the request, on the clock of :meth:`pump`."""
        self.welcome: Welcome | None = None
        self.error: tuple[str, str] | None = None
        """(message, hint) of the last thing that went wrong; cleared by the next connect, start or submit."""
        self.request_id: str | None = None
        """The request under way, or waiting for the connection; answers to any other id are dropped."""
        self.parts: list[Part] = []
        """What has arrived of the motion under way, or of the last one, in order; cleared by the next submit."""
        self._connection: Connection | None = None
        self._connection_path: Path | None = None
        self._client: Client | None = None
        self.own_engine = OwnEngine()
        self._pending: bytes | None = None
        """The encoded request that waits for the connection."""
        self._finished: list[Result | Error] = []
        self._last_pump: float | None = None
        self._last_ping = self._last_heard = self._last_liveness = 0.0
        self._pings = 0

    # What the user does

    def connect(self, connection_path: Path | None = None) -> None:
        """Connect to a running engine. If there is none, ``state`` stays ``offline`` and ``error`` says why."""
        self._disconnect()
        self.error = None
        self._connection_path = connection_path or default_connection_path()
        try:
            self._open(read_connection(self._connection_path))
        except GaitwayError as error:
            self._go_offline(error)

    def start_engine(self, command: list[str], log_path: Path, connection_path: Path | None = None) -> None:
        """Start an engine of our own and connect as soon as it can be; ``error`` is set if it cannot be started.

        If an engine runs already, perhaps started by another Blender, connect to that one.
        """
        self._disconnect()
        self.own_engine.stop()
        self.error = None
        self._connection_path = connection_path or default_connection_path()
        self.own_engine.prepare(command, log_path)
        if self.is_ending:
            self.state, self.status = "starting", "The engine will start when the old one has stopped."
            return
        with suppress(GaitwayError):
            self._open(read_connection(self._connection_path))
            self.own_engine.discard()
            return
        try:
            self.own_engine.launch()
        except GaitwayError as error:
            self._go_offline(error)
            return
        self.state, self.status = "starting", "The engine is starting."

    def submit(self, request: Generate) -> None:
        """Send a request, or keep it until the engine is ready. It replaces the one under way, whose answer is dropped.

        Raises EngineUnavailable if no engine is connected or starting, ProtocolError if the request is not sound.
        """
        if self.state == "offline":
            raise EngineUnavailable("The engine is not running.", "Press Start Engine, then Generate Motion.")
        data = protocol.encode(request)
        self.error = None
        self.parts = []
        self.request_id = request.request_id
        self.step_label, self.fraction, self.running_since = "waiting", 0.0, None
        if self.state in ("starting", "connecting"):
            self._pending = data
        else:
            self._send_request(data)

    def cancel(self) -> None:
        """Stop the request under way, if any; it ends with an Error ``cancelled`` from :meth:`pump`."""
        if self._pending is not None:
            self._pending = None
            self._fail_request(Cancelled("Cancelled."))
        elif self.state == "running" and self.request_id is not None and self._client is not None:
            self._send(Cancel(self.request_id))
            self.state, self.status = "cancelling", "Cancelling."

    def shutdown(self, wait: float = 0.0) -> None:
        """Disconnect, and end the engine if it is ours. ``wait`` is the longest time in seconds to see it end."""
        is_ours = self.own_engine.process is not None
        if is_ours and self._client is not None:
            self._send(Shutdown())
        self._disconnect(linger=SHUTDOWN_LINGER_S if is_ours else 0.0)
        self.own_engine.stop(wait)
        self._pending = self.request_id = self.error = None
        self._finished.clear()
        self.state, self.status = "offline", "The engine is not running."

    # What the timer does

    def pump(self, now: float) -> list[Result | Error]:
        """Read what has arrived, keep the connection alive, notice a dead engine; returns the request that has
        finished.

        ``now``: seconds of a clock that only rises. Never waits and never raises a GaitwayError; at most one Result
        or Error is returned for each :meth:`submit` that was not replaced.
        """
        try:
            if self.state == "starting":
                self._look_for_started_engine(now)
            elif self._client is not None:
                self._note_absence(now)
                for message in self._client.poll():
                    if self._client is None:
                        break  # what was said before this message ended the connection
                    self._last_heard = now
                    self._receive(message)
                if self._client is not None:
                    self._check_liveness(now)
        except GaitwayError as error:
            self._go_offline(error)
        finished, self._finished = self._finished, []
        return finished

    @property
    def busy(self) -> bool:
        """Whether something is under way, so that the timer should come often."""
        return self.state in ("starting", "connecting", "running", "cancelling")

    @property
    def owns_engine(self) -> bool:
        """Whether the engine was started here and still runs."""
        return self.own_engine.is_running

    @property
    def is_ending(self) -> bool:
        """Whether an engine of ours was told to end and has not yet; nobody should join it any more."""
        return self.own_engine.is_ending

    # Messages

    def _receive(self, message: Message) -> None:
        match message:
            case Welcome():
                self._receive_welcome(message)
            case Progress() if message.request_id == self.request_id:
                if self.state == "running":
                    self.running_since = self._last_heard if self.running_since is None else self.running_since
                    self.step_label, self.fraction = message.stage, message.fraction
                    self.status = f"Generating: {message.stage}."
            case Part() if message.request_id == self.request_id:
                self.parts.append(message)
            case Result() | Error() if message.request_id and message.request_id == self.request_id:
                if isinstance(message, Error) and message.code != Cancelled.code:
                    self.error = (message.message, message.hint)
                self._finish_request(message)
            case Error(request_id=""):
                self._receive_general_error(message)
            case Pong() if self.state == "connecting":
                self.status = "The engine is loading its model."
            case _:
                pass  # a Pong, or a late answer to a request that was replaced or cancelled

    def _receive_welcome(self, welcome: Welcome) -> None:
        if welcome.protocol_version != protocol.PROTOCOL_VERSION:
            engine = f"Engine {welcome.engine_version}"
            raise protocol.other_version("this add-on", protocol.PROTOCOL_VERSION, engine, welcome.protocol_version)
        self.welcome = welcome
        if self.state == "connecting":
            self.state, self.status = "ready", f"Ready: {welcome.model} on {welcome.device}."
            if self._pending is not None:
                data, self._pending = self._pending, None
                self._send_request(data)

    def _receive_general_error(self, error: Error) -> None:
        """An error that belongs to no request: fatal while connecting, otherwise it fails the request under way."""
        if self.state == "connecting":
            self._go_offline_with(error.message, error.hint, error.code)
            return
        self.error = (error.message, error.hint)
        if self.request_id is not None:
            self._finish_request(Error(self.request_id, error.code, error.message, error.hint))
        # The engine may have forgotten us, after a network that was away for a moment: introduce ourselves again.
        self.state, self.status = "connecting", "Connecting to the engine."
        self._send(self._hello())

    def _send(self, message: Message | bytes) -> None:
        try:
            if self._client is not None:
                self._client.send(message)
        except EngineUnavailable as error:
            self._go_offline(error)

    def _send_request(self, data: bytes) -> None:
        self.state, self.status = "running", "Generating."
        self._send(data)

    def _finish_request(self, message: Result | Error) -> None:
        self._finished.append(message)
        self.request_id, self.step_label, self.fraction = None, "", 0.0
        if self.state in ("running", "cancelling") and self.welcome is not None:
            self.state, self.status = "ready", f"Ready: {self.welcome.model} on {self.welcome.device}."

    def _fail_request(self, error: GaitwayError) -> None:
        if self.request_id is not None:
            self._finish_request(Error(self.request_id, error.code, error.message, error.hint))

    # Connection

    def _open(self, connection: Connection) -> None:
        self._connection = connection
        self._client = Client(connection)
        self.state, self.status = "connecting", "Connecting to the engine."
        self.welcome = None
        self._last_pump = None
        self._send(self._hello())

    def _hello(self) -> Hello:
        return Hello(protocol.PROTOCOL_VERSION, self.client_name, self.client_version)

    def _look_for_started_engine(self, now: float) -> None:
        assert self._connection_path is not None
        if not self.own_engine.advance(now):
            self.status = "The engine is starting." if not self.is_ending else self.status
            return
        try:
            connection = read_connection(self._connection_path)
        except (EngineUnavailable, BadFile):
            return  # not written yet, or left behind by an engine that is gone
        self._open(connection)

    def _note_absence(self, now: float) -> None:
        """After a gap between pumps (a render, a file that loads) the engine's silence means nothing: new clocks."""
        gap = None if self._last_pump is None else now - self._last_pump
        self._last_pump = now
        if gap is None or gap > protocol.PING_INTERVAL:
            self._last_heard = self._last_liveness = now
            self._last_ping = now - protocol.PING_INTERVAL
        if gap is not None and gap > protocol.CLIENT_TIMEOUT / 2:
            self._send(self._hello())  # the engine may have forgotten us

    def _check_liveness(self, now: float) -> None:
        assert self._connection is not None
        if now - self._last_ping >= protocol.PING_INTERVAL:
            self._last_ping = now
            self._pings += 1
            self._send(Ping(self._pings))
        if now - self._last_liveness >= LIVENESS_INTERVAL_S:
            self._last_liveness = now
            self.own_engine.check()
            if self._connection.process_is_gone():
                raise EngineUnavailable("The engine has stopped.", _RESTART_HINT)
        # Our own engine loads its model with the interpreter locked for seconds at a time; a dead one was noticed
        # above.
        loading = self.state == "connecting" and self.own_engine.process is not None
        limit = STARTUP_TIMEOUT_S if loading else protocol.ENGINE_TIMEOUT
        if now - self._last_heard > limit:
            raise EngineUnavailable(
                f"The engine has not answered for {limit:.0f} seconds.",
                "If the machine is very busy, wait and connect again; otherwise stop the engine and start it again.",
            )

    def _go_offline(self, error: GaitwayError) -> None:
        self._go_offline_with(error.message, error.hint, error.code)

    def _go_offline_with(self, message: str, hint: str, code: str) -> None:
        self._disconnect()
        self.state, self.status = "offline", message
        self.error = (message, hint)
        self._pending = None
        if self.request_id is not None:
            self._finish_request(Error(self.request_id, code, message, hint))

    def _disconnect(self, linger: float = 0.0) -> None:
        if self._client is not None:
            self._client.close(linger)
        self._client = self._connection = self.welcome = None
        self.state, self.step_label, self.fraction = "offline", "", 0.0
