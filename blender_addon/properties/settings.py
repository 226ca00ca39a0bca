# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""What the scene asks for as a whole."""

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

from .control import GaitwayControl
from .feet import GaitwayFeet
from .keys import GaitwayKeys
from .live import GaitwayLive
from .obstacle import GaitwayObstacle
from .overlay import GaitwayOverlay
from .prompt import GaitwayPromptBlock
from .take import GaitwayTakes

PROMPT_ITEMS = [
    ("ONE", "One Prompt", "One sentence for the whole motion"),
    ("BLOCKS", "Prompts in Turn", "A list of sentences, each for some frames"),
]

LENGTH_ITEMS = [
    (
        "CONTROLS",
        "From Controls",
        "Until the last control and the last prompt of a list end; without either as long as the seconds say",
    ),
    ("SECONDS", "Seconds", "As long as the seconds say"),
]


def _is_armature(_settings: bpy.types.PropertyGroup, candidate: bpy.types.Object) -> bool:
    return candidate.type == "ARMATURE"


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
    prompt_mode: EnumProperty(
        items=PROMPT_ITEMS, name="Prompts", default="ONE", description="One sentence for all, or one after the other"
    )
    prompt_blocks: CollectionProperty(type=GaitwayPromptBlock)
    active_prompt: IntProperty(name="Active Prompt", default=0)
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
    loop: BoolProperty(
        name="Loop",
        default=False,
        description="The last frame goes on into the first: one pose and speed, on a path up to its move and turn",
    )
    start_frame: IntProperty(name="Start Frame", default=1, description="Frame of the scene at which the motion begins")
    start_here: BoolProperty(
        name="Start from Here",
        default=True,
        description="Start where the character stands, when the controls leave it the time to come to theirs",
    )
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
        description="Let standing feet stand still, make steps where they would be dragged, and lift swinging feet",
    )
    refine: BoolProperty(
        name="Refine",
        default=True,
        description="Follow the controls closely after sampling; takes a little longer",
    )
    feet: PointerProperty(type=GaitwayFeet)
    keys: PointerProperty(type=GaitwayKeys)
    controls: CollectionProperty(type=GaitwayControl)
    active_control: IntProperty(name="Active Control", default=0)
    obstacles: CollectionProperty(type=GaitwayObstacle)
    active_obstacle: IntProperty(name="Active Obstacle", default=0)
    takes: PointerProperty(type=GaitwayTakes)
    overlay: PointerProperty(type=GaitwayOverlay)
    live: PointerProperty(type=GaitwayLive)


CLASSES = (GaitwaySettings,)
