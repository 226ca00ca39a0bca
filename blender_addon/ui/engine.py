# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the engine is there, and its buttons."""

from __future__ import annotations

import bpy

from ..app.engine import ENGINE
from .sidebar import Tab, paragraph

STATE_ICONS = {
    "offline": "CANCEL",
    "starting": "SORTTIME",
    "connecting": "SORTTIME",
    "ready": "CHECKMARK",
    "running": "PLAY",
    "cancelling": "SORTTIME",
}


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


CLASSES = (GAITWAY_PT_engine,)
