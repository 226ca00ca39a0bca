# SPDX-License-Identifier: GPL-3.0-or-later
"""Who moves and what they do, the button, what it is at, what came of it: all that every motion needs, in one place.

What is set more seldom stands below in sections of its own.
"""

from __future__ import annotations

import bpy

from ..app.engine import ENGINE
from ..app.generation import GENERATION
from ..takes import history as takes
from .prompts import draw_length, draw_prompt, told_length
from .sidebar import Tab, paragraph
from .takes import draw_decision


class GAITWAY_PT_generate(Tab, bpy.types.Panel):
    bl_label = "Generate"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        self.column(self.layout.column()).prop(settings, "character")
        if settings.character is None:
            paragraph(self.layout, context, "Choose the armature that shall move", "INFO")
        draw_prompt(self.layout, context)
        if GENERATION.busy:
            draw_progress(self.layout)
        else:
            row = self.layout.row(align=True)
            row.scale_y = 1.5
            row.operator("gaitway.generate", icon="ARMATURE_DATA")
            row.prop(settings.live, "enabled", text="", icon="REC", toggle=True)
            row.operator("gaitway.bring_in", text="", icon="IMPORT")
            draw_outcome(self.layout, context)
        row = self.layout.row(align=True)
        row.prop(settings, "seed")
        row.prop(settings, "variations")
        for name, label, draw in (("length", told_length(settings), draw_length), ("options", "Options", draw_options)):
            header, body = self.layout.panel(f"gaitway_{name}", default_closed=True)
            header.label(text=label)
            if body is not None:
                draw(self.column(body), context)


def draw_progress(layout: bpy.types.UILayout) -> None:
    """How far the motion is, and the way out."""
    row = layout.row(align=True)
    row.scale_y = 1.5
    remaining = GENERATION.remaining
    left = "" if remaining is None else f", {max(1, round(remaining))} s left"
    made = GENERATION.seconds_done
    what = GENERATION.step_label if made is None else f"{made[0]:.0f} of {made[1]:.0f} s made"
    row.progress(factor=GENERATION.fraction, text=what + left)
    row.operator("gaitway.cancel", text="", icon="X")


def draw_outcome(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What went wrong, or what was made; and what to do with a take that nobody has decided on yet."""
    if GENERATION.error is not None:
        message, hint = GENERATION.error
        box = layout.box()
        paragraph(box, context, message, "ERROR")
        if hint:
            paragraph(box, context, hint, "BLANK1")
        if not ENGINE.is_up:
            box.operator("gaitway.engine_start", icon="PLAY")
    elif GENERATION.report and takes.has(context.scene, GENERATION.delivered_id):
        box = layout.box()
        for number, line in enumerate(GENERATION.report):
            paragraph(box, context, line, "BLANK1" if number else "CHECKMARK")
    shown = takes.shown(context.scene)
    if shown is not None and not shown.accepted:
        draw_decision(layout, takes.index_of(context.scene, shown))


def draw_options(column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.gaitway
    for name in ("refine", "plant_feet", "steps"):
        column.prop(settings, name)


CLASSES = (GAITWAY_PT_generate,)
