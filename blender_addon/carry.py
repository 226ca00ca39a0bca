# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator keyed by hand goes on into the Action of a new take: fingers and faces, which the model does not
know, and what comes before and after the motion.
"""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from . import curve_keys
from .compat import Bag


def carry_over(
    armature: bpy.types.Object,
    source: Bag,
    target: Bag,
    keyed: Iterable[str],
    frames: tuple[int, int],
) -> int:
    """Copy hand-made keys from ``source`` to ``target``, whose bones ``keyed`` have a motion at ``frames``; returns
    how many channels got some.

    Of the bones in motion come the keys outside the frames; of their ancestors, and of the object itself, come none:
    they would carry the whole body elsewhere.
    """
    keyed = set(keyed)
    prefix = {f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"]': bone.name for bone in armature.data.bones}
    above = {parent.name for bone in keyed for parent in armature.data.bones[bone].parent_recursive} - keyed
    carried = 0
    for curve in source.fcurves:
        if not curve.data_path.startswith("pose.bones["):
            continue
        bone = prefix.get(_bone_part(curve.data_path))
        if bone is None or bone in above:
            continue
        keys = curve_keys.read(curve)
        by_hand = keys["type"][:, 0] != curve_keys.generated_type()
        if bone in keyed:
            times = keys["co"][:, 0]
            by_hand &= (times < frames[0]) | (times > frames[1])
        if not by_hand.any() and (len(by_hand) or not curve.modifiers):
            continue
        twin = curve_keys.find(target, curve)
        if twin is None:
            if bone in keyed:
                continue  # another rotation mode: keys of two modes on one bone show one of them only
            twin = curve_keys.copy(curve, target)
            if not by_hand.all():
                curve_keys.write(twin, curve_keys.pick(keys, by_hand))
        else:
            curve_keys.write(twin, curve_keys.join(curve_keys.pick(keys, by_hand), curve_keys.read(twin)))
        carried += 1
    return carried


def _bone_part(path: str) -> str:
    """``pose.bones["Name"]`` of a path that goes on with a property of the bone or of a constraint."""
    end = path.find('"]')
    return path[: end + 2]
