# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing before the first motion and how to get it, in the tab and in Blender's preferences; and the
preferences: how the engine is started, found, and where it writes its log.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from .. import preferences
from ..app.engine import ENGINE
from ..app.setup_timer import SETUP_CHECK, recheck_setup, recheck_soon
from ..engine_link.setup_check import INSTALL_COMMANDS
from ..shared.errors import BadFile
from .sidebar import ReportingOperator, Tab, paragraph


class GAITWAY_OT_recheck_setup(ReportingOperator, bpy.types.Operator):
    """Check again what is missing"""

    bl_idname = "gaitway.recheck_setup"
    bl_label = "Check Again"

    def run(self, context: bpy.types.Context) -> None:
        recheck_setup()


class GAITWAY_OT_copy_install_commands(ReportingOperator, bpy.types.Operator):
    """Copy the commands that install the engine, to paste into a terminal in Gaitway's folder"""

    bl_idname = "gaitway.copy_install_commands"
    bl_label = "Copy Commands"

    def run(self, context: bpy.types.Context) -> str:
        context.window_manager.clipboard = "\n".join(INSTALL_COMMANDS)
        return "Copied: paste the commands into a terminal in Gaitway's folder"


class GAITWAY_OT_choose_engine(ReportingOperator, bpy.types.Operator):
    """Choose an engine that is already installed: its 'gaitway' program or the folder of its virtual environment"""

    bl_idname = "gaitway.choose_engine"
    bl_label = "Find the Engine"

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: bpy.types.Context) -> None:
        if not Path(self.filepath).exists():
            raise BadFile(f"'{self.filepath}' does not exist.", "Choose another file or folder.")
        preferences.get(context).engine_command = str(Path(self.filepath))
        recheck_setup()


class GAITWAY_PT_setup(Tab, bpy.types.Panel):
    bl_label = "Setup"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(SETUP_CHECK.problems) and ENGINE.state not in ("ready", "running", "cancelling")

    def draw(self, context: bpy.types.Context) -> None:
        draw_problems(self.layout, context)


def draw_problems(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What is missing and how to get it."""
    for problem in SETUP_CHECK.problems:
        box = layout.box()
        paragraph(box, context, problem.message, "ERROR")
        paragraph(box, context, problem.hint, "BLANK1")
        if problem.install:
            _draw_installation(box, context)
    row = layout.row(align=True)
    row.operator("gaitway.choose_engine", icon="FILE_FOLDER")
    row.operator("gaitway.recheck_setup", text="", icon="FILE_REFRESH")


def _draw_installation(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    paragraph(
        layout,
        context,
        "The engine generates the motions, on this computer only. It needs Python 3.11 to 3.13. Install it with these "
        "commands, in a terminal in Gaitway's folder:",
        "CONSOLE",
    )
    lines = layout.column(align=True)
    for line in INSTALL_COMMANDS:
        lines.label(text=line, icon="BLANK1")
    layout.operator("gaitway.copy_install_commands", icon="COPYDOWN")


def _changed(_preferences: object, _context: object) -> None:
    recheck_soon()


class GaitwayPreferences(bpy.types.AddonPreferences):
    bl_idname = preferences.PACKAGE

    engine_command: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Engine Command",
        default="",
        description="The gaitway command, its path or the folder of its virtual environment; empty to search for it",
        update=_changed,
    )
    autostart: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Start the Engine When Needed",
        default=True,
        description="Start the engine when a motion is requested and no engine is running",
    )
    connection_file: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Connection File",
        subtype="FILE_PATH",
        default="",
        description="File to which the engine writes its address and keys; empty for the default location",
        update=_changed,
    )
    log_directory: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Log Folder",
        subtype="DIR_PATH",
        default="",
        description="Folder of the engine's log; empty for the add-on's own folder",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        if SETUP_CHECK.problems:
            draw_problems(layout, context)
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in ("engine_command", "autostart", "connection_file", "log_directory"):
            layout.prop(self, name)
        layout.operator("gaitway.engine_open_log", icon="TEXT")


CLASSES = (
    GaitwayPreferences,
    GAITWAY_OT_recheck_setup,
    GAITWAY_OT_copy_install_commands,
    GAITWAY_OT_choose_engine,
    GAITWAY_PT_setup,
)
