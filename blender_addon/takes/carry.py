# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator keyed by hand goes on into the Action of a new take: fingers and faces, which the model does not
know, and what comes before and after the motion.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

import bpy

from ..compat import Bag
from ..keying import fcurve_keys as curve_keys


def carry_over(
    armature: bpy.types.Object,
    bags: Callable[[], tuple[Bag, Bag]],
    keyed: Iterable[str],
    frames: tuple[int, int],
) -> Generator[None, None, int]:
    """Copy hand-made keys from the first of ``bags`` to the second, whose bones ``keyed`` have a motion at ``frames``;
    returns how many channels got some. A generator that hands the thread back, and asks for the bags each time.

    Of the bones in motion come the keys outside the frames; of their ancestors, and of the object itself, come none:
    they would carry the whole body elsewhere.
    """
    keyed = set(keyed)
    prefix = {f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"]': bone.name for bone in armature.data.bones}
    above = {parent.name for bone in keyed for parent in armature.data.bones[bone].parent_recursive} - keyed
    carried = 0
    for channel in curve_keys.channels(bags()[0]):
        bone = prefix.get(_bone_part(channel[0]))
        if bone is None or bone in above:
            continue
        source, target = bags()
        carried += _carry(curve_keys.at(source, channel), target, frames if bone in keyed else None)
        yield
    return carried


def _carry(curve: bpy.types.FCurve | None, target: Bag, frames: tuple[int, int] | None) -> bool:
    """Copy what is made by hand on ``curve``, outside of ``frames`` if its bone has a motion there; whether there was
    anything.
    """
    if curve is None:
        return False
    by_hand = curve_keys.types(curve) != curve_keys.generated_type()
    keys = curve_keys.read(curve) if by_hand.any() else {}
    if keys and frames is not None:
        times = keys["co"][:, 0]
        by_hand &= (times < frames[0]) | (times > frames[1])
    if not by_hand.any() and (len(by_hand) or not curve.modifiers):
        return False
    twin = curve_keys.find(target, curve)
    if twin is not None:
        curve_keys.write(twin, curve_keys.join(curve_keys.pick(keys, by_hand), curve_keys.read(twin)))
        return True
    if frames is not None:
        return False  # another rotation mode: keys of two modes on one bone show one of them only
    twin = curve_keys.copy(curve, target)
    if not by_hand.all():
        curve_keys.write(twin, curve_keys.pick(keys, by_hand))
    return True


def _bone_part(path: str) -> str:
    """``pose.bones["Name"]`` of a path that goes on with a property of the bone or of a constraint."""
    end = path.find('"]')
    return path[: end + 2]
