# SPDX-License-Identifier: GPL-3.0-or-later
"""What the character keeps out of: a sub-panel of the controls that opens when there is need for it."""

from __future__ import annotations

import bpy

from .sidebar import Tab, paragraph


class GAITWAY_UL_obstacles(bpy.types.UIList):
    """One line an obstacle: used or not, what it is, as what it counts."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: object,
        item: bpy.types.PropertyGroup,
        icon: int,
        active_data: object,
        active_property: str,
    ) -> None:
        row = layout.row(align=True)
        row.prop(item, "enabled", text="")
        kind = "ERROR" if item.target is None else f"OUTLINER_OB_{item.target.type}"
        row.label(text="No object" if item.target is None else item.target.name, icon=kind)
        row.prop(item, "shape", text="", emboss=False)


class GAITWAY_PT_obstacles(Tab, bpy.types.Panel):
    bl_label = "Obstacles"
    bl_parent_id = "GAITWAY_PT_controls"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        row = self.layout.row()
        row.template_list("GAITWAY_UL_obstacles", "", settings, "obstacles", settings, "active_obstacle", rows=2)
        buttons = row.column(align=True)
        buttons.operator("gaitway.obstacle_add", text="", icon="ADD")
        buttons.operator("gaitway.obstacle_remove", text="", icon="REMOVE")
        if not 0 <= settings.active_obstacle < len(settings.obstacles):
            paragraph(self.layout, context, "Select what the character shall not run into, and add it", "INFO")
            return
        obstacle = settings.obstacles[settings.active_obstacle]
        column = self.column(self.layout)
        column.prop(obstacle, "target")
        column.prop(obstacle, "shape")
        column.prop(obstacle, "margin")


CLASSES = (GAITWAY_UL_obstacles, GAITWAY_PT_obstacles)
