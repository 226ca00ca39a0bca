# SPDX-License-Identifier: GPL-3.0-or-later
"""How near the motion came on the character itself, and what of it the viewport shows."""

from __future__ import annotations

import bpy

from .. import takes
from ..looking import LOOKING
from .tab import Tab, paragraph


class GAITWAY_PT_seeing(Tab, bpy.types.Panel):
    bl_label = "Accuracy"

    def draw(self, context: bpy.types.Context) -> None:
        shown = takes.shown(context.scene)
        if shown is None:
            paragraph(self.layout, context, "The character plays no take", "INFO")
        elif LOOKING.is_looking or not shown.is_measured:
            paragraph(self.layout, context, "Measuring on the character", "SORTTIME")
        else:
            self.figures(self.layout, shown)
        options = context.scene.gaitway.overlay
        header, body = self.layout.panel("gaitway_overlay", default_closed=True)
        header.prop(options, "show")
        if body is not None:
            body.active = options.show
            flow = body.grid_flow(columns=2, even_columns=True)
            for name in ("paths", "ticks", "contacts", "ghosts", "in_front"):
                flow.prop(options, name)

    @staticmethod
    def figures(layout: bpy.types.UILayout, take: bpy.types.PropertyGroup) -> None:
        """Distances on the rig in centimetres; a click on one goes to its frame."""
        column = layout.column(align=True)
        if take.worst_joint:
            row = column.row()
            row.label(text="From the controls")
            row.label(text=f"{take.average * 100:.1f} cm, 95 % below {take.percentile95 * 100:.1f}")
            joint = take.worst_joint.replace("_", " ")
            row = column.row()
            row.label(text=f"Worst, {joint}")
            go = row.operator(
                "gaitway.go_to_frame", text=f"{take.worst * 100:.1f} cm at {take.worst_frame:.0f}", icon="VIEWZOOM"
            )
            go.frame = take.worst_frame
        row = column.row()
        row.label(text="Foot drift")
        go = row.operator(
            "gaitway.go_to_frame", text=f"{take.drift * 100:.1f} cm at {take.drift_frame:.0f}", icon="VIEWZOOM"
        )
        go.frame = take.drift_frame


CLASSES = (GAITWAY_PT_seeing,)
