# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""One control: what leads which joint of the character, and how closely."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ..shared.skeleton import SKELETON

JOINT_ITEMS = [
    (name, name.replace("_", " ").title(), f"The control leads the character's {name.replace('_', ' ')}")
    for name in SKELETON.names
]

HEIGHT_ITEMS = [
    ("AUTO", "Automatic", "Hips move above a control that lies on the floor; all else moves as drawn"),
    ("FLOOR", "On the floor", "The joint moves above the control, as high as it is when the character stands"),
    ("DRAWN", "As drawn", "The joint moves exactly where the control is"),
]


class GaitwayControl(bpy.types.PropertyGroup):
    """One wish: this object, curve or bone leads that joint of the character."""

    target: PointerProperty(
        type=bpy.types.Object,
        name="Object",
        description="A keyframed empty or object, a curve to walk along, or an armature whose bone leads the joint",
    )
    bone: StringProperty(name="Bone", description="Bone of the armature; its keyed frames are the wishes")
    joint: EnumProperty(
        items=JOINT_ITEMS, name="Joint", default="pelvis", description="Joint of the character that follows the control"
    )
    enabled: BoolProperty(name="Use", default=True, description="Follow this control when the motion is made")
    height: EnumProperty(
        items=HEIGHT_ITEMS, name="Height", default="AUTO", description="How high above the control the joint moves"
    )
    frame_start: IntProperty(
        name="Start", default=1, description="Frame at which the character is at the curve's beginning"
    )
    frame_end: IntProperty(name="End", default=120, description="Frame at which the character is at the curve's end")


CLASSES = (GaitwayControl,)
