# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel says of a finished motion and how it came out on the rig."""

from __future__ import annotations

from ..shared.protocol import Result
from ..shared.skeleton import FPS
from ..takes import fault_words
from ..takes.faults import Fault
from ..takes.observed import Observed
from ..takes.origin import Origin

CM_PER_M = 100


def report(result: Result, origin: Origin, observed: Observed, ground_note: str = "") -> list[str]:
    """The lines of the report: that the motion is broken if it is, length and time taken, what it was made
    of, distance from the controls, what else is to be seen, the ground, detours.
    """
    measured = observed.summary()
    broken = fault_words.broken_notice(observed.faults)
    seconds = result.timing.get("Total", 0.0)
    lines = [broken] if broken else []
    lines += [f"{result.joints.shape[1] / FPS:.1f} s of motion in {seconds:.1f} s, seed {result.seed}"]
    made_of = origin.summary(result.joints.shape[1])
    if made_of:
        lines.append(made_of)
    if measured:
        lines.append(
            f"On the rig, {measured['average'] * CM_PER_M:.1f} cm from the controls on average, "
            f"{measured['maximum'] * CM_PER_M:.1f} cm at worst"
        )
    lines += [_told(fault) for fault in observed.faults if not fault.is_broken]
    if ground_note:
        lines.append(ground_note)
    if observed.detour is not None:
        first, last = observed.detour
        lines.append(f"The path was moved around an obstacle from frame {first:.0f} to {last:.0f}")
    return lines


def _told(fault: Fault) -> str:
    """What is to be seen, as a sentence of its own."""
    text = fault_words.sentence(fault)
    return text[:1].upper() + text[1:]
