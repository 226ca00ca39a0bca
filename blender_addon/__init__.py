# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaitway for Blender: draw a path, type a sentence, get keyframes on your own armature.

``import blender_addon`` outside Blender only gives access to ``blender_addon.shared``; bpy is imported inside
``register``.
"""

from __future__ import annotations


def register() -> None:
    """Register every class, handler and timer of the add-on with Blender."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Undo :func:`register`, in reverse order."""
    from . import registration

    registration.unregister()
