# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of takes and what can be done with them."""

from __future__ import annotations

import bpy

from ..takes import history as takes
from .sidebar import Tab, centimetres, paragraph


class GAITWAY_UL_takes(bpy.types.UIList):
    """One line a take: shown or not, kept or not, what it is, how near it came."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: object,
        item: bpy.types.PropertyGroup,
        icon: int,
        active_data: object,
        active_property: str,
        index: int = 0,
    ) -> None:
        row = layout.row(align=True)
        plays = item.action is not None and takes.played(item.character) == item.action
        shown = row.operator("gaitway.take_show", text="", icon="HIDE_OFF" if plays else "HIDE_ON", emboss=False)
        shown.index = index
        name = item.action.name if item.action is not None else item.name
        split = row.split(factor=0.72)
        split.label(text=name.removeprefix("Gaitway: "), icon="CHECKMARK" if item.accepted else "NONE")
        if item.action is None:
            split.label(text="deleted", icon="ERROR")
        else:
            split.label(text=centimetres(item.average) if item.is_measured and item.worst_joint else "")


class GAITWAY_PT_takes(Tab, bpy.types.Panel):
    bl_label = "Takes"

    def draw(self, context: bpy.types.Context) -> None:
        history = context.scene.gaitway.takes
        if not history.items:
            paragraph(self.layout, context, "Every motion that is made comes here", "INFO")
            return
        row = self.layout.row()
        row.template_list("GAITWAY_UL_takes", "", history, "items", history, "active", rows=3)
        buttons = row.column(align=True)
        buttons.operator("gaitway.take_repeat", text="", icon="FILE_REFRESH")
        buttons.operator("gaitway.take_restore", text="", icon="LOOP_BACK")
        buttons.operator("gaitway.take_remove", text="", icon="REMOVE")
        take = takes.active(context.scene)
        if take is not None:
            column = self.column(self.layout)
            column.label(text=f"Seed {take.seed}, frames {take.frame_start} to {take.frame_end}")
            anew = self.layout.column(align=True)
            row = anew.row(align=True)
            row.prop(history, "range_start")
            row.prop(history, "range_end")
            anew.operator("gaitway.take_regenerate", icon="CON_ACTION")


def draw_decision(layout: bpy.types.UILayout, index: int) -> None:
    """The buttons for a take that is neither kept nor thrown away yet."""
    row = layout.row(align=True)
    row.scale_y = 1.3
    row.operator("gaitway.take_accept", text="Accept", icon="CHECKMARK").index = index
    push = row.operator("gaitway.take_accept", text="To NLA", icon="NLA_PUSHDOWN")
    push.index, push.to_nla = index, True
    into = row.operator("gaitway.take_accept", text="", icon="ACTION")
    into.index, into.into_action = index, True
    row.operator("gaitway.take_discard", text="Discard", icon="TRASH").index = index


CLASSES = (GAITWAY_UL_takes, GAITWAY_PT_takes)
