# SPDX-License-Identifier: GPL-3.0-or-later
"""What the animator sets, kept in the scene, its .blend file and its undo history: data and bounds only.

Read it as ``scene.gaitway``. Nothing about a running request is kept here: an undo must not bring an old progress bar
back. One group of properties a file; a group that another holds is registered before it.

The names of properties and enum items are the file format of saved scenes: they stay, whatever the tab calls them.
"""

from __future__ import annotations

import bpy

from . import character, control, feet, keys, live, obstacle, overlay, prompt, settings, take

CLASSES = (
    *character.CLASSES,
    *control.CLASSES,
    *obstacle.CLASSES,
    *feet.CLASSES,
    *keys.CLASSES,
    *prompt.CLASSES,
    *take.CLASSES,
    *overlay.CLASSES,
    *live.CLASSES,
    *settings.CLASSES,
)


def add_settings() -> None:
    """Give every scene its settings, and every character its own."""
    character.add_to_objects()
    bpy.types.Scene.gaitway = bpy.props.PointerProperty(type=settings.GaitwaySettings)


def remove_settings() -> None:
    """Undo :func:`add_settings`; what files hold stays in them."""
    del bpy.types.Scene.gaitway
    character.remove_from_objects()
