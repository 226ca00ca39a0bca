# SPDX-License-Identifier: GPL-3.0-or-later
"""The session against real engine processes: every way a request can end, and every way an engine can."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from blender_addon.engine_link.own_engine import STARTUP_TIMEOUT_S
from blender_addon.engine_link.process import EngineProcess
from blender_addon.engine_link.session import Session
from blender_addon.shared import protocol
from blender_addon.shared.connection import read_connection, write_connection
from blender_addon.shared.errors import EngineUnavailable, ProtocolError
from blender_addon.shared.protocol import Error, Result
from engine.serving.endpoint import open_router, own_connection
from engine.serving.security import CurveKeys, Gatekeeper

from ...engine.helpers.stepping import request, result_of

ENGINE = [sys.executable, str(Path(__file__).resolve().parents[2] / "engine" / "helpers" / "stepping.py")]
PATIENCE = 30.0


class Desk:
    """A folder for one engine, sessions that are closed at the end, and a pump that may wait."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "engine.json"
        self.output = folder / "output.log"
        self.sessions: list[Session] = []
        self.processes: list[EngineProcess] = []

    def command(self, *more: str) -> list[str]:
        return [*ENGINE, "--connection-file", str(self.path), "--log-file", str(self.path.with_suffix(".log")), *more]

    def session(self) -> Session:
        self.sessions.append(Session("test", "1"))
        return self.sessions[-1]

    def started(self, *more: str) -> Session:
        session = self.session()
        session.start_engine(self.command(*more), self.output, self.path)
        return session

    def ready(self) -> Session:
        session = self.started()
        self.until(session, lambda: session.state == "ready")
        return session

    def engine(self) -> EngineProcess:
        """An engine that belongs to no session."""
        process = EngineProcess(self.command(), self.output)
        process.start()
        self.processes.append(process)
        deadline = time.monotonic() + PATIENCE
        while not self.path.exists():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        return process

    def until(self, session: Session, condition: Callable[[], bool]) -> list[Any]:
        finished: list[Any] = []
        deadline = time.monotonic() + PATIENCE
        while not condition():
            finished += session.pump(time.monotonic())
            assert time.monotonic() < deadline, f"{session.state}: {session.status} {session.error}"
            time.sleep(0.01)
        return finished

    def finish(self, session: Session) -> Any:
        finished: list[Any] = []
        deadline = time.monotonic() + PATIENCE
        while not finished:
            finished += session.pump(time.monotonic())
            assert time.monotonic() < deadline, f"{session.state}: {session.status} {session.error}"
            time.sleep(0.01)
        assert len(finished) == 1
        return finished[0]

    def pid(self) -> int:
        return read_connection(self.path).pid


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    for session in desk.sessions:
        session.shutdown(PATIENCE)
    for process in desk.processes:
        process.stop(PATIENCE)


def test_parts_arrive_before_the_result_and_only_those_of_the_request_under_way(desk: Desk) -> None:
    session = desk.ready()
    session.submit(replace(request("r1", seed=3), stream=True))
    result = desk.finish(session)
    assert [part.start_frame for part in session.parts] == [0, 20]
    assert np.array_equal(np.concatenate([part.joints for part in session.parts], 1), result.joints)
    session.submit(request("r2"))
    assert session.parts == []
    desk.finish(session)
    assert session.parts == []


def test_from_nothing_to_a_result_and_back(desk: Desk) -> None:
    session = desk.started("--load-seconds", "0.3")
    assert session.state == "starting" and session.busy and session.owns_engine
    session.submit(request("r1", seed=3))  # kept until the engine is ready
    result = desk.finish(session)
    assert isinstance(result, Result) and np.array_equal(result.joints, result_of(request("r1", seed=3)).joints)
    assert session.state == "ready" and not session.busy and session.welcome is not None
    assert "stepping" in session.status and session.error is None and session.request_id is None
    session.shutdown(PATIENCE)
    assert session.state == "offline" and not desk.path.exists() and not session.owns_engine
    session.shutdown()


def test_progress_can_be_watched_and_cancel_ends_the_request(desk: Desk) -> None:
    session = desk.ready()
    session.submit(request("r1", "slow"))
    desk.until(session, lambda: session.fraction > 0)
    assert session.state == "running" and session.step_label == "stepping" and "stepping" in session.status
    session.cancel()
    assert session.state == "cancelling"
    session.cancel()
    error = desk.finish(session)
    assert isinstance(error, Error) and error.code == "cancelled" and session.error is None
    assert session.state == "ready" and session.fraction == 0.0
    session.cancel()
    session.submit(request("r2"))
    assert desk.finish(session).request_id == "r2"


