# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab, in the order of the work: engine, character, prompt, controls, generate.

It draws and decides nothing.
"""

from __future__ import annotations

import textwrap

import bpy

from . import capture, compat
from .runtime import RUNTIME

STATE_ICONS = {
    "offline": "CANCEL",
    "starting": "SORTTIME",
    "connecting": "SORTTIME",
    "ready": "CHECKMARK",
    "running": "PLAY",
    "cancelling": "SORTTIME",
}


class _Tab:
    """Where every panel of Gaitway stands."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Gaitway"

    @staticmethod
    def column(layout: bpy.types.UILayout) -> bpy.types.UILayout:
        layout.use_property_split = True
        layout.use_property_decorate = False
        return layout.column()


def _paragraph(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """``text`` in lines that fit the sidebar; Blender's labels do not wrap."""
    width = context.region.width if context.region else 300
    scale = context.preferences.system.ui_scale or 1.0  # 0 until a window has been drawn
    characters = max(20, int(width / (7 * scale)) - 5)
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, characters)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")


class GAITWAY_PT_engine(_Tab, bpy.types.Panel):
    bl_label = "Engine"

    def draw(self, context: bpy.types.Context) -> None:
        column = self.column(self.layout)
        _paragraph(column, context, RUNTIME.engine_status, STATE_ICONS[RUNTIME.engine_state])
        row = column.row(align=True)
        if RUNTIME.engine_wanted:
            row.operator("gaitway.engine_stop", icon="PAUSE")
        else:
            row.operator("gaitway.engine_start", icon="PLAY")
        row.operator("gaitway.engine_open_log", text="", icon="TEXT")


class GAITWAY_PT_character(_Tab, bpy.types.Panel):
    bl_label = "Character"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        column = self.column(self.layout)
        column.prop(settings, "character", text="Armature")
        if settings.character is None:
            _paragraph(column, context, "Choose the armature that shall move", "INFO")


class GAITWAY_PT_prompt(_Tab, bpy.types.Panel):
    bl_label = "Prompt"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        compat.draw_textbox(self.layout, settings, "prompt")
        column = self.column(self.layout)
        column.prop(settings, "length_mode")
        if settings.length_mode == "SECONDS" or not any(control.enabled for control in settings.controls):
            column.prop(settings, "seconds")
        column.prop(settings, "start_frame")


class GAITWAY_PT_controls(_Tab, bpy.types.Panel):
    bl_label = "Controls"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        row = self.layout.row()
        row.template_list("GAITWAY_UL_controls", "", settings, "controls", settings, "active_control", rows=3)
        buttons = row.column(align=True)
        buttons.operator("gaitway.control_add", text="", icon="ADD")
        buttons.operator("gaitway.control_remove", text="", icon="REMOVE")
        if not 0 <= settings.active_control < len(settings.controls):
            _paragraph(self.layout, context, "Select an empty with keyframes or a curve, and add it", "INFO")
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


class GAITWAY_PT_generate(_Tab, bpy.types.Panel):
    bl_label = "Generate"

    def draw(self, context: bpy.types.Context) -> None:
        if RUNTIME.busy:
            row = self.layout.row(align=True)
            row.scale_y = 1.5
            row.progress(factor=RUNTIME.fraction, text=RUNTIME.stage)
            row.operator("gaitway.cancel", text="", icon="X")
        else:
            row = self.layout.row()
            row.scale_y = 1.5
            row.operator("gaitway.generate", icon="ARMATURE_DATA")
        if RUNTIME.error is not None:
            message, hint = RUNTIME.error
            box = self.layout.box()
            _paragraph(box, context, message, "ERROR")
            if hint:
                _paragraph(box, context, hint, "BLANK1")
        elif RUNTIME.report:
            box = self.layout.box()
            for number, line in enumerate(RUNTIME.report):
                _paragraph(box, context, line, "BLANK1" if number else "CHECKMARK")
        header, body = self.layout.panel("gaitway_options", default_closed=True)
        header.label(text="Options")
        if body is not None:
            self.options(body, context)

    @classmethod
    def options(cls, layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        column = cls.column(layout)
        column.prop(settings, "refine")
        column.prop(settings, "plant_feet")
        column.prop(settings, "seed")
        column.prop(settings, "variations")
        column.prop(settings, "steps")


CLASSES = (
    GAITWAY_UL_controls,
    GAITWAY_PT_engine,
    GAITWAY_PT_character,
    GAITWAY_PT_prompt,
    GAITWAY_PT_controls,
    GAITWAY_PT_generate,
)
