# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons of the page that says what is missing."""

from __future__ import annotations

from pathlib import Path

import bpy

from .. import preferences
from ..app.setup_timer import recheck_setup
from ..engine_link.setup_check import INSTALL_COMMANDS


class GAITWAY_OT_look_again(bpy.types.Operator):
    """Look again for what is missing"""

    bl_idname = "gaitway.look_again"
    bl_label = "Look Again"

    def execute(self, context: bpy.types.Context) -> set[str]:
        recheck_setup()
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
        recheck_setup()
        return {"FINISHED"}


CLASSES = (GAITWAY_OT_look_again, GAITWAY_OT_copy_install_commands, GAITWAY_OT_choose_engine)
