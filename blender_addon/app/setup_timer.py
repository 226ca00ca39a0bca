# SPDX-License-Identifier: GPL-3.0-or-later
"""When to look for what is missing before the first motion, and the timer that waits for the engine's answer."""

from __future__ import annotations

import bpy

from .. import preferences
from ..engine_link.setup_check import FIRST_RUN

LOOK_INTERVAL = 0.3


def look_again() -> None:
    """Look for what is missing, now, and for the engine's answer by a timer."""
    chosen = preferences.get()
    FIRST_RUN.look(chosen.engine_command, preferences.connection_path(chosen))
    redraw()
    if FIRST_RUN.looking and not bpy.app.timers.is_registered(see_the_answer):
        bpy.app.timers.register(see_the_answer, first_interval=LOOK_INTERVAL, persistent=True)


def see_the_answer() -> float | None:
    """Whether the engine has told its version; a timer until it has."""
    FIRST_RUN.step()
    if FIRST_RUN.looking:
        return LOOK_INTERVAL
    redraw()
    return None


def look_soon() -> None:
    """Look when Blender has come to rest: has started, or has taken what was typed into the preferences."""
    if not bpy.app.timers.is_registered(look_again):
        bpy.app.timers.register(look_again, first_interval=LOOK_INTERVAL, persistent=True)


def redraw() -> None:
    """Let the tab and the preferences show what has been found."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "PREFERENCES"):
                area.tag_redraw()


def register() -> None:
    """Look once when Blender has started."""
    look_soon()


def unregister() -> None:
    """Undo :func:`register`, and forget what was found."""
    for timer in (look_again, see_the_answer):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    FIRST_RUN.close()
    FIRST_RUN.needs = ()
