# SPDX-License-Identifier: GPL-3.0-or-later
"""What is still missing before the first motion: packages of the add-on, the engine, an engine of the same version.
No bpy.

The engine is asked for its version in a process of its own, and ``poll`` sees whether it has answered: nobody waits.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..shared.errors import EngineUnavailable, GaitwayError
from ..version import addon_version
from .process import clean_environment, find_command, find_connection, quiet_options

REQUIRED_MODULES = ("zmq", "msgpack")
VERSION_TIMEOUT_S = 60.0
"""For the engine to print its version; a first start compiles Python files."""
INSTALL_COMMANDS = (
    ("py -3.13 -m venv .venv", r".venv\Scripts\pip install -e .", r".venv\Scripts\gaitway install-addon")
    if sys.platform == "win32"
    else ("python3 -m venv .venv", ".venv/bin/pip install -e .", ".venv/bin/gaitway install-addon")
)
"""What installs the engine, line by line, in the folder of Gaitway; the last line enters it in the preferences."""


@dataclass(frozen=True)
class Problem:
    """Something that is missing: what happened, what to do, and whether installing the engine solves it."""

    message: str
    hint: str
    install: bool = False


class SetupCheck:
    """The problems that the last check found, and the process that prints the engine's version while it runs."""

    def __init__(self) -> None:
        self.problems: tuple[Problem, ...] = ()
        self._process: subprocess.Popen[str] | None = None
        self._asked_at = 0.0

    @property
    def is_asking(self) -> bool:
        """Whether the engine was asked for its version and has not answered yet."""
        return self._process is not None

    def check(self, engine_command: str, connection: Path | None) -> None:
        """Check what is missing; ``engine_command`` and ``connection`` are the preferences'."""
        self.close()
        missing = [name for name in REQUIRED_MODULES if importlib.util.find_spec(name) is None]
        if missing:
            self.problems = (
                Problem(
                    f"Required packages are missing: {', '.join(missing)}.",
                    "Reinstall the Gaitway zip for this operating system and this Blender version.",
                ),
            )
            return
        with suppress(GaitwayError):
            self._compare(find_connection(connection).engine_version)
            return
        try:
            command = find_command(engine_command)
            self.problems = ()
            if command[-1] == "serve":  # else it is a custom command, which may not know the option
                self._start([*command[:-1], "--version"])
        except EngineUnavailable as error:
            self.problems = (Problem(error.message, error.hint, install=True),)

    def poll(self) -> None:
        """See whether the engine has answered."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            if time.monotonic() - self._asked_at > VERSION_TIMEOUT_S:
                self.close()
                self.problems = (
                    Problem("The engine does not answer.", "Run 'gaitway doctor' in a terminal to find the cause."),
                )
            return
        printed = process.communicate()[0]
        self._process = None
        if match := re.search(r"^gaitway (\S+)", printed, re.M):
            self._compare(match[1])
        else:
            last = next((line.strip() for line in reversed(printed.splitlines()) if line.strip()), "it printed nothing")
            self.problems = (
                Problem(
                    f"The engine is installed but does not run: {last}.",
                    "Install it again with the commands below.",
                    install=True,
                ),
            )

    def close(self) -> None:
        """Stop asking the engine."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def reset(self) -> None:
        """Stop asking, and forget what was found."""
        self.close()
        self.problems = ()

    def _start(self, command: list[str]) -> None:
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=clean_environment(),
                cwd=Path.home(),
                **quiet_options(),
            )
        except OSError as error:
            raise EngineUnavailable(
                f"The engine could not be started: {error.strerror or error} ({command[0]}).",
                "Install it with the commands below, or enter another one in the preferences.",
            ) from error
        self._asked_at = time.monotonic()

    def _compare(self, engine: str) -> None:
        addon = addon_version()
        if engine.split(".")[:2] == addon.split(".")[:2]:
            self.problems = ()
            return
        older = _numbers(engine) < _numbers(addon)
        self.problems = (
            Problem(
                f"The engine is version {engine}, this add-on is version {addon}.",
                "Update the engine: run 'pip install -e .' in the newer Gaitway folder, as below."
                if older
                else "Update the add-on: run the newer engine's 'gaitway install-addon'.",
                install=older,
            ),
        )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
