# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""How many keys a motion gets, and where they go."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

SPACING_ITEMS = [
    ("EVERY", "Every Frame", "A key on every frame: exactly the motion that was made"),
    ("STEP", "Every Few Frames", "A key every few frames, and a smooth curve between; quick movements are cut short"),
    ("SPARSE", "As Few as Possible", "Few keys with handles, placed so that no bone is farther off than the bound"),
]


class GaitwayKeys(bpy.types.PropertyGroup):
    """What the animator gets to edit."""

    spacing: EnumProperty(items=SPACING_ITEMS, name="Keys", default="EVERY", description="How many keys are set")
    step: IntProperty(
        name="Step", default=4, min=2, soft_max=24, description="A key every so many frames; controls get their own"
    )
    bound: FloatProperty(
        name="Bound (cm)",
        default=0.5,
        min=0.05,
        soft_max=5.0,
        precision=2,
        description="How far any bone may be from the motion that was made, in centimetres, at any frame",
    )


CLASSES = (GaitwayKeys,)