def test_only_the_newest_request_is_answered(desk: Desk) -> None:
    session = desk.ready()
    for n in range(20):
        session.submit(request(f"r{n}", "slow" if n % 2 else "walk"))
    session.submit(request("last"))
    assert desk.finish(session).request_id == "last"
    assert desk.until(session, lambda: bool(session._pings > 0)) == []


def test_a_new_request_may_follow_a_cancel_at_once(desk: Desk) -> None:
    session = desk.ready()
    session.submit(request("r1", "slow"))
    session.cancel()
    session.submit(request("r2"))
    assert session.state == "running"
    result = desk.finish(session)
    assert isinstance(result, Result) and result.request_id == "r2" and session.state == "ready"


def test_cancel_before_the_engine_is_ready(desk: Desk) -> None:
    session = desk.started()
    session.submit(request("r1"))
    session.cancel()
    assert desk.finish(session).code == "cancelled"
    assert desk.until(session, lambda: session.state == "ready") == []


def test_a_refused_request_leaves_the_session_ready(desk: Desk) -> None:
    session = desk.ready()
    for kind, code in (("refuse", "bad_control"), ("crash", "internal")):
        session.submit(request(kind, kind))
        error = desk.finish(session)
        assert error.code == code and session.error == (error.message, error.hint) and session.state == "ready"
    session.submit(request("r3"))
    assert session.error is None and isinstance(desk.finish(session), Result)


@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
@pytest.mark.parametrize("own", [True, False])
def test_an_engine_killed_in_mid_request_fails_the_request_and_can_be_started_again(desk: Desk, own: bool) -> None:
    if own:
        session = desk.ready()
    else:
        desk.engine()
        session = desk.session()
        session.connect(desk.path)
    session.submit(request("r1", "slow"))
    desk.until(session, lambda: session.fraction > 0)
    os.kill(desk.pid(), signal.SIGKILL)
    error = desk.finish(session)
    assert (error.request_id, error.code) == ("r1", "engine_unavailable") and error.message and error.hint
    assert session.state == "offline" and session.error == (error.message, error.hint)
    assert ("killed" if own else "has stopped") in error.message
    with pytest.raises(EngineUnavailable, match="not running"):
        session.submit(request("r2"))
    assert desk.path.exists()  # it had no time to remove its file
    session.start_engine(desk.command(), desk.output, desk.path)
    session.submit(request("r3"))
    assert isinstance(desk.finish(session), Result)


@pytest.mark.skipif(os.name != "posix", reason="stops a process with SIGSTOP")
def test_an_engine_that_hangs_is_given_up_and_one_that_is_slow_is_not(desk: Desk) -> None:
    process = desk.engine()
    session = desk.session()
    session.connect(desk.path)
    desk.until(session, lambda: session.state == "ready")
    session.submit(request("r1", "slow"))
    desk.until(session, lambda: session.fraction > 0)
    os.kill(process.pid or 0, signal.SIGSTOP)
    try:
        now, finished = time.monotonic(), []
        session.pump(now)
        # Blender was away for an hour: that says nothing about the engine.
        now += 3600
        assert session.pump(now) == [] and session.state == "running"
        for _ in range(int(protocol.ENGINE_TIMEOUT) + 1):
            assert session.state == "running"
            now += 1.0
            finished += session.pump(now)
        assert session.state == "offline" and finished[0].code == "engine_unavailable"
        assert "not answered" in finished[0].message and finished[0].hint
    finally:
        os.kill(process.pid or 0, signal.SIGCONT)


def test_a_long_absence_is_healed(desk: Desk) -> None:
    desk.engine()
    session = desk.session()
    session.connect(desk.path)
    desk.until(session, lambda: session.state == "ready")
    session.pump(time.monotonic() + 3600)
    session.submit(request("r1"))
    assert isinstance(desk.finish(session), Result)


def test_two_sessions_share_one_engine(desk: Desk) -> None:
    first = desk.ready()
    second = desk.started()
    assert not second.owns_engine and second.state == "connecting"
    for turn in range(3):
        first.submit(request(f"a{turn}", seed=turn))
        second.submit(request(f"b{turn}", seed=100 + turn))
        ours, theirs = desk.finish(first), desk.finish(second)
        assert (ours.request_id, ours.seed) == (f"a{turn}", turn)
        assert (theirs.request_id, theirs.seed) == (f"b{turn}", 100 + turn)
    second.submit(request("b", "slow"))
    desk.until(second, lambda: second.fraction > 0)
    first.shutdown(PATIENCE)
    error = desk.finish(second)
    assert error.code == "engine_unavailable" and "was stopped" in error.message


