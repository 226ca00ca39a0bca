# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""What is corrected for the character's own proportions: feet on the ground, and joints at their controls."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty

FLOOR_ITEMS = [
    ("AUTO", "Automatic", "The floor the character stands on in its rest pose"),
    ("HEIGHT", "Height", "A floor at a given height in the scene"),
    ("NONE", "None", "No floor: feet keep the height they have in the motion"),
]


class GaitwayFeet(bpy.types.PropertyGroup):
    """Corrections of the character's own feet and hands."""

    lock: BoolProperty(
        name="Lock Feet",
        default=True,
        description="Keep planted feet from sliding, whatever the character's proportions, by bending the legs",
    )
    floor: EnumProperty(items=FLOOR_ITEMS, name="Floor", default="AUTO", description="The floor for planted feet")
    floor_height: FloatProperty(
        name="Floor Height", default=0.0, subtype="DISTANCE", description="Height of the floor in the scene"
    )
    hit_controls: BoolProperty(
        name="Hit Controls",
        default=True,
        description="Move the character's joints onto their controls, whatever the length of its limbs",
    )


CLASSES = (GaitwayFeet,)
