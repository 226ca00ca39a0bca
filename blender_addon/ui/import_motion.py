# SPDX-License-Identifier: GPL-3.0-or-later
"""Import a motion of another tool: by the button, by File > Import, or by dropping the file into the viewport."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy_extras.io_utils import ImportHelper

from ..app import import_motion
from ..app.generation import GENERATION
from .generate import generation_blocked
from .sidebar import ReportingOperator


class GAITWAY_OT_import_motion(ReportingOperator, bpy.types.Operator, ImportHelper):
    """Import a motion from a file of joint positions and key it on the character as a take"""

    bl_idname = "gaitway.import_motion"
    bl_label = "Import Joints"
    bl_options = {"REGISTER"}  # the keys come later, with an undo step of their own

    filename_ext = ".npz"
    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default=";".join(f"*{suffix}" for suffix in import_motion.SUFFIXES), options={"HIDDEN"}
    )
    check_extension = None

    sample: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Sample", default=0, min=0, description="Which motion of the file to import, counted from 0"
    )
    frame_rate: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Frame Rate",
        default=0.0,
        min=0.0,
        max=1000.0,
        description="Frames per second of the file; 0 uses the rate stored in the file, or 20 if there is none",
    )
    at_character: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="At the Character",
        default=True,
        description="Start at the character's position and facing instead of those in the file",
    )
    on_floor: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="On the Floor", default=True, description="Move the lowest point of the motion onto the floor"
    )

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        return generation_blocked(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if import_motion.is_importable(self.filepath):  # dropped: only the options are asked for
            return context.window_manager.invoke_props_dialog(self)
        return ImportHelper.invoke(self, context, event)

    def run(self, context: bpy.types.Context) -> None:
        path = Path(bpy.path.abspath(self.filepath))
        options = import_motion.ImportOptions(path, self.sample, self.frame_rate, self.at_character, self.on_floor)
        GENERATION.import_motion(context, options)


class GAITWAY_FH_joints(bpy.types.FileHandler):
    """A file of joint positions that is dropped into a 3D viewport"""

    bl_idname = "GAITWAY_FH_joints"
    bl_label = "Gaitway Joints"
    bl_import_operator = "gaitway.import_motion"
    bl_file_extensions = ";".join(import_motion.SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


def add_menu() -> None:
    """Add the line to File > Import."""
    bpy.types.TOPBAR_MT_file_import.append(_draw)


def remove_menu() -> None:
    """Undo :func:`add_menu`."""
    bpy.types.TOPBAR_MT_file_import.remove(_draw)


def _draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator("gaitway.import_motion", text="Gaitway Joint Positions (.npz, .npy, .pkl)")


CLASSES = (GAITWAY_OT_import_motion, GAITWAY_FH_joints)
