# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""One control: which joint of the character follows what, when, and how closely."""

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
from ..shared.skeleton import SKELETON, joint_label

JOINT_ITEMS = [
    (name, joint_label(name).title(), f"The character's {joint_label(name)} follows the control")
    for name in SKELETON.names
]

RELATIVE_ITEMS = [
    ("WORLD", "The World", "The joint moves to the control's position"),
    *(
        (name, joint_label(name).title(), f"The joint keeps an offset from the {joint_label(name)}")
        for name in SKELETON.names
    ),
]

HEIGHT_ITEMS = [
    (
        "AUTO",
        "Automatic",
        "Hips move above a path that is on the ground, level or not, and as drawn along one at the height of hips; "
        "other joints move as drawn",
    ),
    ("FLOOR", "On the Ground", "The joint moves above the control, at its standing height"),
    ("DRAWN", "As Drawn", "The joint moves exactly to the control's position"),
]

TIMES_ITEMS = [
    ("KEYS", "At Keyframes", "The joint reaches the control at the control's keyframes and is free between them"),
    ("BETWEEN", "First to Last Keyframe", "The joint follows the control from its first to its last keyframe"),
    (
        "RANGE",
        "Start to End",
        "The joint follows the control from the start to the end frame, keyed or not",
    ),
]

PACE_ITEMS = [
    ("EVEN", "Even", "The same speed from start to end"),
    ("EASE_IN", "Ease In", "Start from standing and speed up"),
    ("EASE_OUT", "Ease Out", "Slow down to a stop at the end"),
    ("EASE", "Ease In and Out", "Speed up at the start and slow down to a stop at the end"),
    (
        "ANIMATED",
        "As Animated",
        "Follow the curve's keyed Evaluation Time, like an object with a Follow Path constraint",
    ),
]

FACING_ITEMS = [
    (
        "PROMPT",
        "Along the Path",
        "The character faces its direction of travel, unless the prompt says that it walks backward or sideways",
        "",
        6,
    ),
    ("FREE", "Free", "The motion decides the facing; it starts along the path", "", 0),
    ("AHEAD", "Always Forward", "The character faces its direction of travel, whatever the prompt says", "", 1),
    ("BACK", "Backward", "The character moves backward", "", 2),
    ("LEFT", "Sidestep Left", "The character moves sideways, to its left", "", 3),
    ("RIGHT", "Sidestep Right", "The character moves sideways, to its right", "", 4),
    ("OBJECT", "As the Object", "The character faces along the -Y axis of the control's object", "", 5),
]
"""With the numbers that stand for them in files."""

FOLLOW_ITEMS = [
    ("EXACT", "Exactly", "The joint reaches the control exactly"),
    ("TOLERANCE", "Within a Tolerance", "The joint stays within the tolerance of the control, and is free inside it"),
    ("LOOSE", "Loosely", "The control is a guide; the motion follows it as far as it looks natural"),
]


def _take_offset(control: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """A joint that is set to follow another starts with their current offset, where there is one."""
    from ..capture.relative_targets import offset_now

    if control.relative_to != "WORLD":
        with suppress(GaitwayError):
            control.offset = offset_now(control)


def _joint_changed(control: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    if control.target is None:
        _take_offset(control, context)


GROUND_TYPES = {"MESH", "CURVE", "SURFACE", "FONT", "META", "EMPTY"}


def _can_be_ground(_control: bpy.types.PropertyGroup, target: bpy.types.Object) -> bool:
    return target.type in GROUND_TYPES


class GaitwayControl(bpy.types.PropertyGroup):
    """This object, curve or bone leads that joint of the character."""

    target: PointerProperty(
        type=bpy.types.Object,
        name="Object",
        description="A keyframed empty or object, a curve or stroke to move along, or an armature with a bone",
    )
    bone: StringProperty(name="Bone", description="Bone of the armature that the joint follows")
    joint: EnumProperty(
        items=JOINT_ITEMS,
        name="Joint",
        default="pelvis",
        update=_joint_changed,
        description="Joint of the character that follows the control",
    )
    enabled: BoolProperty(name="Use", default=True, description="Use this control when generating")
    relative_to: EnumProperty(
        items=RELATIVE_ITEMS,
        name="Relative To",
        default="WORLD",
        update=_take_offset,
        description="Keep an offset from another joint from start to end, like a hand on the hip",
    )
    offset: FloatVectorProperty(
        name="Offset",
        size=3,
        precision=3,
        subtype="XYZ_LENGTH",
        description="From the other joint to this one, relative to the character's facing: X left, Y back, Z up",
    )
    height: EnumProperty(
        items=HEIGHT_ITEMS, name="Height", default="AUTO", description="How high above the control the joint moves"
    )
    ground: PointerProperty(
        type=bpy.types.Object,
        name="Ground",
        poll=_can_be_ground,
        description="Object that the path leads over, with all objects parented to it, such as stairs or a landscape. "
        "Without one the ground is as high as the path itself",
    )
    times: EnumProperty(
        items=TIMES_ITEMS, name="Times", default="KEYS", description="When the joint follows the control"
    )
    along_lines: BoolProperty(
        name="Along Its Lines",
        default=False,
        description="Move along the object's strokes, hair curves or edges, as along a curve; "
        "otherwise the joint follows the object itself",
    )
    frame_start: IntProperty(
        name="Start",
        default=1,
        description="First frame of the control; the start of a curve",
    )
    frame_end: IntProperty(name="End", default=120, description="Last frame of the control; the end of a curve")
    pace: EnumProperty(
        items=PACE_ITEMS, name="Speed", default="EVEN", description="How the speed along the curve changes"
    )
    ease: FloatProperty(
        name="Ease Time",
        default=1.0,
        min=0.0,
        soft_max=5.0,
        precision=1,
        subtype="TIME_ABSOLUTE",
        description="Seconds of speeding up or slowing down",
    )
    from_standing: BoolProperty(
        name="From Standing",
        default=False,
        description="Start the path from a stand: the speed rises during the first steps. "
        "No effect in a loop, or where another control of the hips comes before",
    )
    to_standing: BoolProperty(
        name="To Standing",
        default=False,
        description="Come to a stand at the end of the path: the speed falls during the last steps. "
        "No effect in a loop, or where another control of the hips comes after",
    )
    reverse: BoolProperty(name="Reverse", default=False, description="Follow the curve from its end to its start")
    spline: IntProperty(
        name="Spline",
        default=0,
        min=0,
        description="Which spline, stroke or hair to follow, counted from 1; 0 follows all in order, "
        "in a straight line from each to the next",
    )
    facing: EnumProperty(
        items=FACING_ITEMS,
        name="Facing",
        default="FREE",
        description="Which direction the character faces along the path",
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
        description="Largest distance of the joint from the control",
    )
    slack: IntProperty(
        name="Time Slack",
        default=0,
        min=0,
        soft_max=24,
        description="How many frames early or late the joint may arrive",
    )
    use_frames: BoolProperty(
        name="Only at Frames", default=False, description="Apply the control at the listed frames only"
    )
    frames: StringProperty(
        name="Frames",
        default="",
        description="Frames at which the control applies, single frames or ranges: 1, 25, 60-90",
    )


def add_control(settings: bpy.types.PropertyGroup) -> GaitwayControl:
    """A new row at the end of the list of controls, as animators get it today. The defaults of the properties are
    other ones: they hold for the controls of files that were saved before there was this choice.
    """
    control = settings.controls.add()
    control.facing = "PROMPT"
    control.from_standing = control.to_standing = True
    return control


CLASSES = (GaitwayControl,)
