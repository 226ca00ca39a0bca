# SPDX-License-Identifier: GPL-3.0-or-later
"""What the character does, from when and for how long: the prompts, drawn in the panel with the button."""

from __future__ import annotations

import bpy

from .. import compat
from ..app.engine import ENGINE
from ..capture.kinds import ControlKind, kind_of
from ..capture.timing import scene_fps
from ..shared.errors import BadRequest
from .prompt_suggestions import suggestions
from .sidebar import ActiveList, RemoveRowOperator, ReportingOperator, RowList, Tab, paragraph

PROMPT_LIST = ActiveList("prompt_blocks", "active_prompt", "a prompt")
COLUMN_LINES = 26
"""Of the menu of prompts."""
NEW_BLOCK_S = 3.0
"""Length of a prompt that is added."""


class GAITWAY_OT_prompt_add(ReportingOperator, bpy.types.Operator):
    """Add a prompt that begins where the last one ends"""

    bl_idname = "gaitway.prompt_add"
    bl_label = "Add Prompt"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        blocks = settings.prompt_blocks
        start = max([settings.start_frame, *(block.frame_end for block in blocks)])
        text = blocks[-1].text if blocks else settings.prompt
        block = blocks.add()
        block.text = text
        block.frame_start = start
        block.frame_end = start + round(NEW_BLOCK_S * scene_fps(context.scene))
        settings.active_prompt = len(blocks) - 1


class GAITWAY_OT_prompt_remove(RemoveRowOperator, bpy.types.Operator):
    """Remove the prompt from the list"""

    bl_idname = "gaitway.prompt_remove"
    bl_label = "Remove Prompt"
    rows = PROMPT_LIST


class GAITWAY_OT_prompt_use(ReportingOperator, bpy.types.Operator):
    """Use this sentence as the prompt"""

    bl_idname = "gaitway.prompt_use"
    bl_label = "Use Prompt"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}
    failure_level = "WARNING"

    text: bpy.props.StringProperty(name="Prompt")  # type: ignore[valid-type]

    def run(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        block = PROMPT_LIST.active(context)
        if settings.prompt_mode == "ONE":
            settings.prompt = self.text
        elif block is not None:
            block.text = self.text
        else:
            raise BadRequest("The list of prompts is empty.", "Add a prompt to it first.")


class GAITWAY_MT_prompts(bpy.types.Menu):
    """Sentences that work well, by what they are about"""

    bl_idname = "GAITWAY_MT_prompts"
    bl_label = "Example Prompts"

    def draw(self, context: bpy.types.Context) -> None:
        groups = suggestions(ENGINE.model, context.scene.gaitway.closeness)
        row = self.layout.row()
        column, lines = row.column(), 0
        for heading, sentences in groups.items():
            if lines:
                if lines + len(sentences) > COLUMN_LINES:
                    column, lines = row.column(), 0
                else:
                    column.separator()
            column.label(text=heading)
            for sentence in sentences:
                shown = sentence.removeprefix("a person ").rstrip(".")
                column.operator("gaitway.prompt_use", text=shown[0].upper() + shown[1:]).text = sentence
            lines += len(sentences) + 1


class GAITWAY_UL_prompts(RowList, bpy.types.UIList):
    """One row a prompt: its frames and its words."""

    @staticmethod
    def draw_row(layout: bpy.types.UILayout, item: bpy.types.PropertyGroup, index: int) -> None:
        split = layout.split(factor=0.3)
        split.label(text=f"{item.frame_start} - {item.frame_end}")
        split.prop(item, "text", text="", emboss=False)


def draw_prompt(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.gaitway
    layout.row().prop(settings, "prompt_mode", expand=True)
    if settings.prompt_mode == "BLOCKS":
        draw_blocks(layout, context)
    else:
        compat.draw_textbox(layout, settings, "prompt")
        layout.menu("GAITWAY_MT_prompts", icon="PRESET")


def draw_blocks(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    PROMPT_LIST.draw(layout, context.scene.gaitway, "GAITWAY_UL_prompts", "gaitway.prompt_add", "gaitway.prompt_remove")
    block = PROMPT_LIST.active(context)
    if block is None:
        paragraph(layout, context, "Add a prompt for each action, in order", "INFO")
        return
    compat.draw_textbox(layout, block, "text")
    layout.menu("GAITWAY_MT_prompts", icon="PRESET")
    frames = Tab.column(layout).column(align=True)
    frames.prop(block, "frame_start")
    frames.prop(block, "frame_end")


def length_source(settings: bpy.types.PropertyGroup) -> str:
    """What sets the length of the motion: "controls", "prompts" or "seconds"."""
    has_controls = any(
        control.enabled and kind_of(control) is not ControlKind.RELATIVE for control in settings.controls
    )
    if settings.length_mode == "SECONDS" or not (has_controls or settings.prompt_mode == "BLOCKS"):
        return "seconds"
    return "controls" if has_controls else "prompts"


def length_label(settings: bpy.types.PropertyGroup) -> str:
    """The header of the section of the length."""
    source = length_source(settings)
    return f"Length: {settings.seconds:.1f} s" if source == "seconds" else f"Length: from the {source}"


def draw_length(column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.gaitway
    column.prop(settings, "length_mode")
    if length_source(settings) == "seconds":
        column.prop(settings, "seconds")
    for name in ("start_frame", "start_here", "loop"):
        column.prop(settings, name)


CLASSES = (
    GAITWAY_OT_prompt_add,
    GAITWAY_OT_prompt_remove,
    GAITWAY_OT_prompt_use,
    GAITWAY_MT_prompts,
    GAITWAY_UL_prompts,
)
