# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of controls, and the active one's settings."""

from __future__ import annotations

import bpy

from .. import capture
from .tab import Tab, paragraph


class GAITWAY_UL_controls(bpy.types.UIList):
    """One line a control: used or not, what leads, which joint follows."""

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
        kind = "ERROR" if item.target is None else "BONE_DATA" if item.bone else f"OUTLINER_OB_{item.target.type}"
        row.label(text=capture.control_label(item).strip("'"), icon=kind)
        row.label(text=item.joint.replace("_", " "))


class GAITWAY_PT_controls(Tab, bpy.types.Panel):
    bl_label = "Controls"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        row = self.layout.row()
        row.template_list("GAITWAY_UL_controls", "", settings, "controls", settings, "active_control", rows=3)
        buttons = row.column(align=True)
        buttons.operator("gaitway.control_add", text="", icon="ADD")
        buttons.operator("gaitway.control_remove", text="", icon="REMOVE")
        if not 0 <= settings.active_control < len(settings.controls):
            paragraph(self.layout, context, "Select an empty with keyframes or a curve, and add it", "INFO")
            return
        control = settings.controls[settings.active_control]
        column = self.column(self.layout)
        column.prop(control, "target")
        if control.target is not None and control.target.type == "ARMATURE":
            column.prop_search(control, "bone", control.target.data, "bones")
        column.prop(control, "joint")
        column.prop(control, "height")
        if control.target is not None and control.target.type == "CURVE":
            frames = column.column(align=True)
            frames.prop(control, "frame_start")
            frames.prop(control, "frame_end")


CLASSES = (GAITWAY_UL_controls, GAITWAY_PT_controls)
