# SPDX-License-Identifier: GPL-3.0-or-later
"""The button, what it is at, what came of it, and its options."""

from __future__ import annotations

import bpy

from .. import takes
from ..runtime import RUNTIME
from .tab import Tab, paragraph


class GAITWAY_PT_generate(Tab, bpy.types.Panel):
    bl_label = "Generate"

    def draw(self, context: bpy.types.Context) -> None:
        if RUNTIME.busy:
            row = self.layout.row(align=True)
            row.scale_y = 1.5
            remaining = RUNTIME.remaining
            left = "" if remaining is None else f", {max(1, round(remaining))} s left"
            row.progress(factor=RUNTIME.fraction, text=RUNTIME.stage + left)
            row.operator("gaitway.cancel", text="", icon="X")
        else:
            row = self.layout.row(align=True)
            row.scale_y = 1.5
            row.operator("gaitway.generate", icon="ARMATURE_DATA")
            row.prop(context.scene.gaitway.live, "enabled", text="", icon="REC", toggle=True)
            row.operator("gaitway.bring_in", text="", icon="IMPORT")
        if RUNTIME.error is not None:
            message, hint = RUNTIME.error
            box = self.layout.box()
            paragraph(box, context, message, "ERROR")
            if hint:
                paragraph(box, context, hint, "BLANK1")
        elif RUNTIME.report and takes.has(context.scene, RUNTIME.request_id):
            box = self.layout.box()
            for number, line in enumerate(RUNTIME.report):
                paragraph(box, context, line, "BLANK1" if number else "CHECKMARK")
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


CLASSES = (GAITWAY_PT_generate,)
