# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip as a user gets it: built from the sources, installed into a fresh Blender, enabled, used, disabled, removed.

Another interpreter runs Blender here, with this one's pyzmq and msgpack out of its sight, so that it is the bundled
wheels that are imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("bpy")

import build_addon

VISIT = """
import os, sys
BLOCKED = ("zmq", "msgpack")

class OnlyBundled:
    '''The test's own environment has these packages too: let them be found in Blender's extension folder alone.'''
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in BLOCKED or "." in name:
            return None
        from importlib.machinery import PathFinder
        return PathFinder.find_spec(name, [entry for entry in sys.path if "extensions" in entry]) or missing(name)

def missing(name):
    raise ImportError(f"{name} is not in the extension's own folder")

sys.meta_path.insert(0, OnlyBundled())
import bpy, addon_utils
addon_utils.enable("bl_pkg", default_set=True)
bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
package = "bl_ext.user_default.gaitway"
assert package in bpy.context.preferences.addons, "not enabled"
assert "zmq" not in sys.modules, "the socket library is loaded at registration"
assert hasattr(bpy.types, "GAITWAY_PT_engine") and bpy.context.scene.gaitway.prompt
runtime = sys.modules[package + ".runtime"]
preferences = sys.modules[package + ".preferences"]
chosen = preferences.get()
chosen.autostart, chosen.connection_file = False, os.path.join(os.environ["BLENDER_USER_RESOURCES"], "none.json")
session = runtime.RUNTIME.session()
import zmq, msgpack
for module in (zmq, msgpack):
    assert os.environ["BLENDER_USER_RESOURCES"] in module.__file__, module.__file__
session.connect(preferences.connection_path(chosen))
assert session.state == "offline" and session.error[1], "no hint"
log = preferences.log_path(chosen)
assert str(log).startswith(os.environ["BLENDER_USER_RESOURCES"]) and log.parent.is_dir()
assert runtime.tick() > 0
addon_utils.disable(package, default_set=True)
assert not hasattr(bpy.types, "GAITWAY_PT_engine") and not hasattr(bpy.types.Scene, "gaitway")
addon_utils.enable(package, default_set=True)
assert hasattr(bpy.types, "GAITWAY_PT_engine")
addon_utils.disable(package, default_set=True)
print("VISITED", zmq.__version__, msgpack.version)
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build_addon.build(build_addon.this_platform(), tmp_path_factory.mktemp("dist"))
    except build_addon.BuildError as error:
        if "could not fetch" in str(error):
            pytest.skip(f"needs the package index for the wheels: {error}")
        raise


def test_blenders_own_tool_finds_the_zip_valid(archive: Path) -> None:
    assert build_addon.validate(archive)


def test_the_same_sources_give_the_same_zip(archive: Path, tmp_path: Path) -> None:
    assert build_addon.build(build_addon.this_platform(), tmp_path).read_bytes() == archive.read_bytes()


def test_it_installs_into_a_fresh_blender_with_its_own_wheels(archive: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "user")}
    (tmp_path / "user").mkdir()
    script = tmp_path / "visit.py"
    script.write_text(VISIT)
    done = subprocess.run(
        [sys.executable, str(script), str(archive)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert "VISITED" in done.stdout, done.stdout + done.stderr
    assert "Policy violation" not in done.stdout + done.stderr
