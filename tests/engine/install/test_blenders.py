# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Blenders are looked for, on real folders, and what is said of a program that is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from engine.install.blenders import ask, program_at, programs, usual_locations
from engine.install.errors import InstallationError


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def below(root: Path, places: list[str]) -> list[str]:
    """The same patterns with ``root`` for the root of the disk, but for those that lie there already."""
    return [place if place.startswith(str(root)) else f"{root}{place}" for place in places]


@pytest.mark.skipif(sys.platform == "win32", reason="executable bits")
def test_on_linux_the_packages_the_stores_and_what_was_unpacked_are_found(tmp_path: Path) -> None:
    home = tmp_path / "home" / "ana"
    there = [
        put(tmp_path / "usr" / "bin" / "blender"),
        put(tmp_path / "snap" / "bin" / "blender"),
        put(tmp_path / "opt" / "blender-5.2.2-linux-x64" / "blender"),
        put(home / "Downloads" / "blender-4.5.1-linux-x64" / "blender"),
        put(home / ".local" / "share" / "flatpak" / "exports" / "bin" / "org.blender.Blender"),
        put(home / ".steam" / "steam" / "steamapps" / "common" / "Blender" / "blender"),
    ]
    (tmp_path / "usr" / "local" / "bin").mkdir(parents=True)
    (tmp_path / "usr" / "local" / "bin" / "blender-5.2").symlink_to(there[2])  # the same Blender again
    put(tmp_path / "usr" / "bin" / "blender-thumbnailer")
    (home / "blender").mkdir()  # a source folder without a program
    found = programs(below(tmp_path, usual_locations("linux", home, {})), search_path="")
    assert {path.resolve() for path in found} == set(there) and len(found) == len(there)


@pytest.mark.skipif(sys.platform == "win32", reason="executable bits")
def test_on_windows_and_on_macos_too(tmp_path: Path) -> None:
    files = tmp_path / "Program Files"
    windows = [
        put(files / "Blender Foundation" / "Blender 5.2" / "blender.exe"),
        put(files / "Steam" / "steamapps" / "common" / "Blender" / "blender.exe"),
        put(tmp_path / "ana" / "Downloads" / "blender-4.5.3-windows-x64" / "blender.exe"),
    ]
    put(files / "Blender Foundation" / "Blender 5.2" / "blender-launcher.exe")
    places = usual_locations("win32", tmp_path / "ana", {"ProgramFiles": str(files), "ProgramW6432": str(files)})
    assert set(programs(places, search_path="")) == set(windows)
    inside = Path("Contents") / "MacOS" / "Blender"
    apps = [
        put(tmp_path / "Applications" / "Blender.app" / inside),
        put(tmp_path / "Applications" / "Blender 4.5.app" / inside),
        put(tmp_path / "Applications" / "Blender-5.2" / "Blender.app" / inside),
    ]
    assert set(programs(below(tmp_path, usual_locations("darwin", tmp_path / "ana", {})), search_path="")) == set(apps)


def test_the_path_is_searched_first(tmp_path: Path) -> None:
    program = put(tmp_path / ("blender.exe" if os.name == "nt" else "blender"))
    assert programs([], search_path=str(tmp_path)) == [program]


def test_a_person_may_name_the_folder_or_the_app(tmp_path: Path) -> None:
    program = put(tmp_path / "blender-5.2" / "blender")
    assert program_at(program) == program_at(program.parent) == program
    app = put(tmp_path / "Blender.app" / "Contents" / "MacOS" / "Blender")
    assert program_at(tmp_path / "Blender.app") == app
    with pytest.raises(InstallationError, match="no Blender at"):
        program_at(tmp_path / "nowhere")


def test_what_is_no_blender_is_told_apart() -> None:
    with pytest.raises(InstallationError, match="does not seem to be Blender"):
        ask(Path(sys.executable))
