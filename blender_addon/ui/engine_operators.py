# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, stop and look into the engine."""

from __future__ import annotations

import bpy

from .. import preferences
from ..app.engine import ENGINE
from ..shared.errors import GaitwayError


class GAITWAY_OT_engine_start(bpy.types.Operator):
    """Start the engine on this computer, or join the one that runs already"""

    bl_idname = "gaitway.engine_start"
    bl_label = "Start Engine"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if ENGINE.is_up:
            cls.poll_message_set("The engine is running or starting")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            ENGINE.start(preferences.get(context))
        except GaitwayError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class GAITWAY_OT_engine_stop(bpy.types.Operator):
    """Stop the engine that this Blender started, or leave the one that it joined"""

    bl_idname = "gaitway.engine_stop"
    bl_label = "Stop Engine"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not ENGINE.is_up:
            cls.poll_message_set("No engine is running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        ENGINE.stop()
        return {"FINISHED"}


class GAITWAY_OT_engine_restart(bpy.types.Operator):
    """End the engine and start it again; a motion that is being made is given up"""

    bl_idname = "gaitway.engine_restart"
    bl_label = "Restart Engine"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not ENGINE.is_up:
            cls.poll_message_set("No engine is running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            ENGINE.restart(preferences.get(context))
        except GaitwayError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class GAITWAY_OT_engine_open_log(bpy.types.Operator):
    """Open the engine's log with the computer's text viewer"""

    bl_idname = "gaitway.engine_open_log"
    bl_label = "Open Engine Log"

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = preferences.log_path(preferences.get(context))
        if not path.is_file():
            self.report({"WARNING"}, "There is no log yet: the engine has not been started from here")
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=str(path))
        return {"FINISHED"}


CLASSES = (GAITWAY_OT_engine_start, GAITWAY_OT_engine_stop, GAITWAY_OT_engine_restart, GAITWAY_OT_engine_open_log)
