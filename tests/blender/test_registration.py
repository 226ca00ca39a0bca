# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on comes and goes without a trace, as often as wanted."""

from __future__ import annotations

import subprocess
import sys

import pytest

bpy = pytest.importorskip("bpy")

import blender_addon


def traces() -> list[str]:
    from blender_addon.app import timer

    found = [name for name in dir(bpy.types) if name.startswith("GAITWAY_") or name.startswith("Gaitway")]
    found += [name for name in dir(bpy.ops.gaitway)]
    found += ["scene settings"] * hasattr(bpy.types.Scene, "gaitway")
    found += ["timer"] * bpy.app.timers.is_registered(timer.tick)
    found += [str(handler) for handler in bpy.app.handlers.load_pre if "blender_addon" in handler.__module__]
    configuration = bpy.context.window_manager.keyconfigs.addon
    keymaps = configuration.keymaps if configuration else []
    return found + [item.idname for keymap in keymaps for item in keymap.keymap_items if "gaitway" in item.idname]


def test_registering_twice_leaves_nothing_behind() -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    for _ in range(2):
        blender_addon.register()
        names = traces()
        assert {"GAITWAY_OT_generate", "GAITWAY_PT_engine", "scene settings", "timer", "gaitway.cancel"} <= set(names)
        assert bpy.context.scene.gaitway.prompt
        blender_addon.unregister()
        assert traces() == []


def test_settings_survive_a_save_and_a_load(tmp_path, addon) -> None:
    settings = bpy.context.scene.gaitway
    settings.prompt, settings.seed = "a person crawls.", 7
    settings.controls.add().joint = "left_wrist"
    path = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=path)
    settings = bpy.context.scene.gaitway
    assert (settings.prompt, settings.seed, settings.controls[0].joint) == ("a person crawls.", 7, "left_wrist")


def test_the_timer_outlives_another_file(addon) -> None:
    from blender_addon.app import handlers, timer

    bpy.ops.wm.read_homefile(use_empty=True)
    assert bpy.app.timers.is_registered(timer.tick)
    assert handlers.before_load in bpy.app.handlers.load_pre


def test_importing_the_package_needs_no_blender() -> None:
    code = (
        "import sys, blender_addon, blender_addon.capture.paths, blender_addon.shared.control; "
        "sys.exit(1 if {'bpy', 'zmq', 'torch'} & set(sys.modules) else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
