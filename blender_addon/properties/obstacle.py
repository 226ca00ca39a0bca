# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""One obstacle: an object that no joint of the character may enter."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, PointerProperty

SHAPE_ITEMS = [
    (
        "AUTO",
        "As Displayed",
        "An empty displayed as a sphere is a sphere, or a capsule if it is stretched; anything else is a box",
    ),
    ("SPHERE", "Sphere", "The smallest sphere around the object's centre that contains it"),
    ("BOX", "Box", "The object's own bounding box, with the object's rotation"),
    ("CAPSULE", "Capsule", "A rod with round ends along the object's longest side that contains it"),
]


class GaitwayObstacle(bpy.types.PropertyGroup):
    """One solid that joints keep out of."""

    target: PointerProperty(
        type=bpy.types.Object,
        name="Object",
        description="An empty or a solid object, taken at its position on the motion's first frame",
    )
    enabled: BoolProperty(name="Use", default=True, description="Avoid this obstacle when generating")
    shape: EnumProperty(items=SHAPE_ITEMS, name="Shape", default="AUTO", description="The shape used for the object")
    margin: FloatProperty(
        name="Margin",
        default=0.1,
        min=0.0,
        precision=3,
        subtype="DISTANCE",
        description="Distance to keep between the centre of each joint and the obstacle: about half a limb's thickness",
    )


CLASSES = (GaitwayObstacle,)
