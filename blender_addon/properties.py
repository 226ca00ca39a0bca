# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""What the animator sets, kept in the scene and therefore in the .blend file and its undo history.

Read it as ``scene.gaitway``. Nothing about a running request stands here: an undo must not bring an old progress bar
back.
"""

from __future__ import annotations

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .shared.skeleton import SKELETON

JOINT_ITEMS = [
    (name, name.replace("_", " ").title(), f"The control leads the character's {name.replace('_', ' ')}")
    for name in SKELETON.names
]

HEIGHT_ITEMS = [
    ("AUTO", "Automatic", "Hips move above a control that lies on the floor; all else moves as drawn"),
    ("FLOOR", "On the floor", "The joint moves above the control, as high as it is when the character stands"),
    ("DRAWN", "As drawn", "The joint moves exactly where the control is"),
]

LENGTH_ITEMS = [
    ("CONTROLS", "From controls", "Until the last control ends; without controls as long as the seconds say"),
    ("SECONDS", "Seconds", "As long as the seconds say"),
]


def _is_armature(_settings: bpy.types.PropertyGroup, candidate: bpy.types.Object) -> bool:
    return candidate.type == "ARMATURE"


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


class GaitwaySettings(bpy.types.PropertyGroup):
    """The whole order: who moves, what they do, for how long, along what."""

    character: PointerProperty(
        type=bpy.types.Object, name="Character", poll=_is_armature, description="The armature that gets the keyframes"
    )
    prompt: StringProperty(
        name="Prompt",
        default="a person walks forward.",
        description="What the character does, as one sentence in the present tense: a person walks slowly and waves.",
    )
    length_mode: EnumProperty(
        items=LENGTH_ITEMS, name="Length", default="CONTROLS", description="How the length of the motion is set"
    )
    seconds: FloatProperty(
        name="Seconds",
        default=5.0,
        min=0.5,
        soft_max=9.8,
        max=600.0,
        precision=1,
        description="Length of the motion in seconds",
    )
    start_frame: IntProperty(name="Start Frame", default=1, description="Frame of the scene at which the motion begins")
    seed: IntProperty(
        name="Seed",
        default=0,
        min=0,
        description="Another number gives another motion, the same number the same motion",
    )
    steps: IntProperty(
        name="Steps",
        default=0,
        min=0,
        max=50,
        description="Steps of sampling: more are slower and finer; 0 takes the model's own number",
    )
    variations: IntProperty(
        name="Variations",
        default=1,
        min=1,
        max=8,
        description="Motions to make; each becomes an Action, the nearest to the controls is shown",
    )
    plant_feet: BoolProperty(
        name="Plant Feet",
        default=True,
        description="Let standing feet slide less, and lift swinging feet clear of the floor",
    )
    refine: BoolProperty(
        name="Refine",
        default=True,
        description="Follow the controls closely after sampling; takes a little longer",
    )
    controls: CollectionProperty(type=GaitwayControl)
    active_control: IntProperty(name="Active Control", default=0)


CLASSES = (GaitwayControl, GaitwaySettings)


def add_settings() -> None:
    """Give every scene its settings."""
    bpy.types.Scene.gaitway = PointerProperty(type=GaitwaySettings)


def remove_settings() -> None:
    """Undo :func:`add_settings`; what files hold stays in them."""
    del bpy.types.Scene.gaitway
