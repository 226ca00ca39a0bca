# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""One prompt of several, and its frames."""

from __future__ import annotations

import bpy
from bpy.props import IntProperty, StringProperty


class GaitwayPromptBlock(bpy.types.PropertyGroup):
    """What the character does from one frame to another."""

    text: StringProperty(
        name="Prompt",
        default="a person walks forward.",
        description="What the character does in these frames, as one sentence in the present tense",
    )
    frame_start: IntProperty(name="Start", default=1, description="First frame of this prompt")
    frame_end: IntProperty(
        name="End",
        default=60,
        description="Last frame of this prompt; it continues until the next prompt begins",
    )


CLASSES = (GaitwayPromptBlock,)
