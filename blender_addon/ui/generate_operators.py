# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask for a motion, and think better of it."""

from __future__ import annotations

import bpy

from ..app.generation import GENERATION
from ..shared.errors import GaitwayError


class GAITWAY_OT_generate(bpy.types.Operator):
    """Make a motion that follows the prompt and the controls, and put it onto the character as keyframes"""

    bl_idname = "gaitway.generate"
    bl_label = "Generate Motion"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if GENERATION.busy:
            cls.poll_message_set("A motion is being made")
            return False
        if context.scene.gaitway.character is None:
            cls.poll_message_set("Choose an armature under Character")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            GENERATION.generate(context)
        except GaitwayError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class GAITWAY_OT_cancel(bpy.types.Operator):
    """Stop making the motion; the character keeps what it had"""

    bl_idname = "gaitway.cancel"
    bl_label = "Cancel Motion"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        # Also what keeps the Escape key free for everything else while nothing is being made.
        if not GENERATION.busy:
            cls.poll_message_set("No motion is being made")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        GENERATION.cancel()
        return {"FINISHED"}


CLASSES = (GAITWAY_OT_generate, GAITWAY_OT_cancel)
