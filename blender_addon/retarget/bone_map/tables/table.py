# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a bone table."""

from __future__ import annotations

from dataclasses import dataclass

Names = tuple[str, ...]


@dataclass(frozen=True)
class LimbControls:
    """The controls of a limb that has both: FK, which the table's other names are, and IK.

    ``end`` moves hand or foot, ``pole`` is where elbow or knee points, ``toe`` turns the toes in IK. ``switch_bone``
    carries the custom properties: ``switch`` chooses between the two by the values ``fk`` and ``ik``, with ``{side}``
    for ``left`` and ``right`` in its name; IK follows the pole with the values in ``pole_properties``.
    """

    end: Names
    pole: Names
    switch_bone: Names
    switch: str
    fk: float
    ik: float
    toe: Names = ()
    pole_properties: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class BoneTable:
    """Names that one rig family gives to its bones. Several names for one part are alternatives, the usual one first.

    ``spine`` and ``neck`` are chains instead, from the pelvis up, of which a rig may have any; the first of ``neck``
    is its base. ``hang_on_constraints``: its bones are controls that constraints carry, so where they hang says
    nothing.
    """

    family: str
    sides: tuple[Names, Names]
    pelvis: Names
    spine: Names
    neck: Names
    head: Names
    collar: Names
    shoulder: Names
    elbow: Names
    wrist: Names
    hip: Names
    knee: Names
    ankle: Names
    foot: Names
    arm_controls: LimbControls | None = None
    leg_controls: LimbControls | None = None
    hang_on_constraints: bool = False
