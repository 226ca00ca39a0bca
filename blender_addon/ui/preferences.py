# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""The add-on's page in Blender's preferences: how the engine is started, found, and where it writes its log."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, StringProperty

from ..app.setup_timer import SETUP_CHECK, recheck_soon
from ..preferences import PACKAGE
from .setup import draw_needs


def _changed(_preferences: object, _context: object) -> None:
    recheck_soon()


class GaitwayPreferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    engine_command: StringProperty(
        name="Engine Command",
        default="",
        description="The gaitway command, its path or its virtual environment's folder; empty to search for it",
        update=_changed,
    )
    autostart: BoolProperty(
        name="Start the Engine When Needed",
        default=True,
        description="Start the engine when a motion is asked for and no engine is running",
    )
    connection_file: StringProperty(
        name="Connection File",
        subtype="FILE_PATH",
        default="",
        description="File in which the engine leaves its address and keys; empty for the usual place",
        update=_changed,
    )
    log_directory: StringProperty(
        name="Log Folder",
        subtype="DIR_PATH",
        default="",
        description="Folder of the engine's log; empty for the add-on's own folder",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        if SETUP_CHECK.problems:
            draw_needs(layout, context)
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "engine_command")
        layout.prop(self, "autostart")
        layout.prop(self, "connection_file")
        layout.prop(self, "log_directory")
        layout.operator("gaitway.engine_open_log", icon="TEXT")


CLASSES = (GaitwayPreferences,)
