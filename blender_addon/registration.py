# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything Blender is told about, in one order forward and the same order backward."""

from __future__ import annotations

from typing import Final

import bpy

from . import properties, ui
from .app import handlers, setup_timer

CLASSES: Final = (*properties.CLASSES, *ui.CLASSES)

_keymaps: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def register() -> None:
    """Classes, the scene's settings, the Escape key, the handlers and the one timer."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    properties.add_settings()
    _add_keymap()
    ui.add_menu()
    handlers.register()
    setup_timer.register()


def unregister() -> None:
    """Undo :func:`register` backward: the timer and the engine first, so that nothing calls into what is gone."""
    setup_timer.unregister()
    handlers.unregister()
    ui.remove_menu()
    _remove_keymap()
    properties.remove_settings()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)


def _add_keymap() -> None:
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is None:  # in the background there is no keyboard
        return
    keymap = configuration.keymaps.new(name="3D View Generic", space_type="VIEW_3D")
    _keymaps.append((keymap, keymap.keymap_items.new("gaitway.cancel", "ESC", "PRESS")))


def _remove_keymap() -> None:
    for keymap, item in _keymaps:
        keymap.keymap_items.remove(item)
    _keymaps.clear()
