# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's data-blocks by their session uid, which undo and renaming keep; a pointer does not outlive an undo."""

from __future__ import annotations

from typing import TypeVar

import bpy

from .shared.errors import RetargetError

DataBlock = TypeVar("DataBlock")


def object_by_uid(uid: int) -> bpy.types.Object | None:
    """The object that had this ``session_uid``, whatever it is called now; None when it is gone."""
    return next((candidate for candidate in bpy.data.objects if candidate.session_uid == uid), None)


def action_by_uid(uid: int) -> bpy.types.Action | None:
    """The Action that had this ``session_uid``, whatever it is called now; None when it is gone, and for 0."""
    return next((action for action in bpy.data.actions if action.session_uid == uid), None) if uid else None


def scene_by_uid(uid: int) -> bpy.types.Scene | None:
    """The scene that had this ``session_uid``, whatever it is called now; None when it is gone."""
    return next((scene for scene in bpy.data.scenes if scene.session_uid == uid), None)


def require_existing(found: DataBlock | None) -> DataBlock:
    """A data-block that was looked up again while keys are being set. Raises RetargetError when it is gone."""
    if found is None:
        raise RetargetError(
            "The motion was undone while its keys were being set.",
            "Generate again; the same seed gives the same motion.",
        )
    return found
