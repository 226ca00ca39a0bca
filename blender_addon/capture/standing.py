# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody starts a path from a stand, and comes to one at its end: where it begins and ends in the open."""

from __future__ import annotations

import bpy

from .kinds import Control, ControlKind, kind_of
from .timing import keyed_frames

HIPS = "pelvis"


def standing_ends(control: Control, scene: bpy.types.Scene) -> tuple[bool, bool]:
    """Whether the speed along ``control`` rises from a stand at its start, and falls to one at its end.

    Only the hips' path along a curve whose timing comes from a speed does, where its settings say so: at the start of
    the motion, and where no other control leads the hips later. Never in a loop, which has no ends.
    """
    settings = scene.gaitway
    if (
        control.joint != HIPS
        or kind_of(control) is not ControlKind.CURVE
        or control.pace == "ANIMATED"
        or settings.loop
    ):
        return False, False
    others = [other for other in map(_led_frames, _others(control, settings)) if other is not None]
    begins = control.frame_start <= settings.start_frame
    return (
        control.from_standing and begins and not any(first < control.frame_start for first, _ in others),
        control.to_standing and not any(last > control.frame_end for _, last in others),
    )


def _others(control: Control, settings: bpy.types.PropertyGroup) -> list[Control]:
    """The other controls that lead the hips in the world."""
    return [
        other
        for other in settings.controls
        if other.enabled
        and other.joint == HIPS
        and other.target is not None
        and kind_of(other) is not ControlKind.RELATIVE
        and (other.target, other.frame_start, other.frame_end)
        != (control.target, control.frame_start, control.frame_end)
    ]


def _led_frames(control: Control) -> tuple[float, float] | None:
    """First and last scene frame in which ``control`` leads its joint; None when there are none."""
    if kind_of(control) is ControlKind.CURVE or control.times == "RANGE":
        return control.frame_start, control.frame_end
    keys = keyed_frames(control.target, control.bone)
    return (float(keys[0]), float(keys[-1])) if len(keys) else None
