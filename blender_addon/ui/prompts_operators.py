# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of prompts, and the menu of what the model knows."""

from __future__ import annotations

import bpy

from ..app.engine import ENGINE
from .prompt_suggestions import suggestions

BLOCK_SECONDS = 3.0
"""How long a prompt that is added holds at first."""


class GAITWAY_OT_prompt_add(bpy.types.Operator):
    """Add a prompt that begins where the last one ends"""

    bl_idname = "gaitway.prompt_add"
    bl_label = "Add Prompt"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        settings = scene.gaitway
        blocks = settings.prompt_blocks
        begin = max([settings.start_frame, *(block.frame_end for block in blocks)])
        text = blocks[-1].text if blocks else settings.prompt
        block = blocks.add()
        block.text = text
        block.frame_start = begin
        block.frame_end = begin + round(BLOCK_SECONDS * scene.render.fps / scene.render.fps_base)
        settings.active_prompt = len(blocks) - 1
        return {"FINISHED"}


class GAITWAY_OT_prompt_remove(bpy.types.Operator):
    """Take the prompt out of the list"""

    bl_idname = "gaitway.prompt_remove"
    bl_label = "Remove Prompt"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.gaitway.prompt_blocks:
            cls.poll_message_set("There is no prompt in the list")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.gaitway
        if settings.active_prompt >= len(settings.prompt_blocks):
            self.report({"WARNING"}, "Choose a prompt in the list")
            return {"CANCELLED"}
        settings.prompt_blocks.remove(settings.active_prompt)
        settings.active_prompt = max(0, min(settings.active_prompt, len(settings.prompt_blocks) - 1))
        return {"FINISHED"}


class GAITWAY_OT_prompt_use(bpy.types.Operator):
    """Let the character do this"""

    bl_idname = "gaitway.prompt_use"
    bl_label = "Use Prompt"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    text: bpy.props.StringProperty(name="Prompt")  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.gaitway
        if settings.prompt_mode == "ONE":
            settings.prompt = self.text
        elif 0 <= settings.active_prompt < len(settings.prompt_blocks):
            settings.prompt_blocks[settings.active_prompt].text = self.text
        else:
            self.report({"WARNING"}, "Add a prompt to the list first")
            return {"CANCELLED"}
        return {"FINISHED"}


class GAITWAY_MT_prompts(bpy.types.Menu):
    """Sentences that the engine's model has learned from motion capture"""

    bl_idname = "GAITWAY_MT_prompts"
    bl_label = "What the Model Knows"

    def draw(self, context: bpy.types.Context) -> None:
        known = suggestions(ENGINE.model)
        for number, (heading, sentences) in enumerate(known.items()):
            if number:
                self.layout.separator()
            self.layout.label(text=heading)
            for sentence in sentences:
                self.layout.operator("gaitway.prompt_use", text=sentence).text = sentence


CLASSES = (GAITWAY_OT_prompt_add, GAITWAY_OT_prompt_remove, GAITWAY_OT_prompt_use, GAITWAY_MT_prompts)
