# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip as a user gets it: built from the sources, installed into a fresh Blender, enabled, used, disabled; and by
subscription, with an update that follows.

Another interpreter runs Blender here, with this one's pyzmq and msgpack out of its sight, so that it is the bundled
wheels that are imported.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("bpy")

import build_addon

from ..conftest import REPOSITORY
from .helpers.engines import ENGINE_PYTHON

INSTALL = """
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
"""

VISIT = """
assert "zmq" not in sys.modules, "the socket library is loaded at registration"
assert hasattr(bpy.types, "GAITWAY_PT_engine") and bpy.context.scene.gaitway.prompt
engine, timer = sys.modules[package + ".app.engine"], sys.modules[package + ".app.timer"]
preferences = sys.modules[package + ".preferences"]
chosen = preferences.get()
chosen.autostart, chosen.connection_file = False, os.path.join(os.environ["BLENDER_USER_RESOURCES"], "none.json")
session = engine.ENGINE.open_session()
import zmq, msgpack
for module in (zmq, msgpack):
    assert os.environ["BLENDER_USER_RESOURCES"] in module.__file__, module.__file__
session.connect(preferences.connection_path(chosen))
assert session.state == "offline" and session.error[1], "no hint"
log = preferences.log_path(chosen)
assert str(log).startswith(os.environ["BLENDER_USER_RESOURCES"]) and log.parent.is_dir()
assert timer.tick() > 0
addon_utils.disable(package, default_set=True)
assert not hasattr(bpy.types, "GAITWAY_PT_engine") and not hasattr(bpy.types.Scene, "gaitway")
addon_utils.enable(package, default_set=True)
assert hasattr(bpy.types, "GAITWAY_PT_engine")
addon_utils.disable(package, default_set=True)
print("VISITED", zmq.__version__, msgpack.version)
sys.stdout.flush()
os._exit(0)
"""


MOVE = """
import time
sys.path.append(sys.argv[3])  # where the rigs of the tests lie
from tests.blender.helpers.rigs import mixamo
engine, timer = sys.modules[package + ".app.engine"].ENGINE, sys.modules[package + ".app.timer"]
generation = sys.modules[package + ".app.generation"].GENERATION
preferences = sys.modules[package + ".preferences"].get()
preferences.engine_command = sys.argv[2]
preferences.connection_file = os.path.join(os.environ["BLENDER_USER_RESOURCES"], "connection.json")
settings = bpy.context.scene.gaitway
settings.character = mixamo()
bpy.context.scene.cursor.location = (0.3, -1.2, 0.98)
bpy.context.scene.frame_set(60)
bpy.ops.gaitway.pin_add(joint="pelvis")
assert bpy.ops.gaitway.generate() == {"FINISHED"}
end = time.monotonic() + 120
while generation.busy:
    assert time.monotonic() < end, engine.status
    time.sleep(min(timer.tick(), 0.02))
assert generation.error is None, generation.error
bpy.context.scene.frame_set(60)
bpy.context.view_layer.update()
hips = settings.character.matrix_world @ settings.character.pose.bones["mixamorig:Hips"].head
assert (hips - settings.controls[0].target.location).length < 0.01, hips
addon_utils.disable(package, default_set=True)  # and with it the engine that it started
print("MOVED")
sys.stdout.flush()
os._exit(0)
"""


