# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins: an empty at the 3D cursor, keyed at the current frame, where a joint should be at that frame."""

from __future__ import annotations

import bpy

from ...properties.control import JOINT_ITEMS, add_control
from ...shared.skeleton import joint_label
from .draw_path import leg_of

DISPLAY_SIZE_LEGS = 0.12


class GAITWAY_OT_pin_add(bpy.types.Operator):
    """Pin a joint of the character to the 3D cursor at the current frame, with a keyframed empty"""

    bl_idname = "gaitway.pin_add"
    bl_label = "Add Pin at Cursor"
    bl_options = {"REGISTER", "UNDO"}
    bl_property = "joint"

    joint: bpy.props.EnumProperty(  # type: ignore[valid-type]
        items=JOINT_ITEMS, name="Joint", default="right_wrist", description="Joint to place at the pin"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        settings = scene.gaitway
        index, pin = pin_of(settings, self.joint)
        if pin is None:
            pin = bpy.data.objects.new(f"{joint_label(self.joint).capitalize()} pin", None)
            pin.empty_display_type = "SPHERE"
            pin.empty_display_size = DISPLAY_SIZE_LEGS * leg_of(scene)
            context.collection.objects.link(pin)
            control = add_control(settings)
            control.target, control.joint = pin, self.joint
            index = len(settings.controls) - 1
        settings.controls[index].enabled = True
        settings.active_control = index
        # The parents must be where they are at this very frame.
        context.view_layer.update()
        parent_matrix = pin.parent.matrix_world @ pin.matrix_parent_inverse if pin.parent else None
        cursor = scene.cursor.location
        pin.location = parent_matrix.inverted_safe() @ cursor if parent_matrix is not None else cursor
        pin.keyframe_insert("location", frame=scene.frame_current)
        return {"FINISHED"}


def pin_of(settings: bpy.types.PropertyGroup, joint: str) -> tuple[int, bpy.types.Object | None]:
    """Index and object of the first empty in the list that leads ``joint`` by its keys: it gets further keys."""
    for index, control in enumerate(settings.controls):
        target = control.target
        if control.joint == joint and target is not None and target.type == "EMPTY" and control.times == "KEYS":
            return index, target
    return -1, None


CLASSES = (GAITWAY_OT_pin_add,)
