# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection file: private, whole or absent, and clear about why it cannot be used."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from blender_addon.shared.connection import (
    Connection,
    default_connection_path,
    process_is_alive,
    read_connection,
    remove_connection,
    write_connection,
)
from blender_addon.shared.errors import BadFile, EngineUnavailable, ProtocolError
from blender_addon.shared.protocol import PROTOCOL_VERSION

CONNECTION = Connection(
    address="tcp://127.0.0.1:5555",
    server_public_key="s" * 40,
    client_public_key="c" * 40,
    client_secret_key="x" * 40,
    pid=os.getpid(),
    host=socket.gethostname(),
    protocol_version=PROTOCOL_VERSION,
    engine_version="0.1.0",
)
on_posix = pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX knows them")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runtime" / "engine.json"


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_is_written_is_read_and_leaves_nothing_else(path: Path) -> None:
    write_connection(CONNECTION, path)
    write_connection(replace(CONNECTION, engine_version="0.2.0"), path)
    assert read_connection(path) == replace(CONNECTION, engine_version="0.2.0")
    assert os.listdir(path.parent) == ["engine.json"]
    assert CONNECTION.client_secret_key not in repr(CONNECTION)


@on_posix
def test_only_the_user_may_read_it(path: Path) -> None:
    write_connection(CONNECTION, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for mode in (0o640, 0o604, 0o622):
        path.chmod(mode)
        with pytest.raises(BadFile, match="other users") as caught:
            read_connection(path)
        assert "delete the file" in caught.value.hint


def test_no_file_and_a_dead_engines_file_are_told_apart(path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="is not running") as caught:
        read_connection(path)
    assert "Start the engine" in caught.value.hint
    write_connection(replace(CONNECTION, pid=dead_pid()), path)
    with pytest.raises(EngineUnavailable, match="stopped unexpectedly"):
        read_connection(path)


def test_a_pid_of_another_machine_says_nothing(path: Path) -> None:
    elsewhere = replace(CONNECTION, pid=dead_pid(), host="workstation.example")
    write_connection(elsewhere, path)
    assert read_connection(path) == elsewhere


def test_an_engine_of_another_version_is_named(path: Path) -> None:
    write_connection(replace(CONNECTION, protocol_version=9, engine_version="3.0"), path)
    with pytest.raises(ProtocolError, match=r"Engine 3\.0 speaks protocol 9, this add-on speaks"):
        read_connection(path)


GOOD = asdict(CONNECTION)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        json.dumps(GOOD).encode()[:-9],
        b"[]",
        b"3",
        json.dumps({**GOOD, "pid": "7"}).encode(),
        json.dumps({**GOOD, "pid": True}).encode(),
        json.dumps({**GOOD, "server_public_key": "short"}).encode(),
        json.dumps({**GOOD, "surprise": 1}).encode(),
        json.dumps({key: value for key, value in GOOD.items() if key != "address"}).encode(),
    ],
)
def test_a_damaged_file_is_not_believed(path: Path, content: bytes) -> None:
    write_connection(CONNECTION, path)
    path.write_bytes(content)
    with pytest.raises(BadFile, match="cannot be read") as caught:
        read_connection(path)
    assert "Delete it" in caught.value.hint
    remove_connection(path, CONNECTION.server_public_key)
    assert path.exists()


def test_an_engine_removes_its_own_file_only(path: Path) -> None:
    remove_connection(path, CONNECTION.server_public_key)
    write_connection(CONNECTION, path)
    remove_connection(path, "o" * 40)
    assert path.exists()
    remove_connection(path, CONNECTION.server_public_key)
    assert not path.exists()


def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(BadFile, match="cannot be written") as caught:
        write_connection(CONNECTION, tmp_path / "taken" / "engine.json")
    assert "GAITWAY_RUNTIME_DIR" in caught.value.hint


def test_the_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAITWAY_RUNTIME_DIR", str(tmp_path))
    assert default_connection_path() == tmp_path / "engine.json"


@pytest.mark.parametrize("variable", [None, "/nowhere/at/all"])
def test_the_default_folder_lies_in_the_users_own_place(variable: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GAITWAY_RUNTIME_DIR", raising=False)
    if variable is None:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", variable)
    folder = default_connection_path().parent
    assert "gaitway" in folder.parts and not str(folder).startswith("/nowhere")


def test_processes_that_ended_are_not_alive_even_before_they_are_reaped() -> None:
    assert process_is_alive(os.getpid()) and not process_is_alive(0) and not process_is_alive(-1)
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()  # ends when the process does
    while process_is_alive(process.pid):
        pass
    assert process.wait() == 0 and not process_is_alive(process.pid)
    process.stdout.close()
