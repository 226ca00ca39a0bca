# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""What the viewport shows of a motion."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import BoolProperty

ON_CHANGE: list[Callable[[bpy.types.Scene], None]] = []
"""Called with the scene when a switch is changed; filled by who draws, since this room knows nothing of drawing."""


def _changed(_overlay: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    for callback in ON_CHANGE:
        callback(context.scene)


class GaitwayOverlay(bpy.types.PropertyGroup):
    """Switches of the overlay."""

    show: BoolProperty(
        name="Overlay", default=True, update=_changed, description="Show the requested and the resulting motion"
    )
    paths: BoolProperty(
        name="Paths", default=True, update=_changed, description="The requested path and the resulting one"
    )
    ticks: BoolProperty(
        name="Error Ticks",
        default=True,
        update=_changed,
        description="Distance of the joint from each key: green below 2 cm, red from 5 cm",
    )
    contacts: BoolProperty(
        name="Foot Contacts",
        default=True,
        update=_changed,
        description="Where feet are planted, and how much they slide",
    )
    ghosts: BoolProperty(
        name="Ghosts", default=True, update=_changed, description="Poses of a take that has not been accepted yet"
    )
    obstacles: BoolProperty(
        name="Obstacles",
        default=True,
        update=_changed,
        description="The shapes used for the obstacles, with their margins",
    )
    in_front: BoolProperty(
        name="In Front", default=True, update=_changed, description="Draw in front of everything else in the viewport"
    )


CLASSES = (GaitwayOverlay,)
