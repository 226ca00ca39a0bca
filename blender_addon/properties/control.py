# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""One control: what leads which joint of the character, when, and how closely."""

from __future__ import annotations

from contextlib import suppress

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..shared.errors import GaitwayError
from ..shared.skeleton import SKELETON

JOINT_ITEMS = [
    (name, name.replace("_", " ").title(), f"The control leads the character's {name.replace('_', ' ')}")
    for name in SKELETON.names
]

RELATIVE_ITEMS = [
    ("WORLD", "The World", "The joint comes to where the control is"),
    *(
        (name, name.replace("_", " ").title(), f"The joint keeps its place beside the {name.replace('_', ' ')}")
        for name in SKELETON.names
    ),
]

HEIGHT_ITEMS = [
    ("AUTO", "Automatic", "Hips move above a control that lies on the floor; all else moves as drawn"),
    ("FLOOR", "On the floor", "The joint moves above the control, as high as it is when the character stands"),
    ("DRAWN", "As drawn", "The joint moves exactly where the control is"),
]

TIMES_ITEMS = [
    ("KEYS", "At Keyframes", "The joint comes to the control at the control's keyframes and is free between them"),
    ("BETWEEN", "From First to Last Keyframe", "The joint stays with the control from its first to its last keyframe"),
    (
        "RANGE",
        "From Start to End",
        "The joint stays with the control from the start to the end frame, keyed or not",
    ),
]

PACE_ITEMS = [
    ("EVEN", "Even", "At one speed from the beginning to the end"),
    ("EASE_IN", "From Standing", "Gather speed at the beginning"),
    ("EASE_OUT", "To a Stop", "Lose speed at the end"),
    ("EASE", "From Standing to a Stop", "Gather speed at the beginning and lose it at the end"),
    ("ANIMATED", "As Animated", "As the curve's own Evaluation Time says, like an object that follows the path"),
]

FACING_ITEMS = [
    ("FREE", "Free", "The motion decides which way the character looks; it begins the way the path goes"),
    ("AHEAD", "Along the Path", "The character looks where it goes, all the way"),
    ("BACK", "Backward", "The character goes backward"),
    ("LEFT", "Left Side Ahead", "The character goes sideways, to its left"),
    ("RIGHT", "Right Side Ahead", "The character goes sideways, to its right"),
    ("OBJECT", "As the Object Looks", "The character looks the way the control's object does, along its own -Y axis"),
]

FOLLOW_ITEMS = [
    ("EXACT", "Exactly", "The joint comes exactly to the control"),
    ("TOLERANCE", "Within a Tolerance", "The joint comes as near as the tolerance says, and is free within it"),
    ("LOOSE", "Loosely", "The control shows the way, and the motion takes from it what looks natural"),
]


def _take_offset(control: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """A joint that shall stay with another begins with the offset that the two have now, where that can be told."""
    from ..capture.relative_targets import offset_now

    if control.relative_to != "WORLD":
        with suppress(GaitwayError):
            control.offset = offset_now(control)


def _joint_changed(control: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    if control.target is None:
        _take_offset(control, context)


class GaitwayControl(bpy.types.PropertyGroup):
    """One wish: this object, curve or bone leads that joint of the character."""

    target: PointerProperty(
        type=bpy.types.Object,
        name="Object",
        description="A keyframed empty or object, a curve to walk along, or an armature whose bone leads the joint",
    )
    bone: StringProperty(name="Bone", description="Bone of the armature; its keyed frames are the wishes")
    joint: EnumProperty(
        items=JOINT_ITEMS,
        name="Joint",
        default="pelvis",
        update=_joint_changed,
        description="Joint of the character that follows the control",
    )
    enabled: BoolProperty(name="Use", default=True, description="Follow this control when the motion is made")
    relative_to: EnumProperty(
        items=RELATIVE_ITEMS,
        name="Relative to",
        default="WORLD",
        update=_take_offset,
        description="Let the joint keep its place beside another joint, as a hand on the hip, from start to end",
    )
    offset: FloatVectorProperty(
        name="Offset",
        size=3,
        precision=3,
        subtype="XYZ_LENGTH",
        description="From the other joint to this one as the character looks: X to its left, Y behind it, Z up",
    )
    height: EnumProperty(
        items=HEIGHT_ITEMS, name="Height", default="AUTO", description="How high above the control the joint moves"
    )
    times: EnumProperty(
        items=TIMES_ITEMS, name="Times", default="KEYS", description="When the joint comes to the control"
    )
    frame_start: IntProperty(
        name="Start",
        default=1,
        description="Frame from which the control leads; there a curve begins",
    )
    frame_end: IntProperty(
        name="End", default=120, description="Frame until which the control leads; there a curve ends"
    )
    pace: EnumProperty(
        items=PACE_ITEMS, name="Speed", default="EVEN", description="How fast the curve is walked on its way"
    )
    ease: FloatProperty(
        name="Within",
        default=1.0,
        min=0.0,
        soft_max=5.0,
        precision=1,
        subtype="TIME_ABSOLUTE",
        description="Seconds in which the speed is gathered or lost",
    )
    reverse: BoolProperty(name="Reverse", default=False, description="Walk the curve from its end to its beginning")
    spline: IntProperty(
        name="Spline",
        default=0,
        min=0,
        description="Which of the curve's splines to walk, counted from 1; 0 walks one after the other, "
        "straight from each to the next",
    )
    facing: EnumProperty(
        items=FACING_ITEMS, name="Facing", default="FREE", description="Which way the character looks on its way"
    )
    follow: EnumProperty(
        items=FOLLOW_ITEMS, name="Follow", default="EXACT", description="How closely the joint follows the control"
    )
    tolerance: FloatProperty(
        name="Tolerance",
        default=0.05,
        min=0.0,
        precision=3,
        subtype="DISTANCE",
        description="Distance from the control within which the joint may be anywhere",
    )
    slack: IntProperty(
        name="Time Slack",
        default=0,
        min=0,
        soft_max=24,
        description="Frames by which the joint may come earlier or later to the control, where the motion is better so",
    )
    use_frames: BoolProperty(name="Only at Frames", default=False, description="Follow the control at some frames only")
    frames: StringProperty(
        name="Frames",
        default="",
        description="Frames at which the control counts, one by one or from - to: 1, 25, 60-90",
    )


CLASSES = (GaitwayControl,)
