# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons of the page that says what is missing."""

from __future__ import annotations

from pathlib import Path

import bpy

from .. import preferences
from ..first_run import FIRST_RUN, INSTALL_COMMANDS

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


class GAITWAY_OT_look_again(bpy.types.Operator):
    """Look again for what is missing"""

    bl_idname = "gaitway.look_again"
    bl_label = "Look Again"

    def execute(self, context: bpy.types.Context) -> set[str]:
        look_again()
        return {"FINISHED"}


class GAITWAY_OT_copy_install_commands(bpy.types.Operator):
    """Copy the commands that install the engine, to paste into a terminal in the folder of Gaitway"""

    bl_idname = "gaitway.copy_install_commands"
    bl_label = "Copy Commands"

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = "\n".join(INSTALL_COMMANDS)
        self.report({"INFO"}, "Copied: paste it into a terminal in the folder of Gaitway")
        return {"FINISHED"}


class GAITWAY_OT_choose_engine(bpy.types.Operator):
    """Show the engine that is installed already: its 'gaitway' program or the folder of its virtual environment"""

    bl_idname = "gaitway.choose_engine"
    bl_label = "Find the Engine"

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not Path(self.filepath).exists():
            self.report({"ERROR"}, f"There is nothing at {self.filepath}")
            return {"CANCELLED"}
        preferences.get(context).engine_command = str(Path(self.filepath))
        look_again()
        return {"FINISHED"}


CLASSES = (GAITWAY_OT_look_again, GAITWAY_OT_copy_install_commands, GAITWAY_OT_choose_engine)


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
