# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sections of the tab share: their place in the sidebar, wrapped text, operators that report what is wrong,
and lists with an active row.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import bpy

from ..shared.errors import GaitwayError

CHARACTER_WIDTH_PX = 7
"""Of Blender's interface font at scale 1, on average."""
MIN_LINE_CHARACTERS = 20


class Tab:
    """Where every panel of Gaitway is."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Gaitway"

    @staticmethod
    def column(layout: bpy.types.UILayout) -> bpy.types.UILayout:
        layout.use_property_split = True
        layout.use_property_decorate = False
        return layout.column()


class ReportingOperator:
    """An operator that says why it is greyed out, and reports what goes wrong."""

    failure_level = "ERROR"
    """How an error is reported; Blender raises "ERROR" to scripts and shows "WARNING" only."""

    if TYPE_CHECKING:  # of bpy.types.Operator, which every operator inherits besides
        report: Any
        poll_message_set: Any

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        """Why the operator cannot run now, None when it can."""
        return None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = cls.blocked(context)
        if reason is not None:
            cls.poll_message_set(reason)
        return reason is None

    def run(self, context: bpy.types.Context) -> str | None:
        """Do the work; returns what to report. Raises GaitwayError."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            message = self.run(context)
        except GaitwayError as error:
            self.report({self.failure_level}, str(error))
            return {"CANCELLED"}
        if message:
            self.report({"INFO"}, message)
        return {"FINISHED"}


@dataclass(frozen=True)
class ActiveList:
    """A list of ``scene.gaitway`` with an active row: names of its collection and index, and what a row is called."""

    rows: str
    index: str
    row_name: str

    def active(self, context: bpy.types.Context) -> bpy.types.PropertyGroup | None:
        """The active row, None when the list is empty or none is chosen."""
        settings = context.scene.gaitway
        rows, index = getattr(settings, self.rows), getattr(settings, self.index)
        return rows[index] if 0 <= index < len(rows) else None

    def blocked(self, context: bpy.types.Context) -> str | None:
        """What to say where a row is needed and none is active."""
        return None if self.active(context) is not None else f"Select {self.row_name} in the list"

    def remove(self, context: bpy.types.Context) -> None:
        """Remove the active row; the next one becomes active."""
        settings = context.scene.gaitway
        rows, active = getattr(settings, self.rows), getattr(settings, self.index)
        rows.remove(active)
        setattr(settings, self.index, max(0, min(active, len(rows) - 1)))

    def draw(
        self, layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, kind: str, add: str, remove: str
    ) -> None:
        """The list drawn by the UIList ``kind``, with its buttons to ``add`` and ``remove`` a row beside it."""
        row = layout.row()
        row.template_list(kind, "", settings, self.rows, settings, self.index, rows=3)
        buttons = row.column(align=True)
        buttons.operator(add, text="", icon="ADD")
        buttons.operator(remove, text="", icon="REMOVE")


class ActiveRowOperator(ReportingOperator):
    """An operator on the active row of a list."""

    bl_options = {"REGISTER", "UNDO"}
    rows: ClassVar[ActiveList]

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        return cls.rows.blocked(context)

    def run(self, context: bpy.types.Context) -> str | None:
        return self.run_on(context, self.rows.active(context))

    def run_on(self, context: bpy.types.Context, row: bpy.types.PropertyGroup) -> str | None:
        """Do the work on the active ``row``; as :meth:`run`."""
        raise NotImplementedError


class RemoveRowOperator(ActiveRowOperator):
    """Removes the active row of a list."""

    def run_on(self, context: bpy.types.Context, row: bpy.types.PropertyGroup) -> None:
        self.rows.remove(context)


class RowList:
    """A UIList whose row needs no more than its item: what Blender hands over besides is left aside."""

    @staticmethod
    def draw_row(layout: bpy.types.UILayout, item: bpy.types.PropertyGroup, index: int) -> None:
        raise NotImplementedError

    def draw_item(  # Blender's own signature
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
        self.draw_row(layout, item, index)


def centimetres(metres: float) -> str:
    """A distance as animators read it: with tenths of a millimetre below a centimetre, with millimetres above."""
    return f"{metres * 100:.2f} cm" if metres < 0.01 else f"{metres * 100:.1f} cm"


def paragraph(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """``text`` in lines that fit the sidebar; Blender's labels do not wrap."""
    width = context.region.width if context.region else 300
    scale = context.preferences.system.ui_scale or 1.0  # 0 until a window has been drawn
    characters = max(MIN_LINE_CHARACTERS, int(width / (CHARACTER_WIDTH_PX * scale)) - 5)
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, characters)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")
