# SPDX-License-Identifier: GPL-3.0-or-later
"""What every panel of the tab shares: its place, its columns, its wrapped text."""

from __future__ import annotations

import textwrap

import bpy


class Tab:
    """Where every panel of Gaitway stands."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Gaitway"

    @staticmethod
    def column(layout: bpy.types.UILayout) -> bpy.types.UILayout:
        layout.use_property_split = True
        layout.use_property_decorate = False
        return layout.column()


def centimetres(metres: float) -> str:
    """A distance as animators read it: millimetres count below a centimetre, and nothing beyond."""
    return f"{metres * 100:.2f} cm" if metres < 0.01 else f"{metres * 100:.1f} cm"


def paragraph(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """``text`` in lines that fit the sidebar; Blender's labels do not wrap."""
    width = context.region.width if context.region else 300
    scale = context.preferences.system.ui_scale or 1.0  # 0 until a window has been drawn
    characters = max(20, int(width / (7 * scale)) - 5)
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, characters)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")
