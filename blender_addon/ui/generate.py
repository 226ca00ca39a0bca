# SPDX-License-Identifier: GPL-3.0-or-later
"""Which character moves and what it does, the button, progress and outcome: all that every motion needs, in one place.

What is set less often has sections of its own below.
"""

from __future__ import annotations

import bpy

from ..app.engine import ENGINE
from ..app.generation import GENERATION
from ..takes import history
from .prompts import draw_length, draw_prompt, length_label
from .sidebar import ReportingOperator, Tab, paragraph
from .takes import draw_decision


def generation_blocked(context: bpy.types.Context) -> str | None:
    """Why no motion can be put onto the scene's character now, None when one can."""
    if GENERATION.busy:
        return "A motion is being generated; wait for it or cancel it"
    return "Choose an armature under Character" if context.scene.gaitway.character is None else None


class GAITWAY_OT_generate(ReportingOperator, bpy.types.Operator):
    """Generate a motion that follows the prompt and the controls, and key it on the character"""

    bl_idname = "gaitway.generate"
    bl_label = "Generate Motion"

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        return generation_blocked(context)

    def run(self, context: bpy.types.Context) -> None:
        GENERATION.generate(context)


class GAITWAY_OT_cancel(ReportingOperator, bpy.types.Operator):
    """Cancel generating; the character keeps its previous animation"""

    bl_idname = "gaitway.cancel"
    bl_label = "Cancel Motion"

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        # Also what keeps the Escape key free for everything else while nothing is generated.
        return None if GENERATION.busy else "No motion is being generated"

    def run(self, context: bpy.types.Context) -> None:
        GENERATION.cancel()


class GAITWAY_PT_generate(Tab, bpy.types.Panel):
    bl_label = "Generate"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.gaitway
        self.column(self.layout.column()).prop(settings, "character")
        if settings.character is None:
            paragraph(self.layout, context, "Choose the armature to animate", "INFO")
        draw_prompt(self.layout, context)
        if GENERATION.busy:
            draw_progress(self.layout)
        else:
            row = self.layout.row(align=True)
            row.scale_y = 1.5
            row.operator("gaitway.generate", icon="ARMATURE_DATA")
            row.prop(settings.live, "enabled", text="", icon="REC", toggle=True)
            row.operator("gaitway.import_motion", text="", icon="IMPORT")
            draw_outcome(self.layout, context)
        row = self.layout.row(align=True)
        row.prop(settings, "seed")
        row.prop(settings, "variations")
        for name, label, draw in (
            ("length", length_label(settings), draw_length),
            ("options", "Options", draw_options),
        ):
            header, body = self.layout.panel(f"gaitway_{name}", default_closed=True)
            header.label(text=label)
            if body is not None:
                draw(self.column(body), context)


def draw_progress(layout: bpy.types.UILayout) -> None:
    """How far the motion is, and the button to cancel it."""
    row = layout.row(align=True)
    row.scale_y = 1.5
    remaining = GENERATION.remaining
    left = "" if remaining is None else f", {max(1, round(remaining))} s left"
    done = GENERATION.seconds_done
    step = GENERATION.step_label if done is None else f"{done[0]:.0f} of {done[1]:.0f} s done"
    row.progress(factor=GENERATION.fraction, text=step + left)
    row.operator("gaitway.cancel", text="", icon="X")


def draw_outcome(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What went wrong, or what was generated; and the buttons for a take that is not accepted or discarded yet."""
    if GENERATION.error is not None:
        message, hint = GENERATION.error
        box = layout.box()
        paragraph(box, context, message, "ERROR")
        if hint:
            paragraph(box, context, hint, "BLANK1")
        if not ENGINE.is_up:
            box.operator("gaitway.engine_start", icon="PLAY")
    elif GENERATION.report and history.has(context.scene, GENERATION.delivered_id):
        box = layout.box()
        for number, line in enumerate(GENERATION.report):
            paragraph(box, context, line, "BLANK1" if number else "ERROR" if GENERATION.looks_broken else "CHECKMARK")
        if GENERATION.notice:
            paragraph(box, context, GENERATION.notice, "INFO")
    shown = history.shown(context.scene)
    if shown is not None and not shown.accepted:
        draw_decision(layout, history.index_of(context.scene, shown))


def draw_options(column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.gaitway
    wide = column.column()
    wide.use_property_split = False  # its name needs the whole width
    wide.prop(settings, "closeness", slider=True)
    for name in ("refine", "plant_feet", "steps"):
        column.prop(settings, name)


CLASSES = (GAITWAY_OT_generate, GAITWAY_OT_cancel, GAITWAY_PT_generate)
