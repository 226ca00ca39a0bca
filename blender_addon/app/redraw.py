# SPDX-License-Identifier: GPL-3.0-or-later
"""Let Blender draw its areas again: it does not notice by itself what changes outside of its own data."""

from __future__ import annotations

import bpy


def redraw(*area_types: str) -> None:
    """Draw all areas of these types again, in every window."""
    for window in open_windows():
        for area in window.screen.areas:
            if area.type in area_types:
                area.tag_redraw()


def open_windows() -> list[bpy.types.Window]:
    """All windows; none in the background."""
    manager = bpy.context.window_manager
    return list(manager.windows) if manager is not None else []
