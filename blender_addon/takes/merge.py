# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of one Action put into another: a take's into an earlier one, and hand-made ones into a take."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

import bpy

from ..compat import Bag
from ..keying import fcurve_keys


def merge_keys(source: Bag, target: Bag, frames: tuple[int, int]) -> tuple[int, int]:
    """Put the generated keys of ``source`` at ``frames``, first and last, into ``target``; how many keys were replaced,
    and how many were added.

    Keys before and after stay, and so does every channel that the take has not generated.
    """
    replaced = added = 0
    for curve in source.fcurves:
        keys = fcurve_keys.read_keys(curve)
        times = keys["co"][:, 0]
        generated = (keys["type"][:, 0] == fcurve_keys.generated_type()) & (times >= frames[0]) & (times <= frames[1])
        if not generated.any():
            continue
        new, twin = fcurve_keys.select_keys(keys, generated), fcurve_keys.find_matching(target, curve)
        added += int(generated.sum())
        if twin is None:
            fcurve_keys.write_keys(fcurve_keys.copy_fcurve(curve, target), new)
            continue
        old = fcurve_keys.read_keys(twin)
        outside = (old["co"][:, 0] < frames[0]) | (old["co"][:, 0] > frames[1])
        replaced += int((~outside).sum())
        fcurve_keys.write_keys(twin, fcurve_keys.concatenate_keys(fcurve_keys.select_keys(old, outside), new))
    return replaced, added


def carry_over(
    armature: bpy.types.Object,
    bags: Callable[[], tuple[Bag, Bag]],
    keyed: Iterable[str],
    frames: tuple[int, int],
) -> Generator[None, None, int]:
    """Copy hand-made keys from the first of ``bags`` to the second, whose bones ``keyed`` have a motion at ``frames``;
    returns how many channels got some. A generator that hands the thread back, and asks for the bags each time.

    They are fingers and faces, which the model does not know, and what comes before and after the motion. Of the bones
    in motion the keys outside the frames are copied; of their ancestors, and of the object itself, none: they would
    carry the whole body elsewhere.
    """
    keyed = set(keyed)
    prefix = {f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"]': bone.name for bone in armature.data.bones}
    above = {parent.name for bone in keyed for parent in armature.data.bones[bone].parent_recursive} - keyed
    carried = 0
    for channel in fcurve_keys.channel_paths(bags()[0]):
        bone = prefix.get(_bone_part(channel[0]))
        if bone is None or bone in above:
            continue
        source, target = bags()
        carried += _carry_curve(fcurve_keys.find_channel(source, channel), target, frames if bone in keyed else None)
        yield
    return carried


def _carry_curve(curve: bpy.types.FCurve | None, target: Bag, frames: tuple[int, int] | None) -> bool:
    """Copy what was made by hand on ``curve``, outside of ``frames`` if its bone has a motion there; whether there was
    anything.
    """
    if curve is None:
        return False
    by_hand = fcurve_keys.key_types(curve) != fcurve_keys.generated_type()
    keys = fcurve_keys.read_keys(curve) if by_hand.any() else {}
    if keys and frames is not None:
        times = keys["co"][:, 0]
        by_hand &= (times < frames[0]) | (times > frames[1])
    if not by_hand.any() and (len(by_hand) or not curve.modifiers):
        return False
    twin = fcurve_keys.find_matching(target, curve)
    if twin is not None:
        fcurve_keys.write_keys(
            twin, fcurve_keys.concatenate_keys(fcurve_keys.select_keys(keys, by_hand), fcurve_keys.read_keys(twin))
        )
        return True
    if frames is not None:
        return False  # another rotation mode: keys of two modes on one bone show one of them only
    twin = fcurve_keys.copy_fcurve(curve, target)
    if not by_hand.all():
        fcurve_keys.write_keys(twin, fcurve_keys.select_keys(keys, by_hand))
    return True


def _bone_part(path: str) -> str:
    """``pose.bones["Name"]`` of a path that goes on with a property of the bone or of a constraint."""
    end = path.find('"]')
    return path[: end + 2]
