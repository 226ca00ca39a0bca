# SPDX-License-Identifier: GPL-3.0-or-later
"""Go and look where a motion is worst."""

from __future__ import annotations

import bpy


class GAITWAY_OT_go_to_frame(bpy.types.Operator):
    """Put the playhead on this frame"""

    bl_idname = "gaitway.go_to_frame"
    bl_label = "Go to Frame"
    bl_options = {"REGISTER", "UNDO"}

    frame: bpy.props.FloatProperty(options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.frame_set(round(self.frame))
        return {"FINISHED"}


CLASSES = (GAITWAY_OT_go_to_frame,)
