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
        "An empty that is displayed as a sphere is a ball, or a capsule when it is stretched; all else is a box",
    ),
    ("SPHERE", "Sphere", "The smallest ball around the object's middle that holds all of it"),
    ("BOX", "Box", "The object's own bounding box, turned as the object is"),
    ("CAPSULE", "Capsule", "A rod with round ends along the object's longest side that holds all of it"),
]


class GaitwayObstacle(bpy.types.PropertyGroup):
    """One solid in the way."""

    target: PointerProperty(
        type=bpy.types.Object,
        name="Object",
        description="An empty or a solid object; it counts as it stands where the motion begins",
    )
    enabled: BoolProperty(name="Use", default=True, description="Keep out of this obstacle when the motion is made")
    shape: EnumProperty(items=SHAPE_ITEMS, name="Shape", default="AUTO", description="What stands for the object")
    margin: FloatProperty(
        name="Margin",
        default=0.1,
        min=0.0,
        precision=3,
        subtype="DISTANCE",
        description="Distance that the middle of each joint keeps from the obstacle: about half a limb's thickness",
    )


CLASSES = (GaitwayObstacle,)
