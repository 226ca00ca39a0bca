# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""The settings of a motion as a whole."""

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

from ..shared.skeleton import MAX_SECONDS
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
    ("BLOCKS", "Prompt List", "A list of sentences, each with its own frames"),
]

LENGTH_ITEMS = [
    (
        "CONTROLS",
        "From Controls",
        "Until the last control or the last prompt of the list ends; without either, the length in Seconds",
    ),
    ("SECONDS", "Seconds", "A fixed length in seconds"),
]


def _is_armature(_settings: bpy.types.PropertyGroup, candidate: bpy.types.Object) -> bool:
    return candidate.type == "ARMATURE"


class GaitwaySettings(bpy.types.PropertyGroup):
    """Which character moves, what it does, for how long, and along what."""

    character: PointerProperty(
        type=bpy.types.Object, name="Character", poll=_is_armature, description="The armature to animate"
    )
    prompt: StringProperty(
        name="Prompt",
        default="a person walks forward.",
        description="What the character does, as one sentence in the present tense: a person walks slowly and waves.",
    )
    prompt_mode: EnumProperty(
        items=PROMPT_ITEMS,
        name="Prompts",
        default="ONE",
        description="One sentence for the whole motion, or a list of sentences with frames",
    )
    prompt_blocks: CollectionProperty(type=GaitwayPromptBlock)
    active_prompt: IntProperty(name="Active Prompt", default=0)
    length_mode: EnumProperty(
        items=LENGTH_ITEMS, name="Length", default="CONTROLS", description="What sets the length of the motion"
    )
    seconds: FloatProperty(
        name="Seconds",
        default=5.0,
        min=0.5,
        soft_max=9.8,
        max=MAX_SECONDS,
        precision=1,
        description="Length of the motion in seconds",
    )
    loop: BoolProperty(
        name="Loop",
        default=False,
        description="Make the last frame flow into the first, with the same pose and speed",
    )
    start_frame: IntProperty(name="Start Frame", default=1, description="Scene frame at which the motion begins")
    start_here: BoolProperty(
        name="Start from Here",
        default=True,
        description="Start at the character's position, if it can reach the controls in time",
    )
    seed: IntProperty(
        name="Seed",
        default=0,
        min=0,
        description="Random seed; a different seed gives a different motion, the same seed the same motion",
    )
    steps: IntProperty(
        name="Steps",
        default=0,
        min=0,
        max=50,
        description="Sampling steps: more are slower and finer; 0 uses the model's default",
    )
    closeness: FloatProperty(
        name="Closeness to Captured Motion",
        default=1.0,
        min=0.0,
        max=1.0,
        precision=2,
        subtype="FACTOR",
        description="How readily captured motion is used: at 1 always, from the clips closest to the prompt; at 0 "
        "never, all comes from the neural network; between them only where a clip is close enough to the prompt",
    )
    variations: IntProperty(
        name="Variations",
        default=1,
        min=1,
        max=8,
        description="Number of motions to generate; each becomes an Action, the one closest to the controls is shown",
    )
    plant_feet: BoolProperty(
        name="Plant Feet",
        default=True,
        description="Keep planted feet still, add steps where they would slide, and lift swinging feet",
    )
    refine: BoolProperty(
        name="Refine",
        default=True,
        description="Follow the controls more closely after sampling; takes a little longer",
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
