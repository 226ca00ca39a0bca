# SPDX-License-Identifier: GPL-3.0-or-later
"""The server over real sockets: what it answers, whom it admits, and that nothing a client sends stops it."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from blender_addon.engine_link.client import Client
from blender_addon.shared import protocol
from blender_addon.shared.connection import Connection, read_connection, write_connection
from blender_addon.shared.errors import BadCheckpoint, EngineBusy, EngineUnavailable, GaitwayError
from blender_addon.shared.protocol import Cancel, Error, Hello, Ping, Pong, Progress, Result, Shutdown, Welcome
from engine.serving.logs import start_logging
from engine.serving.server import Server

from ..helpers.stepping import SteppingPipeline, request, result_of

PATIENCE = 20
"""Seconds until a test gives up; nothing is measured with it."""
HELLO = Hello(protocol.PROTOCOL_VERSION, "test", "1")


class Talker:
    """A client that may wait."""

    def __init__(self, connection: Connection, hello: bool = True) -> None:
        self.client = Client(connection)
        self.inbox: list[Any] = []
        if hello:
            self.client.send(HELLO)
            self.expect(Welcome)

    def send(self, *messages: Any) -> None:
        for message in messages:
            self.client.send(message)

    def send_raw(self, *frames: bytes) -> None:
        self.client._socket.send_multipart(frames)

    def expect(self, kind: type, where: Callable[[Any], bool] = lambda message: True) -> Any:
        """Wait for a message of this kind; others stay in the inbox in their order."""
        for _ in range(int(PATIENCE / 0.05)):
            for message in self.inbox:
                if isinstance(message, kind) and where(message):
                    self.inbox.remove(message)
                    return message
            self.client._socket.poll(50)
            self.inbox += self.client.poll()
        raise AssertionError(f"no {kind} came; the inbox holds {self.inbox}")

    def answer(self, identifier: str) -> Any:
        """The Result or Error of a request."""
        return self.expect((Result, Error), lambda message: message.request_id == identifier)  # type: ignore[arg-type]


class Engine:
    """A server in a thread of its own."""

    def __init__(self, folder: Path, factory: Callable[[], Any] | None = None) -> None:
        self.pipeline = SteppingPipeline()
        self.log_file = start_logging(folder / "engine.log")
        self.path = folder / "runtime" / "engine.json"
        self.failure: GaitwayError | None = None
        self.server = Server(factory or (lambda: self.pipeline), "127.0.0.1", self.path, self.log_file)
        self.connection = read_connection(self.path)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.stack = ExitStack()

    def _run(self) -> None:
        try:
            self.server.run()
        except GaitwayError as error:
            self.failure = error
        finally:
            self.server.close()

    def talker(self, hello: bool = True) -> Talker:
        talker = Talker(self.connection, hello)
        self.stack.callback(talker.client.close)
        return talker

    def close(self) -> None:
        self.stack.close()
        self.server.stop("the test ends")
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive() and not self.path.exists()


@contextmanager
def running(folder: Path, factory: Callable[[], Any] | None = None) -> Iterator[Engine]:
    engine = Engine(folder, factory)
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with running(tmp_path) as engine:
        yield engine


def still_serves(engine: Engine) -> None:
    talker = engine.talker()
    talker.send(request("still-here"))
    assert isinstance(talker.answer("still-here"), Result)


def test_a_request_reports_progress_and_gives_the_pipelines_own_bytes(engine: Engine) -> None:
    talker = engine.talker()
    asked = replace(request("r1", seed=7), num_variations=2)
    talker.send(asked)
    answer = talker.answer("r1")
    assert protocol.encode(answer) == protocol.encode(result_of(asked))
    fractions = [message.fraction for message in talker.inbox if isinstance(message, Progress)]
    assert len(fractions) == 3 and fractions == sorted(fractions)


@pytest.mark.parametrize(("version", "remedy"), [(2, "Update the add-on"), (9, "Update the engine")])
def test_another_protocol_version_is_refused_by_name(engine: Engine, version: int, remedy: str) -> None:
    talker = engine.talker(hello=False)
    talker.send(Hello(version, "blender add-on", "9.9"))
    error = talker.expect(Error)
    assert error.code == "protocol" and f"blender add-on 9.9 speaks protocol {version}" in error.message
    assert f"speaks protocol {protocol.PROTOCOL_VERSION}" in error.message and remedy in error.hint
    talker.send(request("r1"))
    assert talker.expect(Error).code == "protocol"
    still_serves(engine)


def test_bytes_that_are_no_message_are_answered_and_change_nothing(engine: Engine) -> None:
    talker = engine.talker()
    talker.send(request("long", "slow"))
    talker.expect(Progress)
    whole = protocol.encode(request("r1"))
    rng = random.Random(3)
    junk = [b"", whole[:-1], whole[:7], *(rng.randbytes(rng.randint(1, 300)) for _ in range(50))]
    for data in junk:
        talker.send_raw(data)
        error = talker.expect(Error)
        assert (error.code, error.request_id) == ("protocol", "") and error.message and error.hint
    talker.send_raw(b"two", b"frames")
    assert "one frame" in talker.expect(Error).message
    talker.send(Ping(5))
    assert talker.expect(Pong).token == 5
    assert engine.pipeline.stopped == [] and not [message for message in talker.inbox if isinstance(message, Error)]


def test_messages_of_the_engine_are_refused_from_a_client(engine: Engine) -> None:
    talker = engine.talker()
    talker.send(result_of(request("x")))
    assert "Result" in talker.expect(Error).message


def test_an_oversized_message_is_answered_and_a_monstrous_one_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MAX_MESSAGE_BYTES", 100_000)
    with running(tmp_path) as engine:
        talker = engine.talker()
        talker.send_raw(bytes(100_001))
        error = talker.expect(Error)
        assert error.code == "protocol" and "MB" in error.message
        monster = engine.talker()
        closed = monster.client._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        monster.send_raw(bytes(200_001))
        assert closed.poll(PATIENCE * 1000), "the engine should have closed the connection"
        monster.client._socket.disable_monitor()
        closed.close(0)
        still_serves(engine)


@pytest.mark.parametrize("kind", ["no encryption", "own key", "wrong server key"])
def test_a_client_without_the_key_gets_nothing(engine: Engine, kind: str) -> None:
    context = zmq.Context()
    stranger = context.socket(zmq.DEALER)
    if kind != "no encryption":
        public, secret = zmq.curve_keypair()
        stranger.curve_publickey, stranger.curve_secretkey = public, secret
        stranger.curve_serverkey = (
            public if kind == "wrong server key" else engine.connection.server_public_key.encode()
        )
    monitor = stranger.get_monitor_socket(
        zmq.EVENT_HANDSHAKE_SUCCEEDED
        | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
        | zmq.EVENT_HANDSHAKE_FAILED_AUTH
        | zmq.EVENT_DISCONNECTED
    )
    try:
        stranger.connect(engine.connection.address)
        with suppress(zmq.Again):  # it may have been turned away already
            stranger.send(protocol.encode(HELLO), zmq.DONTWAIT)
        still_serves(engine)
        assert monitor.poll(PATIENCE * 1000), "the engine should have refused the connection"
        assert recv_monitor_message(monitor)["event"] != zmq.EVENT_HANDSHAKE_SUCCEEDED
        assert not stranger.poll(100)
        if kind == "own key":
            assert "wrong key" in engine.log_file.read_text()
    finally:
        stranger.disable_monitor()
        monitor.close(0)
        context.destroy(linger=0)


def test_a_bare_tcp_connection_with_garbage_is_ignored(engine: Engine) -> None:
    host, port = engine.connection.address.removeprefix("tcp://").split(":")
    assert host == "127.0.0.1"
    with socket.create_connection((host, int(port))) as bare:
        bare.sendall(random.Random(1).randbytes(5000))
        still_serves(engine)


@pytest.mark.parametrize(
    ("kind", "code", "in_message"),
    [
        ("refuse", "bad_control", "joint 'tail'"),
        ("crash", "internal", "keeps running"),
        ("no result", "internal", "keeps running"),
        ("memory", "device", "memory"),
        ("endless text", "error", "?x"),
    ],
)
def test_a_request_that_fails_says_what_to_do_and_the_engine_stays(
    engine: Engine, kind: str, code: str, in_message: str
) -> None:
    talker = engine.talker()
    talker.send(request("r1", kind))
    error = talker.answer("r1")
    assert isinstance(error, Error) and error.code == code and in_message in error.message and error.hint
    assert "Traceback" not in error.message + error.hint
    if code == "internal":
        assert str(engine.log_file) in error.hint and "Traceback" in engine.log_file.read_text()
    still_serves(engine)


def test_the_newest_request_of_a_client_wins(engine: Engine) -> None:
    talker = engine.talker()
    talker.send(request("r1", "slow"))
    talker.expect(Progress)
    talker.send(request("r2", "slow"), request("r3"))
    for old in ("r1", "r2"):
        error = talker.answer(old)
        assert isinstance(error, Error) and error.code == "cancelled" and "newer" in error.message
    assert isinstance(talker.answer("r3"), Result)
    assert engine.pipeline.stopped[0] == "r1" and engine.pipeline.begun[-1] == "r3"
    assert not [message for message in talker.inbox if not isinstance(message, Progress)]


def test_cancel_stops_running_and_queued_requests_and_ignores_strangers_ids(engine: Engine) -> None:
    first, second = engine.talker(), engine.talker()
    first.send(request("r1", "slow"))
    first.expect(Progress)
    second.send(request("r2"), Cancel("r1"), Cancel("nobody's"), Cancel("r2"))
    assert second.answer("r2").code == "cancelled"
    assert engine.pipeline.stopped == [] and engine.pipeline.begun == ["r1"]
    first.send(Cancel("r1"))
    assert first.answer("r1").code == "cancelled"
    assert engine.pipeline.stopped == ["r1"]
    still_serves(engine)


def test_two_clients_each_get_their_own_answers(engine: Engine) -> None:
    talkers = [engine.talker(), engine.talker()]
    for turn in range(5):
        # Both use the same id on purpose: whose answer is whose depends on the client, not on the id.
        for index, talker in enumerate(talkers):
            talker.send(request(f"r{turn}", seed=10 * turn + index))
        for index, talker in enumerate(talkers):
            wanted = result_of(request(f"r{turn}", seed=10 * turn + index))
            assert protocol.encode(talker.answer(f"r{turn}")) == protocol.encode(wanted)


def test_a_client_that_asks_all_the_time_does_not_keep_another_waiting(engine: Engine) -> None:
    greedy, modest = engine.talker(), engine.talker()
    greedy.send(request("g0", "slow"))
    greedy.expect(Progress)
    modest.send(request("m"), Ping(1))
    modest.expect(Pong)
    greedy.send(*(request(f"g{n}", "slow") for n in range(1, 20)))
    assert isinstance(modest.answer("m"), Result)
    greedy.expect(Progress, lambda message: message.request_id == "g19")
    assert engine.pipeline.begun[:2] == ["g0", "m"] and engine.pipeline.begun[-1] == "g19"


def test_a_newer_request_keeps_the_place_of_the_one_it_replaces(engine: Engine) -> None:
    runner, first, second = engine.talker(), engine.talker(), engine.talker()
    runner.send(request("running", "slow"))
    runner.expect(Progress)
    for talker, message in ((first, request("a1")), (second, request("b")), (first, request("a2"))):
        talker.send(message, Ping(1))
        talker.expect(Pong)
    runner.send(Cancel("running"))
    assert isinstance(first.answer("a2"), Result) and isinstance(second.answer("b"), Result)
    assert engine.pipeline.begun == ["running", "a2", "b"]


def test_more_clients_than_admitted_are_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_CLIENTS", 2)
    first = engine.talker()
    engine.talker()
    third = engine.talker(hello=False)
    third.send(HELLO)
    error = third.expect(Error)
    assert error.code == "engine_busy" and error.hint
    first.send(HELLO)
    first.expect(Welcome)


def test_a_silent_client_is_forgotten_and_its_request_stopped(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CLIENT_TIMEOUT", 0.5)
    talker = engine.talker()
    talker.send(request("r1", "slow"))
    error = talker.answer("r1")
    assert error.code == "cancelled" and "sent nothing for" in error.message
    # That word may have been lost on the way: whoever goes on without Hello is told, once.
    talker.send(Ping(1), Ping(2))
    talker.expect(Pong)
    error = talker.expect(Error)
    assert error.request_id == "" and "disconnected" in error.message and error.hint
    talker.expect(Pong)
    talker.send(HELLO)
    talker.expect(Welcome)
    still_serves(engine)


def test_the_request_of_a_client_that_is_gone_does_not_hold_up_others(engine: Engine) -> None:
    talker = engine.talker()
    talker.send(request("orphan", "slow"))
    talker.expect(Progress)
    talker.client.close()
    still_serves(engine)
    assert engine.pipeline.stopped == ["orphan"]


def test_requests_before_hello_and_without_id_are_refused(engine: Engine) -> None:
    early = engine.talker(hello=False)
    early.send(request("r1"))
    assert "Hello" in early.expect(Error).hint
    nameless = engine.talker()
    nameless.send(request(""), request("x" * 129))
    assert {nameless.expect(Error).code, nameless.expect(Error).code} == {"bad_request"}


def test_pings_are_answered_while_the_model_loads_and_hello_when_it_is_loaded(tmp_path: Path) -> None:
    may_load = threading.Event()

    def load() -> SteppingPipeline:
        assert may_load.wait(PATIENCE)
        return SteppingPipeline()

    with running(tmp_path, load) as engine:
        talker = engine.talker(hello=False)
        talker.send(HELLO, Ping(41))
        assert talker.expect(Pong).token == 41
        assert talker.inbox == []
        talker.send(request("too early"))
        assert talker.expect(Error).code == "protocol"
        may_load.set()
        assert talker.expect(Welcome).model == "stepping"


@pytest.mark.parametrize(
    ("failure", "code"), [(BadCheckpoint("Truncated.", "Copy it again."), "bad_checkpoint"), (OSError(5), "internal")]
)
def test_a_model_that_cannot_be_loaded_is_told_to_the_client_and_ends_the_engine(
    tmp_path: Path, failure: Exception, code: str
) -> None:
    may_load = threading.Event()

    def load() -> SteppingPipeline:
        assert may_load.wait(PATIENCE)
        raise failure

    with running(tmp_path, load) as engine:
        talker = engine.talker(hello=False)
        talker.send(HELLO, Ping(1))
        talker.expect(Pong)
        may_load.set()
        error = talker.expect(Error)
        assert error.code == code and error.message and error.hint
        engine.thread.join(PATIENCE)
        assert engine.failure is not None and engine.failure.code == code


def test_shutdown_answers_what_is_open(engine: Engine) -> None:
    first, second = engine.talker(), engine.talker()
    first.send(request("running", "slow"))
    first.expect(Progress)
    second.send(request("queued"), Ping(1))
    second.expect(Pong)
    second.send(Shutdown())
    for talker, identifier in ((first, "running"), (second, "queued")):
        error = talker.answer(identifier)
        assert error.code == "engine_unavailable" and "Start the engine again" in error.hint
    engine.thread.join(PATIENCE)
    assert not engine.path.exists()


def test_a_second_engine_does_not_take_the_file_of_a_live_one(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(EngineBusy, match="already running"):
        Server(SteppingPipeline, "127.0.0.1", engine.path, None).close()
    with pytest.raises(EngineUnavailable, match="cannot be opened"):
        Server(SteppingPipeline, engine.connection.address, tmp_path / "other.json", None).close()
    assert not (tmp_path / "other.json").exists()
    still_serves(engine)


def test_the_file_of_a_dead_engine_is_replaced(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "second"
    left_behind = replace(engine.connection, pid=2**22 - 1)
    write_connection(left_behind, folder / "runtime" / "engine.json")
    with pytest.raises(EngineUnavailable, match="stopped unexpectedly"):
        read_connection(folder / "runtime" / "engine.json")
    with running(folder) as second:
        still_serves(second)
