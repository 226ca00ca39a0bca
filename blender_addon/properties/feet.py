# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""What must not be lost on the way to the character: standing feet, and controls that are hit."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty

FLOOR_ITEMS = [
    ("AUTO", "Automatic", "The floor that the character stands on at rest"),
    ("HEIGHT", "Height", "A floor at a height of the scene"),
    ("NONE", "None", "No floor: feet stand as high as the motion brings them"),
]


class GaitwayFeet(bpy.types.PropertyGroup):
    """How the character's own feet and hands are held to what was asked."""

    lock: BoolProperty(
        name="Lock Feet",
        default=True,
        description="Feet that stand do not move, whatever the character's proportions; legs are bent for it",
    )
    floor: EnumProperty(items=FLOOR_ITEMS, name="Floor", default="AUTO", description="What standing feet stand on")
    floor_height: FloatProperty(
        name="Floor Height", default=0.0, subtype="DISTANCE", description="Height of the floor in the scene"
    )
    hit_controls: BoolProperty(
        name="Hit Controls",
        default=True,
        description="Bring the character's own joints to their controls, whatever the length of its limbs",
    )


CLASSES = (GaitwayFeet,)
