# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the selected objects into the list of obstacles, and take them out."""

from __future__ import annotations

import bpy

from ..capture.obstacles import can_be_obstacle


class GAITWAY_OT_obstacle_add(bpy.types.Operator):
    """Add the selected empties and solid objects as obstacles that no joint of the character enters"""

    bl_idname = "gaitway.obstacle_add"
    bl_label = "Add Selected as Obstacles"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not selected_solids(context):
            cls.poll_message_set("Select an empty, a mesh or another solid object")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.gaitway
        listed = {obstacle.target for obstacle in settings.obstacles}
        for target in selected_solids(context):
            if target not in listed:
                obstacle = settings.obstacles.add()
                obstacle.target = target
                obstacle.margin /= context.scene.unit_settings.scale_length  # its default is meant in metres
        settings.active_obstacle = len(settings.obstacles) - 1
        return {"FINISHED"}


class GAITWAY_OT_obstacle_remove(bpy.types.Operator):
    """Take the obstacle out of the list; its object stays"""

    bl_idname = "gaitway.obstacle_remove"
    bl_label = "Remove Obstacle"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.gaitway
        if not 0 <= settings.active_obstacle < len(settings.obstacles):
            cls.poll_message_set("Choose an obstacle in the list")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.gaitway
        settings.obstacles.remove(settings.active_obstacle)
        settings.active_obstacle = max(0, min(settings.active_obstacle, len(settings.obstacles) - 1))
        return {"FINISHED"}


def selected_solids(context: bpy.types.Context) -> list[bpy.types.Object]:
    """What the selection offers as obstacles."""
    return [target for target in context.selected_objects or () if can_be_obstacle(target)]


CLASSES = (GAITWAY_OT_obstacle_add, GAITWAY_OT_obstacle_remove)
