# SPDX-License-Identifier: GPL-3.0-or-later
"""What the character does, from when and for how long: parts of the panel with the button."""

from __future__ import annotations

import bpy

from .. import compat
from .sidebar import Tab, paragraph


class GAITWAY_UL_prompts(bpy.types.UIList):
    """One line a prompt: its frames and its words."""

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
        split = layout.split(factor=0.3)
        split.label(text=f"{item.frame_start} - {item.frame_end}")
        split.prop(item, "text", text="", emboss=False)


def draw_prompt(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.gaitway
    layout.row().prop(settings, "prompt_mode", expand=True)
    if settings.prompt_mode == "BLOCKS":
        draw_blocks(layout, context, settings)
    else:
        compat.draw_textbox(layout, settings, "prompt")
        layout.menu("GAITWAY_MT_prompts", icon="PRESET")


def what_ends(settings: bpy.types.PropertyGroup) -> str:
    """What says how long the motion is: "controls", "prompts" or "seconds"."""
    led = any(control.enabled and control.relative_to == "WORLD" for control in settings.controls)
    if settings.length_mode == "SECONDS" or not (led or settings.prompt_mode == "BLOCKS"):
        return "seconds"
    return "controls" if led else "prompts"


def told_length(settings: bpy.types.PropertyGroup) -> str:
    """The length as the header of its section says it."""
    end = what_ends(settings)
    return f"Length: {settings.seconds:.1f} s" if end == "seconds" else f"Length: from the {end}"


def draw_length(column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.gaitway
    column.prop(settings, "length_mode")
    if what_ends(settings) == "seconds":
        column.prop(settings, "seconds")
    column.prop(settings, "start_frame")
    column.prop(settings, "start_here")
    column.prop(settings, "loop")


def draw_blocks(layout: bpy.types.UILayout, context: bpy.types.Context, settings: bpy.types.PropertyGroup) -> None:
    row = layout.row()
    row.template_list("GAITWAY_UL_prompts", "", settings, "prompt_blocks", settings, "active_prompt", rows=3)
    buttons = row.column(align=True)
    buttons.operator("gaitway.prompt_add", text="", icon="ADD")
    buttons.operator("gaitway.prompt_remove", text="", icon="REMOVE")
    if not 0 <= settings.active_prompt < len(settings.prompt_blocks):
        paragraph(layout, context, "Add a prompt for each thing that the character does in turn", "INFO")
        return
    block = settings.prompt_blocks[settings.active_prompt]
    compat.draw_textbox(layout, block, "text")
    layout.menu("GAITWAY_MT_prompts", icon="PRESET")
    column = Tab.column(layout)
    frames = column.column(align=True)
    frames.prop(block, "frame_start")
    frames.prop(block, "frame_end")


CLASSES = (GAITWAY_UL_prompts,)
