# SPDX-License-Identifier: GPL-3.0-or-later
"""Who moves."""

from __future__ import annotations

import bpy

from .tab import Tab, paragraph


class GAITWAY_PT_character(Tab, bpy.types.Panel):
    bl_label = "Character"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        column = self.column(self.layout)
        column.prop(settings, "character", text="Armature")
        if settings.character is None:
            paragraph(column, context, "Choose the armature that shall move", "INFO")


CLASSES = (GAITWAY_PT_character,)
