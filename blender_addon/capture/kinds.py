# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of controls, and what a control is called. A new kind has a row here, one in :data:`.tracks.READERS` (what
it asks of a joint in the world) and one in the tab (``ui/controls/panel.py``: its settings).
"""

from __future__ import annotations

from enum import Enum
from types import SimpleNamespace
from typing import TypeAlias

import bpy

from .. import offscreen
from ..shared.errors import BadControl

Control: TypeAlias = bpy.types.PropertyGroup | SimpleNamespace
"""A control of the list, or a copy of what it said when reading began."""


class ControlKind(Enum):
    """What leads the joint of a control."""

    CURVE = "a curve to move along"
    OBJECT = "an object or a bone"
    RELATIVE = "another joint, at an offset"


def kind_of(control: Control) -> ControlKind:
    """What leads the joint of ``control``."""
    if control.relative_to != "WORLD":
        return ControlKind.RELATIVE
    return ControlKind.CURVE if leads_along(control) else ControlKind.OBJECT


def leads_along(control: Control) -> bool:
    """Whether the joint moves along lines of the control's object: a curve always, other lines where told."""
    target = control.target
    if target is None or control.bone:
        return False
    return target.type == "CURVE" or (control.along_lines and offscreen.has_lines(target))


def control_label(control: Control) -> str:
    """What the control is called in lists and messages."""
    if control.target is None:
        return "An empty control"
    return f"'{control.target.name}: {control.bone}'" if control.bone else f"'{control.target.name}'"


def check_control(control: Control, scene: bpy.types.Scene) -> None:
    """Raise BadControl for a control whose object is not in ``scene``, or has no such bone."""
    target = control.target
    if target is None or target.name not in scene.objects:
        label = control_label(control)
        raise BadControl(f"{label} has no object in this scene.", "Remove the control, or choose an object for it.")
    if control.bone and (target.type != "ARMATURE" or control.bone not in target.data.bones):
        raise BadControl(f"'{target.name}' has no bone called '{control.bone}'.", "Choose one of its bones.")
