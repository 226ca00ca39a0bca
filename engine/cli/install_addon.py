# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway install-addon``: make the zip, find the Blenders, install it, and tell the add-on where this engine is."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from ..install.blenders import Blender, InstallationFailed, ask, find_blenders, install, program_at

OLDEST = (4, 3)  # as blender_manifest.toml says


def run(chosen: list[Path], archive: Path | None, *, only_list: bool) -> Iterator[str]:
    """Lines to print, one a Blender as it is done. Raises InstallationFailed when none has the add-on in the end."""
    blenders = [ask(program_at(path)) for path in chosen] if chosen else find_blenders()
    if not blenders:
        raise InstallationFailed(
            "No Blender was found on the PATH or in the usual places.",
            "Say where it is: gaitway install-addon --blender PATH. The add-on needs Blender 4.3 or newer.",
        )
    if only_list:
        yield from (f"{blender}{'' if _fits(blender) else ', too old: 4.3 is needed'}" for blender in blenders)
        return
    if archive is None:
        archive = make_zip()
    failures = []
    for blender in blenders:
        try:
            command = install_into(blender, archive)
        except InstallationFailed as error:
            failures.append(error)
            if len(blenders) > 1:
                yield f"left out   {error}"
            continue
        yield f"installed  {blender}; its engine is {command}"
        if blender.sandboxed:
            yield _SANDBOX_NOTE
    if len(failures) == len(blenders):
        raise failures[0] if len(failures) == 1 else InstallationFailed("No Blender took the add-on.", "See above.")
    yield "Start Blender again if it is open. Press N in the 3D viewport: the tab is called Gaitway."


def install_into(blender: Blender, archive: Path) -> str:
    """Install into one; returns the engine's command in its preferences. Raises InstallationFailed."""
    if not _fits(blender):
        raise InstallationFailed(f"{blender} is too old.", "Install Blender 4.3 or newer.")
    return install(blender, archive, engine_command())


_SANDBOX_NOTE = (
    "           A Blender from Flatpak cannot start programs outside its sandbox. Start the engine yourself, with\n"
    "           gaitway serve --connection-file ~/gaitway.json, and enter that file in the add-on's preferences."
)


def _fits(blender: Blender) -> bool:
    return blender.version[:2] >= OLDEST


def make_zip() -> Path:
    """Build the zip for this computer in the user's cache, which sandboxed Blenders can see too.

    Raises InstallationFailed.
    """
    try:
        import build_addon
    except ImportError as error:
        raise InstallationFailed(
            "The sources of the add-on are not here.", "Give the zip with --zip, or install Gaitway from its clone."
        ) from error
    try:
        return build_addon.build(build_addon.this_platform(), platformdirs.user_cache_path("gaitway", appauthor=False))
    except build_addon.BuildError as error:
        raise InstallationFailed(
            f"The zip could not be made: {error}", "See that the package index can be reached, or give --zip."
        ) from error


def engine_command() -> str:
    """What the add-on shall start: the ``gaitway`` of this environment, or else its Python."""
    for name in ("gaitway", "gaitway.exe"):
        program = Path(sysconfig.get_path("scripts")) / name
        if program.is_file():
            return str(program)
    return sys.executable
