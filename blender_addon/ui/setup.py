# SPDX-License-Identifier: GPL-3.0-or-later
"""The page that a newcomer meets: what is missing and how to get it. It is gone when nothing is."""

from __future__ import annotations

import bpy

from ..app.engine import ENGINE
from ..app.setup_timer import SETUP_CHECK
from ..engine_link.setup_check import INSTALL_COMMANDS
from .sidebar import Tab, paragraph


def draw_needs(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What is missing, into the tab or the preferences; nothing when nothing is."""
    for problem in SETUP_CHECK.problems:
        box = layout.box()
        paragraph(box, context, problem.message, "ERROR")
        paragraph(box, context, problem.hint, "BLANK1")
        if problem.install:
            _draw_installation(box, context)
    row = layout.row(align=True)
    row.operator("gaitway.choose_engine", icon="FILE_FOLDER")
    row.operator("gaitway.look_again", text="", icon="FILE_REFRESH")


def _draw_installation(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    paragraph(
        layout,
        context,
        "The engine makes the motions, on this computer alone. It needs Python 3.11 to 3.13, and installs in the "
        "folder of Gaitway, in a terminal:",
        "CONSOLE",
    )
    lines = layout.column(align=True)
    for line in INSTALL_COMMANDS:
        lines.label(text=line, icon="BLANK1")
    layout.operator("gaitway.copy_install_commands", icon="COPYDOWN")


class GAITWAY_PT_first_run(Tab, bpy.types.Panel):
    bl_label = "Before You Begin"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(SETUP_CHECK.problems) and ENGINE.state not in ("ready", "running", "cancelling")

    def draw(self, context: bpy.types.Context) -> None:
        draw_needs(self.layout, context)


CLASSES = (GAITWAY_PT_first_run,)
