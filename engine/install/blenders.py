# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the Blenders on this computer and install the add-on's zip into them, by Blender's own commands.

Blender is only run as a separate program, without a window: ``--version``, ``--command extension install-file``, and
once more to check that the add-on is enabled and to set the engine in its preferences.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import InstallationError

TIMEOUT_S = 180.0
"""Seconds; with a virus scanner the first start after an installation can take long."""
FLATPAK = "org.blender.Blender"
_ANSWER_PREFIX = "GAITWAY "
_SET_ENGINE = """
import json, os, sys, bpy
key = next((key for key in bpy.context.preferences.addons.keys() if key.rsplit(".", 1)[-1] == "gaitway"), None)
answer = {"module": key, "command": ""}
if key is not None and key in sys.modules:
    preferences = bpy.context.preferences.addons[key].preferences
    present = preferences.engine_command.strip()
    if not present or (os.path.isabs(present) and not os.path.exists(present)):
        preferences.engine_command = ENGINE
        bpy.ops.wm.save_userpref()
    answer["command"] = preferences.engine_command
print(PREFIX + json.dumps(answer))
"""


@dataclass(frozen=True)
class Blender:
    """A Blender that answered: ``command`` runs it, ``version`` is (5, 2, 2)."""

    command: tuple[str, ...]
    version: tuple[int, ...]

    @property
    def sandboxed(self) -> bool:
        """Whether it runs in a Flatpak, from which no program outside can be started."""
        return Path(self.command[0]).name == FLATPAK or "flatpak" in self.command

    def __str__(self) -> str:
        return f"Blender {'.'.join(map(str, self.version))} ({' '.join(self.command)})"


def usual_locations(system: str, home: Path, environment: Mapping[str, str]) -> list[str]:
    """Patterns (as for glob) of Blender's program on ``system`` ("linux", "darwin", "win32"): installers, stores,
    Steam, and archives in the folders where people unpack them.
    """
    if system == "win32":
        roots = [environment.get(name, "") for name in ("ProgramFiles", "ProgramW6432", "ProgramFiles(x86)")]
        roots.append(f"{environment['LOCALAPPDATA']}/Programs" if environment.get("LOCALAPPDATA") else "")
        installed = [f"{root}/Blender Foundation/*/blender.exe" for root in roots if root]
        steam = [f"{root}/Steam/steamapps/common/Blender/blender.exe" for root in roots if root]
        unpacked = [f"{home}/{folder}/blender-*/blender.exe" for folder in (".", "Downloads", "Desktop", "Documents")]
        return [*installed, *steam, *unpacked]
    if system == "darwin":
        inside = "Contents/MacOS/Blender"
        applications = [f"{root}/Blender*.app/{inside}" for root in ("/Applications", f"{home}/Applications")]
        store = f"{home}/Library/Application Support/Steam/steamapps/common/Blender/Blender.app/{inside}"
        return [*applications, f"/Applications/Blender*/Blender.app/{inside}", store]
    folders = (home, home / "Downloads", home / "Applications", home / "apps", home / ".local/share", Path("/opt"))
    return [
        "/usr/bin/blender*",
        "/usr/local/bin/blender*",
        "/snap/bin/blender",
        f"/var/lib/flatpak/exports/bin/{FLATPAK}",
        f"{home}/.local/share/flatpak/exports/bin/{FLATPAK}",
        f"{home}/.local/bin/blender*",
        *(f"{folder}/[Bb]lender*/blender" for folder in folders),
        f"{home}/.steam/steam/steamapps/common/Blender/blender",
        f"{home}/.local/share/Steam/steamapps/common/Blender/blender",
    ]


