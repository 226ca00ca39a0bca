# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh scene with the add-on registered, for every test that runs inside real Blender (the bpy module)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import blender_addon


@pytest.fixture
def addon(tmp_path: Path) -> Iterator[ModuleType]:
    """The add-on, registered in an empty file with preferences of its own; unregistered afterwards."""
    import bpy

    from .helpers.engines import ENGINE_PYTHON

    bpy.ops.wm.read_homefile(use_empty=True)
    entry = bpy.context.preferences.addons.new()
    entry.module = "blender_addon"
    blender_addon.register()
    entry.preferences.log_directory = str(tmp_path)
    entry.preferences.connection_file = str(tmp_path / "connection.json")
    entry.preferences.engine_command = ENGINE_PYTHON
    entry.preferences.autostart = False
    try:
        yield blender_addon
    finally:
        blender_addon.unregister()
        bpy.context.preferences.addons.remove(entry)
