# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""Whether the motion is updated while controls are dragged."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty


class GaitwayLive(bpy.types.PropertyGroup):
    """Switch of the live mode."""

    enabled: BoolProperty(
        name="Live",
        default=False,
        description=(
            "Preview the motion as ghosts while a path or a pin is moved, and generate it when you stop. "
            "Moving a pin at one of its keyframes updates that keyframe"
        ),
    )


CLASSES = (GaitwayLive,)