def programs(locations: list[str], search_path: str | None = None) -> list[Path]:
    """The programs that match ``locations`` or are on the ``PATH``, each once even behind links."""
    found: dict[Path, Path] = {}
    on_path = shutil.which("blender", path=search_path)
    for path in [*([Path(on_path)] if on_path else []), *(hit for location in locations for hit in _glob(location))]:
        named = path.name.lower().removesuffix(".exe")
        # blender-launcher and blender-thumbnailer are in the same folder.
        if re.fullmatch(r"blender(-?\d[\d.]*)?|org\.blender\.blender", named) and os.access(path, os.X_OK):
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _glob(pattern: str) -> Iterator[Path]:
    root = Path(pattern).anchor or "."
    with_root = str(Path(pattern).relative_to(root)) if root != "." else pattern
    yield from (path for path in sorted(Path(root).glob(with_root)) if path.is_file())


def find_blenders() -> list[Blender]:
    """Every Blender in the usual locations that starts, newest first."""
    found = []
    for path in programs(usual_locations(sys.platform, Path.home(), os.environ)):
        try:
            found.append(ask(path))
        except InstallationError:
            continue  # a program that cannot print its version is no Blender to install into
    return sorted(found, key=lambda blender: blender.version, reverse=True)


def program_at(path: Path) -> Path:
    """The program that a person means by ``path``: the file itself, or the one in a folder or app of that name.

    Raises InstallationError.
    """
    path = path.expanduser()
    inside = ("blender", "blender.exe", "Contents/MacOS/Blender", "Blender.app/Contents/MacOS/Blender")
    for candidate in (path, *(path / name for name in inside)):
        if candidate.is_file():
            return candidate
    if len(path.parts) == 1 and (found := shutil.which(str(path))):
        return Path(found)
    raise InstallationError(f"There is no Blender at {path}.", "Give the path of its program or of its folder.")


def ask(program: Path) -> Blender:
    """The Blender at ``program``, with the version it prints. Raises InstallationError."""
    output = _run((str(program),), "--version")
    match = re.search(r"^Blender (\d+)\.(\d+)(?:\.(\d+))?", output, re.M)
    if match is None:
        raise InstallationError(f"{program} does not seem to be Blender.", "Give the path of Blender's program.")
    return Blender((str(program),), tuple(int(number or 0) for number in match.groups()))


def install(blender: Blender, archive: Path, engine_command: str) -> str:
    """Install and enable the zip ``archive``, and set ``engine_command`` in its preferences unless they name
    another that exists. Returns the command that they name now.

    Raises InstallationError with what Blender prints.
    """
    output = _run(
        blender.command, "--command", "extension", "install-file", "-r", "user_default", "-e", str(archive.resolve())
    )
    complaints = re.findall(r"^ERROR (.*)$", output, re.M)  # the exit code is 0 even then
    if complaints or "nstalled" not in output:
        what = complaints[0].rstrip(".") if complaints else " ".join(output.split()[-30:]) or "it printed nothing"
        raise InstallationError(
            f"{blender} rejected the zip: {what}.",
            "Drag the zip into Blender's window instead, and read what it says there.",
        )
    script = f"ENGINE, PREFIX = {engine_command!r}, {_ANSWER_PREFIX!r}\n{_SET_ENGINE}"
    output = _run(blender.command, "-b", "--python-expr", script)
    answers = [line.removeprefix(_ANSWER_PREFIX) for line in output.splitlines() if line.startswith(_ANSWER_PREFIX)]
    answer = json.loads(answers[-1]) if answers else {}
    if not answer.get("command"):
        raise InstallationError(
            f"{blender} installed the zip but did not enable the add-on: {' '.join(output.split()[-30:])}.",
            "Open Edit > Preferences > Add-ons, tick Gaitway and read what Blender says.",
        )
    return str(answer["command"])


def _run(command: tuple[str, ...], *arguments: str) -> str:
    """What Blender prints on both streams. Raises InstallationError when it cannot be run."""
    # Blender has its own Python, which variables meant for this one would break.
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        done = subprocess.run(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=TIMEOUT_S,
        )
    except OSError as error:
        raise InstallationError(
            f"{command[0]} could not be started: {error.strerror or error}.", "Give the path of Blender's program."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise InstallationError(
            f"{command[0]} did not answer within {TIMEOUT_S:.0f} s.", "Close the Blenders that are open and try again."
        ) from error
    return done.stdout
