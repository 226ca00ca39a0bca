# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as a process: it is found, started, and always ends: asked, killed, or bereft of its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from blender_addon.engine_link.process import EngineProcess, find_command, find_connection
from blender_addon.shared.connection import process_is_alive
from blender_addon.shared.errors import EngineUnavailable, GaitwayError

ROOT = Path(__file__).resolve().parents[3]
ENGINE = [sys.executable, str(ROOT / "tests" / "engine" / "helpers" / "stepping.py")]
PATIENCE = 30.0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def listens(path: Path) -> bool:
    try:
        return bool(find_connection(path))
    except GaitwayError:
        return False


def command(folder: Path, *more: str) -> list[str]:
    return [*ENGINE, "--connection-file", str(folder / "engine.json"), "--log-file", str(folder / "engine.log"), *more]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT"])
def test_an_engine_starts_and_ends_cleanly_when_asked(tmp_path: Path, how: str) -> None:
    process = EngineProcess(command(tmp_path), tmp_path / "logs" / "output.log")
    process.start()
    try:
        until(lambda: listens(tmp_path / "engine.json"))
        assert process.poll() is None and find_connection(tmp_path / "engine.json").pid == process.pid
        os.kill(process.pid or 0, getattr(signal, how))
        until(lambda: process.poll() is not None)
        assert process.poll() == 0 and not (tmp_path / "engine.json").exists()
        assert how in process.last_words() and "Traceback" not in process.last_words()
    finally:
        process.stop(PATIENCE)


def test_stop_ends_it_and_kills_one_that_does_not_listen(tmp_path: Path) -> None:
    process = EngineProcess(command(tmp_path), tmp_path / "output.log")
    process.start()
    until(lambda: listens(tmp_path / "engine.json"))
    process.stop(PATIENCE)
    assert process.poll() == 0
    deaf = [
        sys.executable,
        "-c",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1); time.sleep(99)",
    ]
    stubborn = EngineProcess(deaf, tmp_path / "deaf.log")
    stubborn.start()
    until(lambda: stubborn.last_words() == "1")
    stubborn.stop(0.2)
    assert stubborn.poll() == -signal.SIGKILL


@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
def test_an_engine_ends_when_the_program_that_started_it_is_killed(tmp_path: Path) -> None:
    starter = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\n"
        "from blender_addon.engine_link.process import EngineProcess\n"
        f"EngineProcess({command(tmp_path)!r}, Path({str(tmp_path / 'output.log')!r})).start()\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", starter])
    try:
        until(lambda: listens(tmp_path / "engine.json"))
        pid = find_connection(tmp_path / "engine.json").pid
        assert pid != parent.pid and process_is_alive(pid)
    finally:
        parent.kill()
        parent.wait()
    until(lambda: not process_is_alive(pid))
    assert not (tmp_path / "engine.json").exists()
    assert "has ended" in (tmp_path / "engine.log").read_text()


def test_a_command_that_is_not_there_or_fails_is_explained(tmp_path: Path) -> None:
    missing = EngineProcess([str(tmp_path / "no-such-program")], tmp_path / "output.log")
    with pytest.raises(EngineUnavailable, match="could not be started") as caught:
        missing.start()
    assert "preferences" in caught.value.hint
    with pytest.raises(EngineUnavailable, match="not been started"):
        missing.poll()
    failing = EngineProcess(
        [sys.executable, "-c", "raise SystemExit('the weights are damaged')"], tmp_path / "output.log"
    )
    failing.start()
    until(lambda: failing.poll() is not None)
    assert failing.poll() == 1 and failing.last_words() == "the weights are damaged"


def test_much_output_does_not_freeze_the_engine(tmp_path: Path) -> None:
    loud = EngineProcess([sys.executable, "-c", "print('x' * 5_000_000); print('done')"], tmp_path / "output.log")
    loud.start()
    until(lambda: loud.poll() is not None)
    assert loud.poll() == 0 and loud.last_words().endswith("done")


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(os.name != "posix", reason="programs without a suffix")
def test_the_command_is_found_in_every_form_a_user_may_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = program(tmp_path / "my env" / "bin" / "gaitway")
    python = program(tmp_path / "bin" / "python3.11")
    assert find_command(str(tool)) == [str(tool), "serve"]
    assert find_command(f'"{tool}"') == [str(tool), "serve"]
    assert find_command(str(tmp_path / "my env")) == [str(tool), "serve"]
    assert find_command(str(python)) == [str(python), "-m", "engine.cli", "serve"]
    assert find_command(f"{python} -m engine.cli serve --device cpu")[1:] == [
        "-m",
        "engine.cli",
        "serve",
        "--device",
        "cpu",
    ]
    for wrong in (str(tmp_path / "nothing"), str(tmp_path / "bin"), "no-such-gaitway serve", '"unclosed'):
        with pytest.raises(EngineUnavailable) as caught:
            find_command(wrong)
        assert "preferences" in caught.value.hint
    monkeypatch.setenv("PATH", str(tmp_path / "my env" / "bin"))
    assert find_command("  ") == [str(tool), "serve"]
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    local = program(tmp_path / ".local" / "bin" / "gaitway")
    assert find_command() == [str(local), "serve"]
    local.unlink()
    with pytest.raises(EngineUnavailable, match="not installed"):
        find_command()


def test_importing_the_add_on_does_not_import_what_it_bundles() -> None:
    code = "import sys, blender_addon; print([m for m in ('zmq', 'msgpack', 'numpy', 'bpy') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
