# SPDX-License-Identifier: GPL-3.0-or-later
"""What the animator sets, kept in the scene and therefore in the .blend file and its undo history.

Read it as ``scene.gaitway``. Nothing about a running request stands here: an undo must not bring an old progress bar
back. One group of properties a file; a group that another holds is registered before it.
"""

from __future__ import annotations

import bpy

from . import character as rig
from . import control, feet, keys, live, obstacle, overlay, prompt, settings, take

CLASSES = (
    *rig.CLASSES,
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
    rig.add()
    bpy.types.Scene.gaitway = bpy.props.PointerProperty(type=settings.GaitwaySettings)


def remove_settings() -> None:
    """Undo :func:`add_settings`; what files hold stays in them."""
    del bpy.types.Scene.gaitway
    rig.remove()
