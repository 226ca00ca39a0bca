# SPDX-License-Identifier: GPL-3.0-or-later
"""A stretch of one motion put into another: between two frames the new keys, outside the old ones exactly as they are.

The engine already joins the two smoothly; what an animator changed by hand outside the stretch it does not know, so the
first and the last frames inside go over from the old curve into the new one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..compat import Bag
from ..keying import fcurve_keys
from ..keying.fcurve_keys import Keys
from ..shared.series import smoothstep

if TYPE_CHECKING:
    from ..properties.take import GaitwayTake

BLEND_FRAMES = 4.0
FULL_TURN_RAD = 2 * math.pi


@dataclass(frozen=True)
class Stretch:
    """Scene frames from ``first`` to ``last``. An end that is open is the motion's own: there is nothing to join to."""

    first: float
    last: float
    opens: tuple[bool, bool] = (False, False)


def take_stretch(take: GaitwayTake, first: int, last: int) -> Stretch:
    """The frames of ``take`` between ``first`` and ``last``."""
    opens = first <= take.frame_start, last >= take.frame_end
    return Stretch(max(first, take.frame_start), min(last, take.frame_end), opens)


def splice(bags: Callable[[], tuple[Bag, Bag]], stretch: Stretch) -> Generator[None, None, None]:
    """Make the second of ``bags``, the new one, what the first is, with its own keys in ``stretch``; the first is only
    read. A generator that hands the thread back, and asks for the bags each time.
    """
    old, new = bags()
    flipped = _flipped_quaternions(old, new, stretch.last if stretch.opens[0] else stretch.first)
    for channel in dict.fromkeys([*fcurve_keys.channel_paths(new), *fcurve_keys.channel_paths(old)]):
        old, new = bags()
        before, after = fcurve_keys.find_channel(old, channel), fcurve_keys.find_channel(new, channel)
        if before is not None and after is not None:
            sign = -1.0 if channel[0] in flipped else 1.0
            fcurve_keys.write_keys(after, _joined(before, after, stretch, sign))
        elif before is not None:
            fcurve_keys.copy_fcurve(before, new)
        yield


def _joined(old: bpy.types.FCurve, new: bpy.types.FCurve, stretch: Stretch, sign: float) -> Keys:
    outside, inside = fcurve_keys.read_keys(old), fcurve_keys.read_keys(new)
    times = outside["co"][:, 0]
    outside = fcurve_keys.select_keys(outside, (times < stretch.first) | (times > stretch.last))
    times = inside["co"][:, 0]
    inside = fcurve_keys.select_keys(inside, (times >= stretch.first) & (times <= stretch.last))
    _shift(inside, sign, 0.0)
    border = stretch.last if stretch.opens[0] else stretch.first
    if old.data_path.endswith("rotation_euler") and not all(stretch.opens):
        _shift(inside, 1.0, FULL_TURN_RAD * round((old.evaluate(border) - new.evaluate(border)) / FULL_TURN_RAD))
    ends = []
    for end, is_open in zip((stretch.first, stretch.last), stretch.opens, strict=True):
        if not is_open:
            # It belongs to both: a key stands there, on the old curve.
            inside = fcurve_keys.select_keys(inside, np.abs(inside["co"][:, 0] - end) > 1e-3)
            _blend(inside, old, end, (stretch.last - stretch.first) / 4)
            ends.append(_key_at(old, end))
    return fcurve_keys.concatenate_keys(outside, inside, *ends)


def _shift(keys: Keys, factor: float, offset: float) -> None:
    for name in ("co", "handle_left", "handle_right"):
        keys[name][:, 1] = keys[name][:, 1] * factor + offset


def _blend(keys: Keys, old: bpy.types.FCurve, end: float, longest: float) -> None:
    """Let the keys near ``end`` go over into the old curve."""
    times = keys["co"][:, 0]
    weights = smoothstep(np.clip(np.abs(times - end) / min(BLEND_FRAMES, longest), 0.0, 1.0))
    for row in np.flatnonzero(weights < 1).tolist():
        change = (1 - weights[row]) * (old.evaluate(float(times[row])) - keys["co"][row, 1])
        for name in ("co", "handle_left", "handle_right"):
            keys[name][row, 1] += change


def _key_at(curve: bpy.types.FCurve, frame: float) -> Keys:
    """A generated key on ``curve``, with handles along it."""
    value, slope = curve.evaluate(frame), (curve.evaluate(frame + 0.5) - curve.evaluate(frame - 0.5))
    keys = {name: np.zeros((1, width), dtype) for name, (width, dtype) in fcurve_keys.KEY_FIELDS.items()}
    keys["co"][0] = frame, value
    keys["handle_left"][0] = frame - 1 / 3, value - slope / 3
    keys["handle_right"][0] = frame + 1 / 3, value + slope / 3
    kinds = bpy.types.Keyframe.bl_rna.properties
    for name, item in (("handle_left_type", "AUTO"), ("handle_right_type", "AUTO"), ("interpolation", "BEZIER")):
        keys[name][0] = kinds[name].enum_items[item].value
    keys["type"][0] = fcurve_keys.generated_type()
    return keys


def _flipped_quaternions(old: Bag, new: Bag, frame: float) -> set[str]:
    """Data paths of quaternions that turn the same way in both, but stand at ``frame`` with opposite signs."""
    dots: dict[str, float] = {}
    for curve in new.fcurves:
        twin = fcurve_keys.find_matching(old, curve) if curve.data_path.endswith("rotation_quaternion") else None
        if twin is not None:
            dots[curve.data_path] = dots.get(curve.data_path, 0.0) + curve.evaluate(frame) * twin.evaluate(frame)
    return {path for path, dot in dots.items() if dot < 0}
