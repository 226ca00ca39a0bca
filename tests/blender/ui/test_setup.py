# SPDX-License-Identifier: GPL-3.0-or-later
"""The first-run page in Blender: it appears with what is missing, and is gone when that is there."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import preferences
from blender_addon.app.setup_timer import SETUP_CHECK, poll_version, recheck_setup
from blender_addon.engine_link.setup_check import INSTALL_COMMANDS
from blender_addon.ui.setup import GAITWAY_PT_setup
from blender_addon.version import addon_version

from ..helpers.engines import wait_for
from .test_panels import CheckingLayout


def shown() -> list[str] | None:
    """The page's words, or None when Blender does not show it."""
    if not GAITWAY_PT_setup.poll(bpy.context):
        return None
    layout = CheckingLayout()
    GAITWAY_PT_setup.draw(SimpleNamespace(layout=layout), bpy.context)
    return layout.words


@pytest.mark.skipif(sys.platform == "win32", reason="the engine is a shell script")
def test_the_page_leads_from_no_engine_to_one_that_was_chosen(addon, tmp_path: Path) -> None:
    assert bpy.app.timers.is_registered(recheck_setup), "nobody looks when Blender starts"
    preferences.get().engine_command = str(tmp_path / "nothing here")
    assert bpy.ops.gaitway.recheck_setup() == {"FINISHED"}
    words = shown()
    assert words is not None and "was not found" in " ".join(words)
    assert set(INSTALL_COMMANDS) <= set(words) and "gaitway.choose_engine" in words

    assert bpy.ops.gaitway.copy_install_commands() == {"FINISHED"}
    with pytest.raises(RuntimeError, match="does not exist"):
        bpy.ops.gaitway.choose_engine(filepath=str(tmp_path / "gone"))

    program = tmp_path / "gaitway"
    program.write_text(f"#!/bin/sh\necho gaitway {addon_version()}\n")
    program.chmod(0o755)
    assert bpy.ops.gaitway.choose_engine(filepath=str(program)) == {"FINISHED"}
    assert preferences.get().engine_command == str(program)
    wait_for(lambda: poll_version() is None)
    assert shown() is None


def test_the_preferences_show_it_as_well(addon, tmp_path: Path) -> None:
    preferences.get().engine_command = str(tmp_path / "nothing here")
    recheck_setup()
    layout = CheckingLayout()
    type(preferences.get()).draw(SimpleNamespace(layout=layout, **named(preferences.get())), bpy.context)
    assert "was not found" in " ".join(layout.words)


def named(entry: bpy.types.AddonPreferences) -> dict[str, object]:
    """The preferences' values and what Blender tells of their properties, for a layout of the test's own."""
    names = [known.identifier for known in entry.bl_rna.properties if known.identifier != "rna_type"]
    return {name: getattr(entry, name) for name in names} | {"bl_rna": entry.bl_rna}


def test_nothing_is_left_behind(addon) -> None:
    recheck_setup()
    addon.unregister()
    try:
        assert not SETUP_CHECK.is_asking and SETUP_CHECK.problems == ()
        assert not bpy.app.timers.is_registered(recheck_setup) and not bpy.app.timers.is_registered(poll_version)
    finally:
        addon.register()
