# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of takes: show them, keep them, discard them, generate them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..app.generation import GENERATION
from ..shared.errors import BadRequest
from ..takes import history
from .sidebar import ReportingOperator, RowList, Tab, centimetres, paragraph

if TYPE_CHECKING:
    from ..properties.take import GaitwayTake


FEW_CLIPS = 3
"""As many captions are listed; more are folded away."""


class _TakeOperator(ReportingOperator):
    """An operator on the take at ``index`` of the list, on the active one when that is -1."""

    bl_options = {"REGISTER", "UNDO"}

    index: bpy.props.IntProperty(default=-1, options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        if GENERATION.busy:
            return "A motion is being generated; wait for it or cancel it"
        return "There is no take yet: generate a motion" if history.active(context.scene) is None else None

    def run(self, context: bpy.types.Context) -> str | None:
        takes = context.scene.gaitway.takes
        index = takes.active if self.index < 0 else self.index
        if index >= len(takes.items):
            raise BadRequest(f"There is no take number {index + 1}.", f"Choose one of the {len(takes.items)} takes.")
        return self.run_on(context, takes.items[index])

    def run_on(self, context: bpy.types.Context, take: GaitwayTake) -> str | None:
        """Do the work for ``take``; as :meth:`run`."""
        raise NotImplementedError


class GAITWAY_OT_take_show(_TakeOperator, bpy.types.Operator):
    """Play this take on the character"""

    bl_idname = "gaitway.take_show"
    bl_label = "Show Take"

    def run_on(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        history.show_take(context.scene, take)


class GAITWAY_OT_take_accept(_TakeOperator, bpy.types.Operator):
    """Keep this take"""

    bl_idname = "gaitway.take_accept"
    bl_label = "Accept Take"

    to_nla: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Push Down to NLA",
        default=False,
        options={"SKIP_SAVE"},
        description="Push the take down to the character's NLA tracks as a new strip",
    )
    into_action: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Into the Action",
        default=False,
        options={"SKIP_SAVE"},
        description="Insert the keys into the character's previous Action, replacing only the keys of the animated "
        "bones in the take's frame range",
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """Its buttons lie side by side and differ by their tooltips."""
        if properties.to_nla:
            return "Keep the take as a strip on the character's NLA tracks; the next take is played on top of it"
        if properties.into_action:
            return (
                "Keep the take by inserting its keys into the character's previous Action; only the keys of the "
                "animated bones in the take's frame range are replaced"
            )
        return "Keep the take as the character's active Action"

    def run_on(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        if self.into_action:
            history.accept_into_action(take)
        else:
            history.accept(context.scene, take, self.to_nla)


class GAITWAY_OT_take_discard(_TakeOperator, bpy.types.Operator):
    """Discard this take and its other variations and restore the previous animation"""

    bl_idname = "gaitway.take_discard"
    bl_label = "Discard Take"

    def run_on(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        history.discard(context.scene, take)
        GENERATION.forget()


class GAITWAY_OT_take_remove(_TakeOperator, bpy.types.Operator):
    """Delete this take and its Action"""

    bl_idname = "gaitway.take_remove"
    bl_label = "Remove Take"

    def run_on(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        history.remove_takes(context.scene, [take])


class GAITWAY_OT_take_restore(_TakeOperator, bpy.types.Operator):
    """Restore the prompt, seed, controls and options of this take"""

    bl_idname = "gaitway.take_restore"
    bl_label = "Restore Settings"

    def run_on(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        missing = history.restore_settings(context.scene, take)
        if missing:
            self.report({"WARNING"}, f"No longer in the file: {', '.join(missing)}")


class GAITWAY_OT_take_repeat(_TakeOperator, bpy.types.Operator):
    """Generate this take again with its own settings, ignoring the current ones"""

    bl_idname = "gaitway.take_repeat"
    bl_label = "Repeat Take"
    bl_options = {"REGISTER"}  # the keys come later, with an undo step of their own

    def run_on(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        GENERATION.repeat(context, take)


class GAITWAY_OT_take_regenerate(_TakeOperator, bpy.types.Operator):
    """Regenerate the frame range as a new take and keep the rest. Change the prompt or the seed for another motion"""

    bl_idname = "gaitway.take_regenerate"
    bl_label = "Regenerate Range"
    bl_options = {"REGISTER"}  # the keys come later, with an undo step of their own

    def run_on(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        history.show_take(context.scene, take)
        takes = context.scene.gaitway.takes
        GENERATION.regenerate(context, take, takes.range_start, takes.range_end)


class GAITWAY_UL_takes(RowList, bpy.types.UIList):
    """One row a take: shown or not, accepted or not, its name, how close it came."""

    @staticmethod
    def draw_row(layout: bpy.types.UILayout, item: bpy.types.PropertyGroup, index: int) -> None:
        row = layout.row(align=True)
        plays = item.action is not None and history.played(item.character) == item.action
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
        takes = context.scene.gaitway.takes
        if not takes.items:
            paragraph(self.layout, context, "Every generated motion is listed here", "INFO")
            return
        row = self.layout.row()
        row.template_list("GAITWAY_UL_takes", "", takes, "items", takes, "active", rows=3)
        buttons = row.column(align=True)
        buttons.operator("gaitway.take_repeat", text="", icon="FILE_REFRESH")
        buttons.operator("gaitway.take_restore", text="", icon="LOOP_BACK")
        buttons.operator("gaitway.take_remove", text="", icon="REMOVE")
        take = history.active(context.scene)
        if take is not None:
            column = self.column(self.layout)
            column.label(text=f"Seed {take.seed}, frames {take.frame_start} to {take.frame_end}")
            draw_origin(self.layout, context, take)
            section = self.layout.column(align=True)
            row = section.row(align=True)
            row.prop(takes, "range_start")
            row.prop(takes, "range_end")
            section.operator("gaitway.take_regenerate", icon="CON_ACTION")


def draw_origin(layout: bpy.types.UILayout, context: bpy.types.Context, take: bpy.types.PropertyGroup) -> None:
    """Of which captured clips a take was made and whose they are; what to know when none was near its prompt."""
    if take.notice:
        paragraph(layout, context, take.notice, "INFO")
    if len(take.clips) > FEW_CLIPS:
        header, body = layout.panel("gaitway_take_clips", default_closed=True)
        header.label(text=f"Captured clips of {len(take.clips)} kinds")
    else:
        body = layout if len(take.clips) else None
        if take.origin and body is None:
            layout.label(text=take.origin)
    if body is None:
        return
    column = body.column(align=True)
    for clip in take.clips:
        row = column.split(factor=0.82)
        row.label(text=clip.name, icon="ARMATURE_DATA")
        row.label(text=f"{clip.seconds:.1f} s")
    paragraph(body, context, f"Captured by {take.credits}", "COPY_ID")


def draw_decision(layout: bpy.types.UILayout, index: int) -> None:
    """The buttons for a take that is neither accepted nor discarded yet."""
    row = layout.row(align=True)
    row.scale_y = 1.3
    row.operator("gaitway.take_accept", text="Accept", icon="CHECKMARK").index = index
    push = row.operator("gaitway.take_accept", text="To NLA", icon="NLA_PUSHDOWN")
    push.index, push.to_nla = index, True
    into = row.operator("gaitway.take_accept", text="", icon="ACTION")
    into.index, into.into_action = index, True
    row.operator("gaitway.take_discard", text="Discard", icon="TRASH").index = index


CLASSES = (
    GAITWAY_OT_take_show,
    GAITWAY_OT_take_accept,
    GAITWAY_OT_take_discard,
    GAITWAY_OT_take_remove,
    GAITWAY_OT_take_restore,
    GAITWAY_OT_take_repeat,
    GAITWAY_OT_take_regenerate,
    GAITWAY_UL_takes,
    GAITWAY_PT_takes,
)
