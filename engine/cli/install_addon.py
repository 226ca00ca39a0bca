# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway install-addon``: build the zip, find the Blenders, install it, and tell the add-on where this engine is."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from ..install.blenders import Blender, ask, find_blenders, install, program_at
from ..install.errors import InstallationError

OLDEST = (4, 3)  # as in blender_manifest.toml


def install_addon(
    blender: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Blender's program, folder or app. Repeat for more. Default: every Blender that is found.",
        ),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option("--zip", metavar="FILE", help="The add-on's zip. Default: it is built from this installation."),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Only list the Blenders that are found.")] = False,
) -> None:
    """Install the add-on into your Blenders, and tell it where this engine is."""
    blenders = [ask(program_at(path)) for path in blender] if blender else find_blenders()
    if not blenders:
        raise InstallationError(
            "No Blender was found on the PATH or in the usual locations.",
            "Say where it is: gaitway install-addon --blender PATH. The add-on needs Blender 4.3 or newer.",
        )
    if show_list:
        for each in blenders:
            typer.echo(f"{each}{'' if _fits(each) else ', too old: 4.3 or newer is needed'}")
        return
    for line in install_into_all(blenders, archive or build_zip()):
        typer.echo(line)


def install_into_all(blenders: list[Blender], archive: Path) -> Iterator[str]:
    """Lines to print, one for each Blender when it is done. Raises InstallationError when all of them fail."""
    failures = []
    for blender in blenders:
        try:
            command = install_into(blender, archive)
        except InstallationError as error:
            failures.append(error)
            if len(blenders) > 1:
                yield f"skipped    {error}"
            continue
        yield f"installed  {blender}; its engine is {command}"
        if blender.sandboxed:
            yield _SANDBOX_NOTE
    if len(failures) == len(blenders):
        none = InstallationError("The add-on could not be installed into any Blender.", "The reasons are above.")
        raise failures[0] if len(failures) == 1 else none
    yield "Restart Blender if it is open, then press N in the 3D viewport: the tab is called Gaitway."


def install_into(blender: Blender, archive: Path) -> str:
    """Install into one; returns the engine's command in its preferences. Raises InstallationError."""
    if not _fits(blender):
        raise InstallationError(f"{blender} is too old.", "Install Blender 4.3 or newer.")
    return install(blender, archive, engine_command())


_SANDBOX_NOTE = (
    "           A Blender from Flatpak cannot start programs outside its sandbox. Start the engine yourself with\n"
    "           gaitway serve --connection-file ~/gaitway.json, and enter that file in the add-on's preferences."
)


def _fits(blender: Blender) -> bool:
    return blender.version[:2] >= OLDEST


def build_zip() -> Path:
    """Build the zip for this computer in the user's cache, which sandboxed Blenders can read too.

    Raises InstallationError.
    """
    try:
        import build_addon
    except ImportError as error:
        raise InstallationError(
            "The add-on's source files are missing.", "Give its zip with --zip, or install Gaitway from its repository."
        ) from error
    try:
        return build_addon.build(build_addon.this_platform(), platformdirs.user_cache_path("gaitway", appauthor=False))
    except build_addon.BuildError as error:
        raise InstallationError(
            f"The zip could not be built: {error}", "Check that the package index can be reached, or give --zip."
        ) from error


def engine_command() -> str:
    """What the add-on starts: the ``gaitway`` of this environment, or else its Python."""
    for name in ("gaitway", "gaitway.exe"):
        program = Path(sysconfig.get_path("scripts")) / name
        if program.is_file():
            return str(program)
    return sys.executable
