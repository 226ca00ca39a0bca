# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins: an empty at the 3D cursor, keyed at the present frame, where a joint shall be then."""

from __future__ import annotations

import bpy

from ...properties.control import JOINT_ITEMS
from .draw_path import leg_of

DISPLAY_SIZE = 0.12
"""Of a leg's length."""


class GAITWAY_OT_pin_add(bpy.types.Operator):
    """Put a joint of the character at the 3D cursor at this frame: an empty that is keyed here"""

    bl_idname = "gaitway.pin_add"
    bl_label = "Add Pin at Cursor"
    bl_options = {"REGISTER", "UNDO"}
    bl_property = "joint"

    joint: bpy.props.EnumProperty(  # type: ignore[valid-type]
        items=JOINT_ITEMS, name="Joint", default="right_wrist", description="Joint that shall be at the pin"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        settings = scene.gaitway
        number, pin = pin_of(settings, self.joint)
        if pin is None:
            pin = bpy.data.objects.new(f"{self.joint.replace('_', ' ').capitalize()} pin", None)
            pin.empty_display_type = "SPHERE"
            pin.empty_display_size = DISPLAY_SIZE * leg_of(scene)
            context.collection.objects.link(pin)
            control = settings.controls.add()
            control.target, control.joint = pin, self.joint
            number = len(settings.controls) - 1
        settings.controls[number].enabled = True
        settings.active_control = number
        # Where the parents are counts at this very frame.
        context.view_layer.update()
        above = pin.parent.matrix_world @ pin.matrix_parent_inverse if pin.parent else None
        cursor = scene.cursor.location
        pin.location = above.inverted_safe() @ cursor if above is not None else cursor
        pin.keyframe_insert("location", frame=scene.frame_current)
        return {"FINISHED"}


def pin_of(settings: bpy.types.PropertyGroup, joint: str) -> tuple[int, bpy.types.Object | None]:
    """The first empty in the list that leads ``joint`` by its keys, with its number: it takes further keys."""
    for number, control in enumerate(settings.controls):
        target = control.target
        if control.joint == joint and target is not None and target.type == "EMPTY" and control.times == "KEYS":
            return number, target
    return -1, None


CLASSES = (GAITWAY_OT_pin_add,)
