# SPDX-License-Identifier: GPL-3.0-or-later
"""The local engine as a child process: find its command, start it, watch it, stop it. No bpy.

Its output goes to a file: nobody reads a pipe while Blender renders, and a full pipe would freeze the engine. The
engine gets the pid of this process and ends by itself when that is gone, so a crash of Blender leaves no engine behind.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..shared.connection import Connection, default_connection_path, read_connection
from ..shared.errors import EngineUnavailable

_INSTALL_HINT = (
    "Install the engine, or enter its 'gaitway' command in the add-on's preferences; 'gaitway install-addon' sets it."
)
_TAIL_BYTES = 4096


def find_command(preference: str = "") -> list[str]:
    """The command line that serves: from the preferences (a command, a program or a virtual environment), else by
    search.

    Raises EngineUnavailable if there is no such program.
    """
    if not preference.strip():
        return [str(_search()), "serve"]
    path = Path(preference.strip().strip('"')).expanduser()
    if path.is_dir():
        return [str(_in_environment(path)), "serve"]
    # A path with spaces is one program, not a command with arguments.
    try:
        words = [str(path)] if path.is_file() else shlex.split(preference, posix=os.name == "posix")
    except ValueError as error:
        raise EngineUnavailable(
            f"The engine's command {preference!r} has an unclosed quotation mark.", _INSTALL_HINT
        ) from error
    program = shutil.which(os.path.expanduser(words[0].strip('"')))
    if program is None:
        raise EngineUnavailable(f"The engine's command {words[0]!r} was not found.", _INSTALL_HINT)
    program = os.path.abspath(program)  # the engine starts in another folder; links of virtual environments stay
    if words[1:]:
        return [program, *words[1:]]
    is_python = Path(program).stem.lower().startswith("python")
    return [program, "-m", "engine.cli", "serve"] if is_python else [program, "serve"]


def find_connection(path: Path | None = None) -> Connection:
    """The running engine's connection. Raises EngineUnavailable if none runs, or as :func:`read_connection`."""
    return read_connection(path or default_connection_path())


class EngineProcess:
    """One engine, started at most once. ``command`` as from :func:`find_command`; its output goes to ``log_path``."""

    def __init__(self, command: list[str], log_path: Path) -> None:
        self.command = command
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the engine and return at once. Raises EngineUnavailable if it cannot be started."""
        try:
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            with self.log_path.open("wb") as log:
                self._process = subprocess.Popen(
                    [*self.command, "--parent-pid", str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=clean_environment(),
                    cwd=Path.home(),
                    **quiet_options(),
                )
        except OSError as error:
            raise EngineUnavailable(
                f"The engine could not be started: {error.strerror or error} ({self.command[0]}).", _INSTALL_HINT
            ) from error

    @property
    def pid(self) -> int | None:
        """The child's process id, None before :meth:`start`."""
        return self._process.pid if self._process else None

    def poll(self) -> int | None:
        """None while the engine runs, otherwise its exit code (negative: killed by that signal)."""
        if self._process is None:
            raise EngineUnavailable("The engine has not been started.", "Press Start Engine.")
        return self._process.poll()

    def stop(self, wait: float = 0.0) -> None:
        """Ask the engine to end. With ``wait`` (seconds) stay until it has, and kill it if it has not by then."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        if wait > 0:
            try:
                self._process.wait(wait)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def kill(self) -> None:
        """End the engine at once, whatever it is doing."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def last_words(self) -> str:
        """The last lines the engine printed, for an error message; empty if it printed nothing."""
        with suppress(OSError), self.log_path.open("rb") as log:
            log.seek(max(0, self.log_path.stat().st_size - _TAIL_BYTES))
            lines = log.read().decode("utf-8", errors="replace").strip().splitlines()
            return " ".join(line.strip() for line in lines[-3:] if line.strip())
        return ""


def _search() -> Path:
    """Blender started from a desktop has a short PATH: look also where pip, pipx and uv install."""
    name = "gaitway.exe" if sys.platform == "win32" else "gaitway"
    if found := shutil.which("gaitway"):
        return Path(found)
    folders = [Path.home() / ".local" / "bin", Path("/usr/local/bin"), Path("/opt/homebrew/bin")]
    if sys.platform == "win32":
        roaming = Path(os.environ.get("APPDATA", Path.home()))
        folders = [Path.home() / ".local" / "bin", *roaming.glob("Python/Python3*/Scripts")]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise EngineUnavailable("The engine is not installed, or Blender cannot find it.", _INSTALL_HINT)


def _in_environment(folder: Path) -> Path:
    for name in ("bin/gaitway", "Scripts/gaitway.exe", ".venv/bin/gaitway", ".venv/Scripts/gaitway.exe", "gaitway"):
        if (folder / name).is_file():
            return folder / name
    raise EngineUnavailable(f"There is no 'gaitway' command in {folder}.", _INSTALL_HINT)


def clean_environment() -> dict[str, str]:
    """Ours, without what would bend the engine's own Python to Blender's."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")}
    # Blender wants the cores too: threads that spin while they wait make both crawl.
    return {"OMP_WAIT_POLICY": "PASSIVE", **kept, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


def quiet_options() -> dict[str, Any]:
    """Ctrl-C in the terminal Blender was started from is not for the engine; no console window flashes on Windows."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
