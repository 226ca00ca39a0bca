# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""Whether the motion follows while controls are dragged."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty


class GaitwayLive(bpy.types.PropertyGroup):
    """Switch of the live mode."""

    enabled: BoolProperty(
        name="Live",
        default=False,
        description=(
            "While a path or a pin is moved, show ghosts of the motion it gives, and make the motion when it rests. "
            "A pin that is moved at one of its keys takes the key along"
        ),
    )


CLASSES = (GaitwayLive,)
