# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of a motion in words: what is to be seen, and what to do about it. No bpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .faults import Fault

BONES = "Check under Bones which bone is which joint, and that left is left"
SIZES = "Check that the path fits the character's size"
FLOOR = "Check the floor under Feet and Hands, and under Bones where the character stands"


@dataclass(frozen=True)
class FaultText:
    """``label``: the fault in a list; ``sentence``: what is to be seen. Both know the ``{part}`` of the body,
    ``sentence`` how much (``{amount}``) as well. ``unit``: "cm", "deg" or "%", of ``Fault.amount`` in metres, degrees
    and shares. ``advice``: what to do."""

    label: str
    sentence: str
    unit: str
    advice: str


WORDS = {
    "hips": FaultText("Hips turned away", "the hips look {amount} away from the motion", "deg", BONES),
    "limb": FaultText("{part} off the motion", "the {part} is up to {amount} away from the motion", "deg", BONES),
    "stretch": FaultText("{part} changes its length", "the {part} changes its length by {amount}", "%", BONES),
    "knee": FaultText("{part} bends backward", "the {part} bends backward by {amount}", "deg", BONES),
    "under": FaultText("{part} under the ground", "the {part} is up to {amount} under the ground", "cm", FLOOR),
    "over": FaultText("{part} over the ground", "the {part} stands up to {amount} over the ground", "cm", FLOOR),
    "hover": FaultText("Feet over the ground", "the feet hang up to {amount} over the ground", "cm",
                       "Lower the path of the hips, or choose On the Ground for it"),
    "slide": FaultText("Foot sliding", "a standing foot slides by {amount}", "cm",
                       f"{SIZES}, and that Lock Feet is on"),
    "reach": FaultText("{part} out of reach", "the control of the {part} is {amount} out of reach", "cm",
                   "Move the control closer to the character"),
}  # fmt: skip


def label(fault: Fault) -> str:
    """The fault as a row of a list names it."""
    text = WORDS[fault.kind].label.format(part=_part(fault))
    return text[:1].upper() + text[1:]


def amount(fault: Fault) -> str:
    """How much it is at worst."""
    unit = WORDS[fault.kind].unit
    if unit == "deg":
        return f"{fault.amount:.0f}°"
    return f"{100 * fault.amount:.0f} %" if unit == "%" else f"{100 * fault.amount:.1f} cm"


def sentence(fault: Fault) -> str:
    """What is to be seen, with its frame: "the left knee bends backward by 40° at frame 12"."""
    text = WORDS[fault.kind].sentence.format(part=_part(fault), amount=amount(fault))
    return f"{text} at frame {fault.frame:.0f}"


def broken_notice(faults: Sequence[Fault]) -> str:
    """What is said first of a motion that is broken, and what to do; nothing of one that is not."""
    broken = [fault for fault in faults if fault.is_broken]
    if not broken:
        return ""
    first = broken[0]
    more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
    return f"This motion looks broken: {sentence(first)}{more}. {WORDS[first.kind].advice}."


def _part(fault: Fault) -> str:
    """The part of the body as people call it: "left leg" for what ends at the left ankle."""
    side, _, joint = fault.joint.partition("_")
    if fault.kind in ("limb", "stretch"):
        joint = "arm" if joint in ("elbow", "wrist") else "leg"
    elif fault.kind in ("under", "over"):
        joint = "foot"
    elif fault.kind == "reach":
        joint = {"wrist": "hand", "ankle": "foot"}.get(joint, joint)
    return f"{side} {joint}".strip()
