# SPDX-License-Identifier: GPL-3.0-or-later
"""How feet and hands are corrected on the character, and how many keys a motion gets."""

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


CLASSES = (GAITWAY_PT_feet, GAITWAY_PT_keys)
