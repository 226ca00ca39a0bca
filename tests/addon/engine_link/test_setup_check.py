# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first-run page finds missing, with real programs in place of the engine's command."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from blender_addon.engine_link import setup_check as first_run
from blender_addon.engine_link.setup_check import FirstRun
from blender_addon.shared.connection import Connection, write_connection
from blender_addon.shared.protocol import PROTOCOL_VERSION
from blender_addon.version import addon_version

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


@pytest.fixture
def page() -> Iterator[FirstRun]:
    found = FirstRun()
    yield found
    found.close()


def program(folder: Path, body: str) -> str:
    path = folder / "gaitway"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def answer(page: FirstRun, engine: str, folder: Path) -> None:
    page.look(engine, folder / "none.json")
    end = time.monotonic() + 30
    while page.looking:
        page.step()
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_engine_of_this_version_leaves_nothing_to_say(page: FirstRun, tmp_path: Path) -> None:
    answer(page, program(tmp_path, f'[ "$1" = --version ] && echo "gaitway {addon_version()}"'), tmp_path)
    assert page.needs == ()


def test_the_real_engine_says_its_version(page: FirstRun, tmp_path: Path) -> None:
    if importlib.util.find_spec("typer") is None:
        pytest.skip("needs the command line's packages")
    body = f'cd "{Path(__file__).resolve().parents[3]}" && exec "{sys.executable}" -m engine.cli "$@"'
    answer(page, program(tmp_path, body), tmp_path)
    assert page.needs == ()


@pytest.mark.parametrize(("version", "what"), [("0.0.9", "Update the engine"), ("99.1.0", "Update the add-on")])
def test_another_version_says_which_side_to_update(page: FirstRun, tmp_path: Path, version: str, what: str) -> None:
    answer(page, program(tmp_path, f"echo gaitway {version}"), tmp_path)
    (need,) = page.needs
    assert version in need.message and addon_version() in need.message and what in need.hint


def test_no_engine_a_broken_one_and_one_that_never_answers(
    page: FirstRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(page, str(tmp_path / "nothing"), tmp_path)
    assert page.needs[0].install and "not found" in page.needs[0].message
    answer(page, program(tmp_path, "echo \"No module named 'torch'\" >&2; exit 1"), tmp_path)
    assert page.needs[0].install and "No module named 'torch'" in page.needs[0].message
    monkeypatch.setattr(first_run, "PATIENCE", 0.2)
    answer(page, program(tmp_path, "exec sleep 60"), tmp_path)
    assert "does not answer" in page.needs[0].message and not page.looking


def test_an_engine_that_runs_already_needs_no_command(page: FirstRun, tmp_path: Path) -> None:
    import socket

    running = Connection(
        "tcp://127.0.0.1:1", "s" * 40, "c" * 40, "k" * 40, os.getpid(), socket.gethostname(), PROTOCOL_VERSION, "0.0.1"
    )
    write_connection(running, tmp_path / "engine.json")
    page.look(str(tmp_path / "nothing"), tmp_path / "engine.json")
    assert "0.0.1" in page.needs[0].message and not page.looking


def test_wheels_of_another_computer_are_said_first(
    page: FirstRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_run, "NEEDED_MODULES", ("zmq", "gaitway_no_such_module"))
    page.look(str(tmp_path / "nothing"), None)
    (need,) = page.needs
    assert "gaitway_no_such_module" in need.message and "zip" in need.hint and not need.install
