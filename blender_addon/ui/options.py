# SPDX-License-Identifier: GPL-3.0-or-later
"""How feet and hands of the character are held."""

from __future__ import annotations

import bpy

from .sidebar import Tab


class GAITWAY_PT_feet(Tab, bpy.types.Panel):
    bl_label = "Feet and Hands"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        feet = context.scene.gaitway.feet
        column = self.column(self.layout)
        column.prop(feet, "lock")
        floor = column.column()
        floor.active = feet.lock
        floor.prop(feet, "floor")
        if feet.floor == "HEIGHT":
            floor.prop(feet, "floor_height")
        column.prop(feet, "hit_controls")


CLASSES = (GAITWAY_PT_feet,)
