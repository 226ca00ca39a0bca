# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway install-addon`` into a Blender with a fresh user folder.

The Blender is the bpy module behind a program that understands the three command lines used: the code that installs,
enables and saves is Blender's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("bpy")

import build_addon

from .helpers.engines import ENGINE_PYTHON, REPOSITORY

BLENDER = """
import os, sys
import bpy, addon_utils
if "--version" in sys.argv:
    print(f"Blender {os.environ.get('PRETENDED_VERSION', bpy.app.version_string)}")
else:
    bpy.ops.wm.read_userpref()
    if "--command" in sys.argv:
        addon_utils.enable("bl_pkg", default_set=True)
        from bl_pkg.bl_extension_cli import cli_extension_handler
        cli_extension_handler(sys.argv[sys.argv.index("extension") + 1:])
    else:
        exec(sys.argv[sys.argv.index("--python-expr") + 1])
sys.stdout.flush()
os._exit(0)  # as Blender does, whatever happened
"""

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script"),
    pytest.mark.skipif(
        subprocess.run([ENGINE_PYTHON, "-c", "import typer"], capture_output=True).returncode != 0,
        reason="needs the command line's packages in the Python of the engine (GAITWAY_ENGINE_PYTHON)",
    ),
]


@pytest.fixture
def blender(tmp_path: Path) -> Path:
    script = tmp_path / "module.py"
    script.write_text(BLENDER)
    folder = tmp_path / "blender-x"
    folder.mkdir()
    program = folder / "blender"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    program.chmod(0o755)
    return program


def gaitway(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    user = folder / "user"
    user.mkdir(exist_ok=True)
    environment = os.environ | {
        "BLENDER_USER_RESOURCES": str(user),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HOME": str(folder / "home"),
        "PATH": str(folder / "blender-x"),
        **variables,
    }
    command = [ENGINE_PYTHON, "-m", "engine.cli", "install-addon", *words]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300)


def test_it_finds_blender_installs_and_enters_the_engine_and_keeps_what_was_entered(
    blender: Path, tmp_path: Path
) -> None:
    assert str(blender) in gaitway(tmp_path, "--list").stdout
    done = gaitway(tmp_path)
    if "index can be reached" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0 and f"({blender})" in done.stdout, done.stdout + done.stderr
    engine = done.stdout.split("its engine is ")[1].splitlines()[0]
    assert Path(engine).is_file()
    again = gaitway(tmp_path, "--blender", str(blender.parent))
    assert again.returncode == 0 and engine in again.stdout, again.stderr
    own = "bpy.context.preferences.addons['bl_ext.user_default.gaitway'].preferences"
    script = f"import bpy; {own}.engine_command = 'gaitway --mine'; bpy.ops.wm.save_userpref()"
    environment = os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path / "user")}
    environment.pop("PYTHONPATH", None)
    subprocess.run([str(blender), "-b", "--python-expr", script], env=environment, check=True, capture_output=True)
    assert "its engine is gaitway --mine" in gaitway(tmp_path).stdout


def test_a_zip_that_blender_refuses_is_no_success(blender: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.zip"
    torn.write_bytes(b"PK\x03\x04 and no more")
    done = gaitway(tmp_path, "--zip", str(torn))
    assert done.returncode == 2 and "rejected the zip" in done.stderr and "Traceback" not in done.stderr
    platforms = build_addon.read_manifest()["platforms"]
    other = next(name for name in platforms if name != build_addon.this_platform())
    try:
        foreign = build_addon.build(other, tmp_path / "foreign")
    except build_addon.BuildError as error:
        pytest.skip(str(error))
    done = gaitway(tmp_path, "--zip", str(foreign))
    assert done.returncode == 2 and "This platform" in done.stderr
    assert not (tmp_path / "user" / "extensions" / "user_default" / "gaitway").exists()


def test_an_old_blender_and_none_at_all_are_said(blender: Path, tmp_path: Path) -> None:
    done = gaitway(tmp_path, PRETENDED_VERSION="4.2.18")
    assert done.returncode == 2 and "4.2.18" in done.stderr and "too old" in done.stderr
    assert not (tmp_path / "user" / "extensions").exists()
    done = gaitway(tmp_path, PATH=str(tmp_path / "empty"))
    if "No Blender was found" not in done.stderr:
        pytest.skip("there is a Blender on this machine")
    assert "--blender PATH" in done.stderr
