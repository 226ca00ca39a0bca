# SPDX-License-Identifier: GPL-3.0-or-later
"""What is still missing before the first motion: parts of the add-on, the engine, an engine of the same version.
No bpy.

The engine is asked for its version as a process of its own, and ``step`` looks whether it has answered: nobody waits.
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

NEEDED_MODULES = ("zmq", "msgpack")
PATIENCE = 60.0
"""Seconds for the engine to say its version; a first start compiles Python files."""
INSTALL_COMMANDS = (
    ("py -3.13 -m venv .venv", r".venv\Scripts\pip install -e .", r".venv\Scripts\gaitway install-addon")
    if sys.platform == "win32"
    else ("python3 -m venv .venv", ".venv/bin/pip install -e .", ".venv/bin/gaitway install-addon")
)
"""What installs the engine, line by line, in the folder of Gaitway; the last line enters it in the preferences."""


@dataclass(frozen=True)
class Need:
    """Something that stands in the way: what it is, what to do, and whether installing the engine is the remedy."""

    message: str
    hint: str
    install: bool = False


class FirstRun:
    """The findings of the last look, and the question to the engine that is still open."""

    def __init__(self) -> None:
        self.needs: tuple[Need, ...] = ()
        self._question: subprocess.Popen[str] | None = None
        self._asked = 0.0

    @property
    def looking(self) -> bool:
        """Whether the engine has been asked for its version and has not answered yet."""
        return self._question is not None

    def look(self, engine_command: str, connection: Path | None) -> None:
        """Look for what is missing; ``engine_command`` and ``connection`` are the preferences'."""
        self.close()
        missing = [name for name in NEEDED_MODULES if importlib.util.find_spec(name) is None]
        if missing:
            self.needs = (
                Need(
                    f"Parts of the add-on are missing: {', '.join(missing)}.",
                    "Install the Gaitway zip that is made for this computer and this Blender again.",
                ),
            )
            return
        with suppress(GaitwayError):
            self._compare(find_connection(connection).engine_version)
            return
        try:
            command = find_command(engine_command)
            self.needs = ()
            if command[-1] == "serve":  # else it is somebody's own command, which need not know the option
                self._ask([*command[:-1], "--version"])
        except EngineUnavailable as error:
            self.needs = (Need(error.message, error.hint, install=True),)

    def step(self) -> None:
        """See whether the engine has answered."""
        question = self._question
        if question is None:
            return
        if question.poll() is None:
            if time.monotonic() - self._asked > PATIENCE:
                self.close()
                self.needs = (Need("The engine does not answer.", "See what 'gaitway doctor' says in a terminal."),)
            return
        said = question.communicate()[0]
        self._question = None
        if match := re.search(r"^gaitway (\S+)", said, re.M):
            self._compare(match[1])
        else:
            last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it says nothing")
            self.needs = (
                Need(f"The engine is there but does not run: {last}.", "Install it again as below.", install=True),
            )

    def close(self) -> None:
        """Forget an open question."""
        if self._question is not None:
            self._question.kill()
            self._question.communicate()
            self._question = None

    def _ask(self, command: list[str]) -> None:
        try:
            self._question = subprocess.Popen(
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
                "Install it as below, or enter another in the preferences.",
            ) from error
        self._asked = time.monotonic()

    def _compare(self, engine: str) -> None:
        addon = addon_version()
        if engine.split(".")[:2] == addon.split(".")[:2]:
            self.needs = ()
            return
        older = _numbers(engine) < _numbers(addon)
        self.needs = (
            Need(
                f"The engine is version {engine}, this add-on is version {addon}.",
                "Update the engine: pip install -e . in its newer folder, as below."
                if older
                else "Update the add-on: run 'gaitway install-addon' of the newer engine.",
                install=older,
            ),
        )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


FIRST_RUN = FirstRun()
