# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""How many keys a motion gets, and where they go."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

SPACING_ITEMS = [
    ("EVERY", "Every Frame", "A key on every frame: exactly the generated motion"),
    ("STEP", "Every Few Frames", "A key every few frames with smooth interpolation; quick movements lose detail"),
    ("SPARSE", "As Few as Possible", "Few keys with handles, placed so that every bone stays within the error bound"),
]


class GaitwayKeys(bpy.types.PropertyGroup):
    """How densely the motion is keyed."""

    spacing: EnumProperty(items=SPACING_ITEMS, name="Keys", default="EVERY", description="How many keys are inserted")
    step: IntProperty(
        name="Step",
        default=4,
        min=2,
        soft_max=24,
        description="Frames between keys; the keyframes of controls get their own keys",
    )
    bound: FloatProperty(
        name="Error Bound (cm)",
        default=0.5,
        min=0.05,
        soft_max=5.0,
        precision=2,
        description="Largest distance of any bone from the generated motion, in centimetres, at any frame",
    )


CLASSES = (GaitwayKeys,)
