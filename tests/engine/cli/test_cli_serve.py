# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway serve`` as a process of its own gives, through the add-on's client, what ``gaitway generate`` gives."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from blender_addon.engine_link.client import Client
from blender_addon.shared.connection import read_connection
from blender_addon.shared.errors import EngineUnavailable
from blender_addon.shared.protocol import PROTOCOL_VERSION, Error, Generate, Hello, Message, Result, Shutdown, Welcome
from engine.cli import app
from engine.cli.request import build_signal, motion_frames, read_controls, request_of
from engine.install.doctor import _engine

from ..helpers.random_model import save_random_model

REPOSITORY = Path(__file__).resolve().parents[3]
S_CURVE = REPOSITORY / "engine" / "examples" / "s_curve.csv"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_model(tmp_path_factory.mktemp("model") / "untrained")


@pytest.fixture(scope="module")
def engine(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen, Path]]:
    folder = tmp_path_factory.mktemp("run")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "GAITWAY_RUNTIME_DIR": str(folder)}
    # The last bits of a sum depend on the number of threads; the tests run with one (conftest.py).
    environment["OMP_NUM_THREADS"] = str(torch.get_num_threads())
    command = [sys.executable, "-m", "engine.cli", "serve", "--checkpoint", str(model), "--device", "cpu"]
    command += ["--log-file", str(folder / "engine.log"), "--parent-pid", str(os.getpid())]
    process = subprocess.Popen(command, env=environment, cwd=folder)
    yield process, folder / "engine.json"
    process.terminate()
    process.wait(30)


def _connect(file: Path, patience: float = 60.0) -> Client:
    deadline = time.monotonic() + patience
    while True:
        try:
            return Client(read_connection(file))
        except EngineUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _wait(client: Client, *kinds: type, patience: float = 120.0) -> Message:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        for message in client.poll():
            if isinstance(message, kinds):
                return message
        time.sleep(0.01)
    raise AssertionError(f"no {kinds} within {patience} s")


def _request(**options: object) -> Generate:
    track, _ = read_controls(S_CURVE, [])
    return request_of("walks", build_signal(track, [], motion_frames(None, [track])), seed=7, **options)


def test_socket_and_command_give_the_same_bytes(
    engine: tuple[subprocess.Popen, Path], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _connect(engine[1])
    client.send(Hello(PROTOCOL_VERSION, "test", "0"))
    welcome = _wait(client, Welcome)
    assert isinstance(welcome, Welcome) and welcome.model == "untrained"
    motions = []
    for _ in range(2):
        client.send(_request())
        answer = _wait(client, Result, Error)
        assert isinstance(answer, Result), answer
        motions.append(answer.joints[0])
    client.close()
    monkeypatch.chdir(tmp_path)
    line = ["generate", "walks", "--path", str(S_CURVE), "--seed", "7", "-o", "a.npz", "--checkpoint", str(model)]
    assert CliRunner().invoke(app, line).exit_code == 0
    with np.load("a.npz") as archive:
        assert archive["joints"].tobytes() == motions[0].tobytes() == motions[1].tobytes()


def test_a_bad_request_is_answered_and_the_engine_goes_on(engine: tuple[subprocess.Popen, Path]) -> None:
    client = _connect(engine[1])
    client.send(Hello(PROTOCOL_VERSION, "test", "0"))
    _wait(client, Welcome)
    client.send(_request(num_variations=999))
    answer = _wait(client, Result, Error)
    assert isinstance(answer, Error) and answer.code == "bad_request" and answer.hint
    client.send(_request())
    assert isinstance(_wait(client, Result, Error), Result)
    client.close()


def test_doctor_speaks_with_a_running_engine(
    engine: tuple[subprocess.Popen, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _connect(engine[1]).close()
    monkeypatch.setenv("GAITWAY_RUNTIME_DIR", str(engine[1].parent))
    assert f"process {engine[0].pid}" in _engine()


def test_a_second_engine_is_refused_in_two_lines(engine: tuple[subprocess.Popen, Path], model: Path) -> None:
    _connect(engine[1]).close()
    line = ["serve", "--checkpoint", str(model), "--connection-file", str(engine[1])]
    line += ["--log-file", str(engine[1].parent / "second.log")]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 2 and "An engine is already running" in result.stderr
    assert CliRunner().invoke(app, ["serve", "--address", "127.0.0.1:5", "--port", "6"]).exit_code == 2


def test_shutdown_ends_the_process(engine: tuple[subprocess.Popen, Path]) -> None:
    client = _connect(engine[1])
    client.send(Hello(PROTOCOL_VERSION, "test", "0"))
    _wait(client, Welcome)
    client.send(Shutdown())
    assert engine[0].wait(30) == 0
    client.close()
    assert not engine[1].exists()
