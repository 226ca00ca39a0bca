# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first-run check finds missing, with real programs in place of the engine's command."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from blender_addon.engine_link import setup_check
from blender_addon.engine_link.setup_check import SetupCheck
from blender_addon.shared.connection import Connection, write_connection
from blender_addon.shared.protocol import PROTOCOL_VERSION
from blender_addon.version import addon_version

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


@pytest.fixture
def check() -> Iterator[SetupCheck]:
    found = SetupCheck()
    yield found
    found.close()


def program(folder: Path, body: str) -> str:
    path = folder / "gaitway"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def answer(check: SetupCheck, engine: str, folder: Path) -> None:
    check.check(engine, folder / "none.json")
    end = time.monotonic() + 30
    while check.is_asking:
        check.poll()
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_engine_of_this_version_leaves_nothing_to_say(check: SetupCheck, tmp_path: Path) -> None:
    answer(check, program(tmp_path, f'[ "$1" = --version ] && echo "gaitway {addon_version()}"'), tmp_path)
    assert check.problems == ()


def test_the_real_engine_says_its_version(check: SetupCheck, tmp_path: Path) -> None:
    if importlib.util.find_spec("typer") is None:
        pytest.skip("needs the command line's packages")
    body = f'cd "{Path(__file__).resolve().parents[3]}" && exec "{sys.executable}" -m engine.cli "$@"'
    answer(check, program(tmp_path, body), tmp_path)
    assert check.problems == ()


@pytest.mark.parametrize(("version", "what"), [("0.0.9", "Update the engine"), ("99.1.0", "Update the add-on")])
def test_another_version_says_which_side_to_update(check: SetupCheck, tmp_path: Path, version: str, what: str) -> None:
    answer(check, program(tmp_path, f"echo gaitway {version}"), tmp_path)
    (problem,) = check.problems
    assert version in problem.message and addon_version() in problem.message and what in problem.hint


def test_no_engine_a_broken_one_and_one_that_never_answers(
    check: SetupCheck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(check, str(tmp_path / "nothing"), tmp_path)
    assert check.problems[0].install and "not found" in check.problems[0].message
    answer(check, program(tmp_path, "echo \"No module named 'torch'\" >&2; exit 1"), tmp_path)
    assert check.problems[0].install and "No module named 'torch'" in check.problems[0].message
    monkeypatch.setattr(setup_check, "VERSION_TIMEOUT_S", 0.2)
    answer(check, program(tmp_path, "exec sleep 60"), tmp_path)
    assert "does not answer" in check.problems[0].message and not check.is_asking


def test_an_engine_that_runs_already_needs_no_command(check: SetupCheck, tmp_path: Path) -> None:
    import socket

    running = Connection(
        "tcp://127.0.0.1:1", "s" * 40, "c" * 40, "k" * 40, os.getpid(), socket.gethostname(), PROTOCOL_VERSION, "0.0.1"
    )
    write_connection(running, tmp_path / "engine.json")
    check.check(str(tmp_path / "nothing"), tmp_path / "engine.json")
    assert "0.0.1" in check.problems[0].message and not check.is_asking


def test_wheels_of_another_computer_are_said_first(
    check: SetupCheck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup_check, "REQUIRED_MODULES", ("zmq", "gaitway_no_such_module"))
    check.check(str(tmp_path / "nothing"), None)
    (problem,) = check.problems
    assert "gaitway_no_such_module" in problem.message and "zip" in problem.hint and not problem.install
