# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to this computer rather than to a scene: how the engine is started, found, and where it writes its
log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import bpy

PACKAGE = __package__
LOG_NAME = "engine.log"


class Preferences(Protocol):
    """What the add-on's preferences hold."""

    engine_command: str
    autostart: bool
    connection_file: str
    log_directory: str


def get(context: bpy.types.Context | None = None) -> Preferences:
    """The add-on's preferences."""
    return (context or bpy.context).preferences.addons[PACKAGE].preferences


def log_path(preferences: Preferences) -> Path:
    """Where the engine writes its log; the folder is made when it is not there."""
    if preferences.log_directory:
        folder = Path(bpy.path.abspath(preferences.log_directory))
        folder.mkdir(parents=True, exist_ok=True)
    elif PACKAGE.startswith("bl_ext."):
        folder = Path(bpy.utils.extension_path_user(PACKAGE, path="logs", create=True))
    else:  # run from a source folder: extension_path_user knows extensions only
        folder = Path(bpy.utils.user_resource("DATAFILES", path="gaitway", create=True))
    return folder / LOG_NAME


def connection_path(preferences: Preferences) -> Path | None:
    """The chosen connection file, or None for the usual place."""
    return Path(bpy.path.abspath(preferences.connection_file)) if preferences.connection_file else None