SUBSCRIBE = """
import os, sys, tomllib
import bpy, addon_utils
addon_utils.enable("bl_pkg", default_set=True)
bpy.context.preferences.system.use_online_access = True
repositories = bpy.context.preferences.extensions.repos
if "gaitway_updates" not in [repository.module for repository in repositories]:
    repositories.new(name="Gaitway", module="gaitway_updates", remote_url=sys.argv[1])
index = [repository.module for repository in repositories].index("gaitway_updates")
folder = os.path.join(repositories[index].directory, "gaitway")
assert bpy.ops.extensions.repo_sync(repo_index=index) == {"FINISHED"}
if os.path.isdir(folder):
    assert bpy.ops.extensions.package_upgrade_all() == {"FINISHED"}
else:
    assert bpy.ops.extensions.package_install(repo_index=index, pkg_id="gaitway") == {"FINISHED"}
addon_utils.enable("bl_ext.gaitway_updates.gaitway", default_set=True)  # the module starts from factory settings
assert bpy.context.scene.gaitway.prompt
with open(os.path.join(folder, "blender_manifest.toml"), "rb") as manifest:
    print("HAS", tomllib.load(manifest)["version"])
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build_addon.build(build_addon.this_platform(), tmp_path_factory.mktemp("dist"))
    except build_addon.BuildError as error:
        if "could not download" in str(error):
            pytest.skip(f"needs the package index for the wheels: {error}")
        raise


@pytest.fixture(scope="module")
def tool() -> list[str]:
    found = build_addon.extension_tool()
    assert found is not None
    return found


def test_blenders_own_tool_finds_the_zip_valid_and_a_torn_one_not(
    archive: Path, tool: list[str], tmp_path: Path
) -> None:
    build_addon.validate(archive, tool)
    torn = tmp_path / archive.name
    torn.write_bytes(archive.read_bytes()[:-1000])
    with pytest.raises(build_addon.BuildError, match="rejects"):
        build_addon.validate(torn, tool)


def test_the_same_sources_give_the_same_zip(archive: Path, tmp_path: Path) -> None:
    assert build_addon.build(build_addon.this_platform(), tmp_path).read_bytes() == archive.read_bytes()


def test_it_installs_into_a_fresh_blender_with_its_own_wheels(archive: Path, tmp_path: Path) -> None:
    said = blender(INSTALL + VISIT, tmp_path, str(archive))
    assert "VISITED" in said, said
    assert "Policy violation" not in said


def test_installed_it_starts_the_engine_and_makes_a_motion(archive: Path, tmp_path: Path) -> None:
    said = blender(INSTALL + MOVE, tmp_path, str(archive), ENGINE_PYTHON, str(REPOSITORY))
    assert "MOVED" in said, said


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which it is served, as any web server would."""
    folder = tmp_path / "web"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/index.json"
        server.shutdown()


def test_who_subscribes_gets_the_addon_of_this_platform_and_its_update(
    archive: Path, tool: list[str], web: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = web
    other = next(name for name in build_addon.read_manifest()["platforms"] if name != build_addon.this_platform())
    build_addon.build(other, folder)
    shutil.copy(archive, folder)
    build_addon.write_index(folder, tool)
    assert f"HAS {build_addon.read_manifest()['version']}" in (said := blender(SUBSCRIBE, tmp_path, address)), said

    newer = tmp_path / "newer"
    shutil.copytree(build_addon.SOURCE, newer, ignore=shutil.ignore_patterns("wheels", "__pycache__"))
    manifest = newer / "blender_manifest.toml"
    manifest.write_text(re.sub(r'^version = ".*"', 'version = "9.8.7"', manifest.read_text(), count=1, flags=re.M))
    monkeypatch.setattr(build_addon, "SOURCE", newer)
    for old in folder.glob("*.zip"):
        old.unlink()
    build_addon.build(build_addon.this_platform(), folder)
    build_addon.write_index(folder, tool)
    assert "HAS 9.8.7" in (said := blender(SUBSCRIBE, tmp_path, address)), said


def blender(script: str, folder: Path, *arguments: str) -> str:
    """What ``script`` says in a Blender process of its own whose user folder lies in ``folder``."""
    user = folder / "user"
    user.mkdir(exist_ok=True)
    file = folder / "visit.py"
    file.write_text(script)
    done = subprocess.run(
        [sys.executable, str(file), *arguments],
        cwd=folder,
        env={**os.environ, "BLENDER_USER_RESOURCES": str(user)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    return done.stdout + done.stderr
