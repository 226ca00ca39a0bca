# SPDX-License-Identifier: GPL-3.0-or-later
"""How near the motion came on the character itself, and what of it the viewport shows."""

from __future__ import annotations

import bpy

from ..app.viewport import TAKE_OBSERVER
from ..takes import history as takes
from .sidebar import Tab, centimetres, paragraph


class GAITWAY_PT_seeing(Tab, bpy.types.Panel):
    bl_label = "Accuracy"

    def draw(self, context: bpy.types.Context) -> None:
        shown = takes.shown(context.scene)
        if shown is None:
            paragraph(self.layout, context, "The character plays no take", "INFO")
        elif TAKE_OBSERVER.is_observing or not shown.is_measured:
            paragraph(self.layout, context, "Measuring on the character", "SORTTIME")
        else:
            self.figures(self.layout, shown)
        options = context.scene.gaitway.overlay
        header, body = self.layout.panel("gaitway_overlay", default_closed=True)
        header.prop(options, "show")
        if body is not None:
            body.active = options.show
            flow = body.grid_flow(columns=2, even_columns=True)
            for name in ("paths", "ticks", "contacts", "ghosts", "obstacles", "in_front"):
                flow.prop(options, name)

    @classmethod
    def figures(cls, layout: bpy.types.UILayout, take: bpy.types.PropertyGroup) -> None:
        """Distances on the rig in centimetres; a click on one goes to its frame."""
        column = layout.column(align=True)
        if take.worst_joint:
            for name, value in (("Average", take.average), ("95 % within", take.percentile95)):
                row = column.row()
                row.label(text=name)
                row.label(text=centimetres(value))
            cls.jump(column, f"Worst, {take.worst_joint.replace('_', ' ')}", take.worst, take.worst_frame)
        cls.jump(column, "Foot drift", take.drift, take.drift_frame)
        if take.entered > 0:
            cls.jump(column, "In an obstacle", take.entered, take.entered_frame)

    @staticmethod
    def jump(layout: bpy.types.UILayout, name: str, value: float, frame: float) -> None:
        """A distance in metres and a button to the frame at which it is met."""
        row = layout.row()
        row.label(text=name)
        button = row.operator("gaitway.go_to_frame", text=f"{centimetres(value)} at {frame:.0f}", icon="VIEWZOOM")
        button.frame = frame


CLASSES = (GAITWAY_PT_seeing,)