def test_an_engine_that_cannot_load_its_model_says_why(desk: Desk) -> None:
    session = desk.started("--fail")
    session.submit(request("r1"))
    error = desk.finish(session)
    assert "truncated" in error.message and session.state == "offline"
    assert session.error == (error.message, error.hint) and error.hint


def test_a_command_that_does_not_serve_is_reported_with_its_last_words(desk: Desk) -> None:
    session = desk.session()
    session.start_engine([sys.executable, "-c", "raise SystemExit('no module named engine')"], desk.output, desk.path)
    desk.until(session, lambda: session.state == "offline")
    assert session.error is not None and "no module named engine" in session.error[0]
    assert str(desk.output) in session.error[1]
    session.start_engine(["/no/such/program"], desk.output, desk.path)
    assert session.state == "offline" and session.error is not None and "could not be started" in session.error[0]


def test_an_engine_that_never_listens_is_given_up(desk: Desk) -> None:
    session = desk.session()
    session.start_engine([sys.executable, "-c", "import time; time.sleep(600)"], desk.output, desk.path)
    session.pump(0.0)
    session.pump(STARTUP_TIMEOUT_S - 1)
    assert session.state == "starting"
    session.pump(STARTUP_TIMEOUT_S + 1)
    assert session.state == "offline" and session.error is not None and "did not start" in session.error[0]


def test_connecting_to_no_engine_or_a_dead_ones_file_is_explained(desk: Desk) -> None:
    session = desk.session()
    session.connect(desk.path)
    assert session.state == "offline" and session.error is not None and "not running" in session.error[0]
    process = desk.engine()
    os.kill(process.pid or 0, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.stop(PATIENCE)
    session.connect(desk.path)
    assert session.error is not None and "stopped" in session.error[0] and "Start the engine" in session.error[1]
    desk.path.write_text("{}")
    session.connect(desk.path)
    assert session.error is not None and "cannot be read" in session.error[0]
    desk.path.unlink()


def test_an_unsound_request_is_refused_before_it_is_sent(desk: Desk) -> None:
    session = desk.ready()
    bad: Any = request("r1")
    object.__setattr__(bad, "hint", bad.hint.astype(np.float64))
    with pytest.raises(ProtocolError, match="float32"):
        session.submit(bad)
    assert session.state == "ready"


class StrangeEngine:
    """A socket with the right keys that says what the test wants."""

    def __init__(self, path: Path) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        keys = CurveKeys.generate()
        self.gatekeeper = Gatekeeper(self.context, keys)
        self.router, address = open_router(self.context, keys, "127.0.0.1")
        write_connection(own_connection(keys, address), path)

    def answer(self, *frames: bytes, times: int = 1) -> bool:
        """Answer one message if one has come, ``times`` times."""
        self.gatekeeper.answer()
        if not self.router.poll(0):
            return False
        client = self.router.recv_multipart()[0]
        for _ in range(times):
            self.router.send_multipart([client, *frames])
        return True


@pytest.mark.parametrize(
    ("frames", "code_words"),
    [
        ((protocol.encode(protocol.Error("", "protocol", "The engine speaks protocol 9.", "Update.")),), "protocol 9"),
        (
            (protocol.encode(protocol.Welcome(9, "7.7", "m", "h", (), 20.0, 1, 2, (), "cpu")),),
            "Engine 7.7 speaks protocol 9",
        ),
        ((b"\x00garbage",), "not valid msgpack"),
        ((b"two", b"parts"), "several frames"),
    ],
)
def test_an_engine_that_talks_differently_is_left_with_a_clear_word(
    desk: Desk, frames: tuple[bytes, ...], code_words: str
) -> None:
    strange = StrangeEngine(desk.path)
    try:
        session = desk.session()
        session.connect(desk.path)
        session.submit(request("r1"))
        finished: list[Any] = []
        deadline = time.monotonic() + PATIENCE
        while not finished:
            assert time.monotonic() < deadline
            strange.answer(*frames, times=2)
            time.sleep(0.05)  # so that several answers come in one pump
            finished += session.pump(time.monotonic())
        assert session.state == "offline" and session.error is not None
        assert code_words in session.error[0] and session.error[1]
        assert finished[0].request_id == "r1"
    finally:
        strange.context.destroy(linger=0)
