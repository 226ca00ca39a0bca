# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring in a motion of another tool: by the button, by File > Import, or by dropping the file into the viewport."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy_extras.io_utils import ImportHelper

from ..app import import_motion as bring_in
from ..app.generation import GENERATION
from ..shared.errors import GaitwayError


class GAITWAY_OT_bring_in(bpy.types.Operator, ImportHelper):
    """Put a motion from a file of joints onto the character, as a take"""

    bl_idname = "gaitway.bring_in"
    bl_label = "Import Joints"
    bl_options = {"REGISTER"}  # the keys come later, with an undo step of their own

    filename_ext = ".npz"
    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default=";".join(f"*{suffix}" for suffix in bring_in.SUFFIXES), options={"HIDDEN"}
    )
    check_extension = None

    sample: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Sample", default=0, min=0, description="Which motion of the file, counted from 0"
    )
    frame_rate: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Frame Rate",
        default=0.0,
        min=0.0,
        max=1000.0,
        description="Frames a second of the file; 0 takes what the file says, and 20 when it does not",
    )
    at_character: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="At the Character",
        default=True,
        description="Start where the character stands and the way it looks, instead of where the file has it",
    )
    on_floor: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="On the Floor", default=True, description="Put the lowest point of the motion on the floor"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if GENERATION.busy:
            cls.poll_message_set("A motion is being made")
            return False
        if context.scene.gaitway.character is None:
            cls.poll_message_set("Choose an armature under Character")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bring_in.is_importable(self.filepath):  # dropped: only the options are asked for
            return context.window_manager.invoke_props_dialog(self)
        return ImportHelper.invoke(self, context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        options = bring_in.ImportOptions(
            Path(bpy.path.abspath(self.filepath)), self.sample, self.frame_rate, self.at_character, self.on_floor
        )
        try:
            GENERATION.import_motion(context, options)
        except GaitwayError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class GAITWAY_FH_joints(bpy.types.FileHandler):
    """A file of joints that is dropped into a 3D viewport"""

    bl_idname = "GAITWAY_FH_joints"
    bl_label = "Gaitway Joints"
    bl_import_operator = "gaitway.bring_in"
    bl_file_extensions = ";".join(bring_in.SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


def add_menu() -> None:
    """The line in File > Import."""
    bpy.types.TOPBAR_MT_file_import.append(_draw)


def remove_menu() -> None:
    """Undo :func:`add_menu`."""
    bpy.types.TOPBAR_MT_file_import.remove(_draw)


def _draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator("gaitway.bring_in", text="Joints onto the Gaitway Character (.npz, .npy, .pkl)")


CLASSES = (GAITWAY_OT_bring_in, GAITWAY_FH_joints)
