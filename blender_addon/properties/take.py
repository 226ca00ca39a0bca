# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""The history of takes: one row a take, kept in the scene. The request of a take is stored with its Action."""

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


class GaitwayTakeClip(bpy.types.PropertyGroup):
    """What one captured clip, or several of one name, show, and how long the motion is made of it."""

    name: StringProperty(name="Clip", description="What the captured clip shows")
    seconds: FloatProperty(name="Seconds", description="How much of the motion it is")


class GaitwayTakeFault(bpy.types.PropertyGroup):
    """What a viewer would see wrong in a take, and where it is worst."""

    name: StringProperty(name="Fault", description="What is to be seen")
    amount: StringProperty(name="Amount", description="How much it is at worst")
    frame: FloatProperty(name="Frame", description="Frame at which it is worst")
    is_broken: BoolProperty(name="Broken", description="Whether it spoils the motion")


class GaitwayTake(bpy.types.PropertyGroup):
    """One generated motion. The pointer keeps its Action in the file, whether a character plays it or not."""

    action: PointerProperty(type=bpy.types.Action, name="Action", description="The keys of this take")
    character: PointerProperty(type=bpy.types.Object, name="Character", description="The armature it was generated for")
    before: PointerProperty(
        type=bpy.types.Action,
        name="Previous Action",
        description="The character's previous Action; Discard restores it",
    )
    accepted: BoolProperty(
        name="Accepted", default=False, description="Accepted; Discard of another take leaves it alone"
    )
    generation: StringProperty(description="Shared by the takes of one request")
    variation: IntProperty(description="Which variation of its request this is, counted from 0")
    prompt: StringProperty(name="Prompt", description="The prompt of the request")
    seed: IntProperty(name="Seed", description="The seed of the request")
    settings: StringProperty(description="All settings of the request, as JSON")
    frame_start: IntProperty(name="Start", description="First keyed frame")
    frame_end: IntProperty(name="End", description="Last keyed frame")
    origin: StringProperty(name="Origin", description="What the motion was made of, in a line")
    clips: CollectionProperty(type=GaitwayTakeClip, description="The captured clips that the motion was made of")
    credits: StringProperty(name="Credits", description="Who captured or made these clips")
    notice: StringProperty(name="Notice", description="What is to know of the prompt, when no captured clip is near")
    is_measured: BoolProperty(default=False, description="Whether the distances were measured on the character")
    average: FloatProperty(name="Average", description="Average distance from the controls, in metres")
    percentile95: FloatProperty(
        name="95th Percentile", description="Distance from the controls, in metres, that 95 % of the keys stay below"
    )
    worst: FloatProperty(name="Worst", description="Largest distance from a control, in metres")
    worst_frame: FloatProperty(name="Worst Frame", description="Frame of the largest distance")
    worst_joint: StringProperty(name="Worst Joint", description="Joint with the largest distance")
    drift: FloatProperty(name="Foot Sliding", description="Largest sliding of a planted foot, in metres")
    drift_frame: FloatProperty(name="Sliding Frame", description="Frame at which a foot has slid farthest")
    entered: FloatProperty(
        name="Obstacle Entered", description="Greatest depth of a joint inside an obstacle, in metres"
    )
    entered_frame: FloatProperty(
        name="Obstacle Frame", description="Frame at which a joint is deepest inside an obstacle"
    )
    faults: CollectionProperty(type=GaitwayTakeFault, description="What a viewer would see wrong, the worst first")
    broken: StringProperty(name="Broken", description="What spoils the motion and what to do; empty for a sound one")


class GaitwayTakes(bpy.types.PropertyGroup):
    """The history, oldest first."""

    items: CollectionProperty(type=GaitwayTake)
    active: IntProperty(name="Active Take", default=0)
    range_start: IntProperty(name="From", default=30, description="First frame to regenerate")
    range_end: IntProperty(name="To", default=60, description="Last frame to regenerate")


CLASSES = (GaitwayTakeClip, GaitwayTakeFault, GaitwayTake, GaitwayTakes)
