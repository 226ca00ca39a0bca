# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""The history of what was made: one line a take, kept in the scene. What a take was made of lies with its Action."""

from __future__ import annotations

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)


class GaitwayTake(bpy.types.PropertyGroup):
    """One motion that was made. The pointer keeps its Action in the file, whether a character plays it or not."""

    action: PointerProperty(type=bpy.types.Action, name="Action", description="The keys of this take")
    character: PointerProperty(type=bpy.types.Object, name="Character", description="The armature it was made for")
    before: PointerProperty(
        type=bpy.types.Action, name="Before", description="What the character played before; Discard brings it back"
    )
    accepted: BoolProperty(name="Accepted", default=False, description="Kept; Discard does not touch it")
    generation: StringProperty(description="The takes of one press of the button share it")
    variation: IntProperty(description="Which of the motions of one press this is, from 0")
    prompt: StringProperty(name="Prompt", description="What the character was asked to do")
    seed: IntProperty(name="Seed", description="The seed of the request")
    settings: StringProperty(description="All settings of the request, as JSON")
    frame_start: IntProperty(name="Start", description="First frame that was keyed")
    frame_end: IntProperty(name="End", description="Last frame that was keyed")
    is_measured: BoolProperty(default=False, description="Whether it was measured on the character itself")
    average: FloatProperty(name="Average", description="Distance from the controls in metres, on average")
    percentile95: FloatProperty(name="95th Percentile", description="Distance in metres that 95 % of the keys keep")
    worst: FloatProperty(name="Worst", description="Largest distance from a control in metres")
    worst_frame: FloatProperty(name="Worst Frame", description="Frame of the largest distance")
    worst_joint: StringProperty(name="Worst Joint", description="Joint with the largest distance")
    drift: FloatProperty(name="Foot Drift", description="How far a standing foot slides at worst, in metres")
    drift_frame: FloatProperty(name="Drift Frame", description="Frame at which a foot has slid farthest")
    entered: FloatProperty(name="Obstacle Entered", description="How deep a joint is in an obstacle, in metres")
    entered_frame: FloatProperty(name="Obstacle Frame", description="Frame at which a joint is deepest in an obstacle")


class GaitwayTakes(bpy.types.PropertyGroup):
    """The history, oldest first."""

    items: CollectionProperty(type=GaitwayTake)
    active: IntProperty(name="Active Take", default=0)
    range_start: IntProperty(name="From", default=30, description="First frame that is made anew")
    range_end: IntProperty(name="To", default=60, description="Last frame that is made anew")


CLASSES = (GaitwayTake, GaitwayTakes)
