# SPDX-License-Identifier: GPL-3.0-or-later
"""What the character keeps out of: a sub-panel of the controls, closed until it is needed."""

from __future__ import annotations

import bpy

from ..capture.obstacles import can_be_obstacle
from .sidebar import ActiveList, RemoveRowOperator, ReportingOperator, RowList, Tab, paragraph

OBSTACLE_LIST = ActiveList("obstacles", "active_obstacle", "an obstacle")


class GAITWAY_OT_obstacle_add(ReportingOperator, bpy.types.Operator):
    """Add the selected empties and solid objects as obstacles that the character's joints keep out of"""

    bl_idname = "gaitway.obstacle_add"
    bl_label = "Add Selected as Obstacles"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        return None if selected_solids(context) else "Select an empty, a mesh or another solid object"

    def run(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        listed = {obstacle.target for obstacle in settings.obstacles}
        for target in selected_solids(context):
            if target not in listed:
                obstacle = settings.obstacles.add()
                obstacle.target = target
                obstacle.margin /= context.scene.unit_settings.scale_length  # its default is in metres
        settings.active_obstacle = len(settings.obstacles) - 1


class GAITWAY_OT_obstacle_remove(RemoveRowOperator, bpy.types.Operator):
    """Remove the obstacle from the list; its object stays in the scene"""

    bl_idname = "gaitway.obstacle_remove"
    bl_label = "Remove Obstacle"
    rows = OBSTACLE_LIST


def selected_solids(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The selected objects that can be obstacles."""
    return [target for target in context.selected_objects or () if can_be_obstacle(target)]


class GAITWAY_UL_obstacles(RowList, bpy.types.UIList):
    """One row an obstacle: used or not, its object, the shape that stands for it."""

    @staticmethod
    def draw_row(layout: bpy.types.UILayout, item: bpy.types.PropertyGroup, index: int) -> None:
        row = layout.row(align=True)
        row.prop(item, "enabled", text="")
        icon = "ERROR" if item.target is None else f"OUTLINER_OB_{item.target.type}"
        row.label(text="No object" if item.target is None else item.target.name, icon=icon)
        row.prop(item, "shape", text="", emboss=False)


class GAITWAY_PT_obstacles(Tab, bpy.types.Panel):
    bl_label = "Obstacles"
    bl_parent_id = "GAITWAY_PT_controls"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        OBSTACLE_LIST.draw(
            self.layout, settings, "GAITWAY_UL_obstacles", "gaitway.obstacle_add", "gaitway.obstacle_remove"
        )
        obstacle = OBSTACLE_LIST.active(context)
        if obstacle is None:
            paragraph(self.layout, context, "Select objects to avoid, then click +", "INFO")
            return
        column = self.column(self.layout)
        for name in ("target", "shape", "margin"):
            column.prop(obstacle, name)


CLASSES = (GAITWAY_OT_obstacle_add, GAITWAY_OT_obstacle_remove, GAITWAY_UL_obstacles, GAITWAY_PT_obstacles)
