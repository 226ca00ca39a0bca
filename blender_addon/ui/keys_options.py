# SPDX-License-Identifier: GPL-3.0-or-later
"""How many keys a motion gets."""

from __future__ import annotations

import bpy

from .sidebar import Tab


class GAITWAY_PT_keys(Tab, bpy.types.Panel):
    bl_label = "Keys"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        keys = context.scene.gaitway.keys
        column = self.column(self.layout)
        column.prop(keys, "spacing")
        if keys.spacing == "STEP":
            column.prop(keys, "step")
        elif keys.spacing == "SPARSE":
            column.prop(keys, "bound")


CLASSES = (GAITWAY_PT_keys,)
