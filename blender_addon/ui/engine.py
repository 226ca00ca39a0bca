# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the engine is there; start it, stop it, read its log."""

from __future__ import annotations

import bpy

from .. import preferences
from ..app.engine import ENGINE
from ..shared.errors import EngineUnavailable
from .sidebar import ReportingOperator, Tab, paragraph

STATE_ICONS = {
    "offline": "CANCEL",
    "starting": "SORTTIME",
    "connecting": "SORTTIME",
    "ready": "CHECKMARK",
    "running": "PLAY",
    "cancelling": "SORTTIME",
}


class GAITWAY_OT_engine_start(ReportingOperator, bpy.types.Operator):
    """Start the engine on this computer, or connect to the one that is already running"""

    bl_idname = "gaitway.engine_start"
    bl_label = "Start Engine"

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        return "The engine is already running or starting" if ENGINE.is_up else None

    def run(self, context: bpy.types.Context) -> None:
        ENGINE.start(preferences.get(context))


class _RunningEngineOperator(ReportingOperator):
    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        return None if ENGINE.is_up else "No engine is running"


class GAITWAY_OT_engine_stop(_RunningEngineOperator, bpy.types.Operator):
    """Stop the engine if this Blender started it, otherwise disconnect from it"""

    bl_idname = "gaitway.engine_stop"
    bl_label = "Stop Engine"

    def run(self, context: bpy.types.Context) -> None:
        ENGINE.stop()


class GAITWAY_OT_engine_restart(_RunningEngineOperator, bpy.types.Operator):
    """Stop the engine and start it again; a motion in progress is cancelled"""

    bl_idname = "gaitway.engine_restart"
    bl_label = "Restart Engine"

    def run(self, context: bpy.types.Context) -> None:
        ENGINE.restart(preferences.get(context))


class GAITWAY_OT_engine_open_log(ReportingOperator, bpy.types.Operator):
    """Open the engine's log in the default text viewer"""

    bl_idname = "gaitway.engine_open_log"
    bl_label = "Open Engine Log"
    failure_level = "WARNING"

    def run(self, context: bpy.types.Context) -> None:
        path = preferences.log_path(preferences.get(context))
        if not path.is_file():
            raise EngineUnavailable("There is no log yet.", "It is written when Blender starts the engine.")
        bpy.ops.wm.path_open(filepath=str(path))


class GAITWAY_PT_engine(Tab, bpy.types.Panel):
    bl_label = "Engine"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header(self, context: bpy.types.Context) -> None:
        self.layout.label(text="", icon=STATE_ICONS[ENGINE.state])

    def draw(self, context: bpy.types.Context) -> None:
        column = self.column(self.layout)
        paragraph(column, context, ENGINE.status, STATE_ICONS[ENGINE.state])
        row = column.row(align=True)
        if ENGINE.is_up:
            row.operator("gaitway.engine_stop", icon="PAUSE")
            row.operator("gaitway.engine_restart", text="", icon="FILE_REFRESH")
        else:
            row.operator("gaitway.engine_start", icon="PLAY")
        row.operator("gaitway.engine_open_log", text="", icon="TEXT")


CLASSES = (
    GAITWAY_OT_engine_start,
    GAITWAY_OT_engine_stop,
    GAITWAY_OT_engine_restart,
    GAITWAY_OT_engine_open_log,
    GAITWAY_PT_engine,
)
