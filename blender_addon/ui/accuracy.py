# SPDX-License-Identifier: GPL-3.0-or-later
"""How close the motion came to its controls on the character itself, and what of it the viewport shows."""

from __future__ import annotations

import bpy

from ..app.viewport import TAKE_OBSERVER
from ..shared.skeleton import joint_label
from ..takes import fault_words, history
from .sidebar import Tab, centimetres, paragraph

SLIDING = fault_words.WORDS["slide"].label


class GAITWAY_OT_go_to_frame(bpy.types.Operator):
    """Go to this frame"""

    bl_idname = "gaitway.go_to_frame"
    bl_label = "Go to Frame"
    bl_options = {"REGISTER", "UNDO"}

    frame: bpy.props.FloatProperty(options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.frame_set(round(self.frame))
        return {"FINISHED"}


class GAITWAY_PT_accuracy(Tab, bpy.types.Panel):
    bl_label = "Accuracy"

    def draw(self, context: bpy.types.Context) -> None:
        shown = history.shown(context.scene)
        if shown is None:
            paragraph(self.layout, context, "The character is not playing a take", "INFO")
        elif TAKE_OBSERVER.is_observing or not shown.is_measured:
            paragraph(self.layout, context, "Measuring on the character", "SORTTIME")
        else:
            if shown.broken:
                paragraph(self.layout, context, shown.broken, "ERROR")
            draw_figures(self.layout, shown)
        options = context.scene.gaitway.overlay
        header, body = self.layout.panel("gaitway_overlay", default_closed=True)
        header.prop(options, "show")
        if body is not None:
            body.active = options.show
            flow = body.grid_flow(columns=2, even_columns=True)
            for name in ("paths", "ticks", "contacts", "ghosts", "obstacles", "in_front"):
                flow.prop(options, name)


def draw_figures(layout: bpy.types.UILayout, take: bpy.types.PropertyGroup) -> None:
    """Distances on the rig in centimetres; a click on one goes to its frame."""
    column = layout.column(align=True)
    if take.worst_joint:
        for name, value in (("Average", take.average), ("95 % within", take.percentile95)):
            row = column.row()
            row.label(text=name)
            row.label(text=centimetres(value))
        _draw_jump(column, f"Worst, {joint_label(take.worst_joint)}", centimetres(take.worst), take.worst_frame)
    _draw_jump(column, SLIDING, centimetres(take.drift), take.drift_frame)
    if take.entered > 0:
        _draw_jump(column, "Inside an obstacle", centimetres(take.entered), take.entered_frame)
    for fault in take.faults:
        if fault.name != SLIDING:
            _draw_jump(column, fault.name, fault.amount, fault.frame)


def _draw_jump(layout: bpy.types.UILayout, name: str, amount: str, frame: float) -> None:
    """How much it is and a button to the frame where it occurs."""
    row = layout.row()
    row.label(text=name)
    button = row.operator("gaitway.go_to_frame", text=f"{amount} at {frame:.0f}", icon="VIEWZOOM")
    button.frame = frame


CLASSES = (GAITWAY_OT_go_to_frame, GAITWAY_PT_accuracy)
