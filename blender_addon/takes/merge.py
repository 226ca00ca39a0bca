# SPDX-License-Identifier: GPL-3.0-or-later
"""A take's keys into an Action that is there: they replace what its channels have at its frames, and nothing else."""

from __future__ import annotations

from ..compat import Bag
from ..keying import fcurve_keys as curve_keys


def merge(source: Bag, target: Bag, frames: tuple[int, int]) -> tuple[int, int]:
    """Put the generated keys of ``source`` at ``frames``, first and last, into ``target``; how many keys went for
    them, and how many came.

    Keys before and after stay, and so does every channel that the take has not generated.
    """
    gone = come = 0
    for curve in source.fcurves:
        keys = curve_keys.read(curve)
        times = keys["co"][:, 0]
        made = (keys["type"][:, 0] == curve_keys.generated_type()) & (times >= frames[0]) & (times <= frames[1])
        if not made.any():
            continue
        new, twin = curve_keys.pick(keys, made), curve_keys.find(target, curve)
        come += int(made.sum())
        if twin is None:
            curve_keys.write(curve_keys.copy(curve, target), new)
            continue
        old = curve_keys.read(twin)
        outside = (old["co"][:, 0] < frames[0]) | (old["co"][:, 0] > frames[1])
        gone += int((~outside).sum())
        curve_keys.write(twin, curve_keys.join(curve_keys.pick(old, outside), new))
    return gone, come
