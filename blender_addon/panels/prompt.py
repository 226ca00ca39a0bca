# SPDX-License-Identifier: GPL-3.0-or-later
"""What the character does, from when and for how long."""

from __future__ import annotations

import bpy

from .. import compat
from .tab import Tab


class GAITWAY_PT_prompt(Tab, bpy.types.Panel):
    bl_label = "Prompt"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        compat.draw_textbox(self.layout, settings, "prompt")
        column = self.column(self.layout)
        column.prop(settings, "length_mode")
        if settings.length_mode == "SECONDS" or not any(control.enabled for control in settings.controls):
            column.prop(settings, "seconds")
        column.prop(settings, "start_frame")


CLASSES = (GAITWAY_PT_prompt,)
