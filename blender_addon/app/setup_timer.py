# SPDX-License-Identifier: GPL-3.0-or-later
"""When to check what is missing before the first motion, and the timer that waits for the engine's answer."""

from __future__ import annotations

import bpy

from .. import preferences
from ..engine_link import SetupCheck
from .redraw import redraw

CHECK_INTERVAL_S = 0.3

SETUP_CHECK = SetupCheck()


def recheck_setup() -> None:
    """Check now what is missing, and poll for the engine's version by a timer."""
    prefs = preferences.get()
    SETUP_CHECK.check(prefs.engine_command, preferences.connection_path(prefs))
    redraw("VIEW_3D", "PREFERENCES")
    if SETUP_CHECK.is_asking and not bpy.app.timers.is_registered(poll_version):
        bpy.app.timers.register(poll_version, first_interval=CHECK_INTERVAL_S, persistent=True)


def poll_version() -> float | None:
    """Whether the engine has told its version; a timer until it has."""
    SETUP_CHECK.poll()
    if SETUP_CHECK.is_asking:
        return CHECK_INTERVAL_S
    redraw("VIEW_3D", "PREFERENCES")
    return None


def recheck_soon() -> None:
    """Check when Blender is idle: after it has started, or after a change of the preferences."""
    if not bpy.app.timers.is_registered(recheck_setup):
        bpy.app.timers.register(recheck_setup, first_interval=CHECK_INTERVAL_S, persistent=True)


def register() -> None:
    """Check once when Blender has started."""
    recheck_soon()


def unregister() -> None:
    """Undo :func:`register`, and forget what was found."""
    for timer in (recheck_setup, poll_version):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    SETUP_CHECK.reset()
