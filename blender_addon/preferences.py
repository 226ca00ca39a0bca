# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""What belongs to this computer rather than to a scene: how the engine is started, found, and where it writes its
log.
"""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

PACKAGE = __package__
LOG_NAME = "engine.log"


def _changed(_preferences: object, _context: object) -> None:
    from .operators.first_run import look_soon  # which reads these preferences

    look_soon()


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
        from .first_run import FIRST_RUN
        from .panels.first_run import draw_needs

        layout = self.layout
        if FIRST_RUN.needs:
            draw_needs(layout, context)
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "engine_command")
        layout.prop(self, "autostart")
        layout.prop(self, "connection_file")
        layout.prop(self, "log_directory")
        layout.operator("gaitway.engine_open_log", icon="TEXT")


def get(context: bpy.types.Context | None = None) -> GaitwayPreferences:
    """The add-on's preferences."""
    return (context or bpy.context).preferences.addons[PACKAGE].preferences


def log_path(preferences: GaitwayPreferences) -> Path:
    """Where the engine writes its log; the folder is made when it is not there."""
    if preferences.log_directory:
        folder = Path(bpy.path.abspath(preferences.log_directory))
        folder.mkdir(parents=True, exist_ok=True)
    elif PACKAGE.startswith("bl_ext."):
        folder = Path(bpy.utils.extension_path_user(PACKAGE, path="logs", create=True))
    else:  # run from a source folder: extension_path_user knows extensions only
        folder = Path(bpy.utils.user_resource("DATAFILES", path="gaitway", create=True))
    return folder / LOG_NAME


def connection_path(preferences: GaitwayPreferences) -> Path | None:
    """The chosen connection file, or None for the usual place."""
    return Path(bpy.path.abspath(preferences.connection_file)) if preferences.connection_file else None


CLASSES = (GaitwayPreferences,)
